"""`MetadataStore`: gets and puts refs, facts and decisions, many at a time."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncConnection

from registry.facts import CommitFacts, HubHints, RepoFacts
from store import codec
from store.database.database import Database
from store.errors import StoreError
from store.keys import DecisionKey, FactsKey, compute_ref_key
from store.records import Record, StoredRef, StoreInfo
from store.rows import Rows, build_rows
from store.sql.dialect import Dialect
from store.sql.known_refs import KnownRef, read_known_refs
from store.sql.postgres_dialect import PostgresDialect
from store.sql.recall import COMMIT_FACTS, build_recall_statements
from store.sql.sqlite_dialect import SqliteDialect
from store.sql.stats import DAY_S, read_info
from store.sql.tombstones import build_tombstones
from store.sql.upserts import build_upserts

logger = logging.getLogger(__name__)


class MetadataStore(Database):
    """Refs, facts and decisions of repos, in one SQLite file or a PostgreSQL database. Promises:

    - A record that was put survives the end of the process, and every process that shares the store sees it.
    - `put` stores all of its records, or, when it fails or is cancelled, none of them.
    - A row that cannot be read is logged and treated as missing: damage in the store never fails an answer.
    - Reading never writes, and never waits for a writer.
    - A damaged file is moved to another name, never deleted, and a new store is created.

    Open it with `async with`, in the event loop that uses it.
    """

    def __init__(self, location: str | Path, *, may_create: bool = True, is_optional: bool = False) -> None:
        """A closed store at a file path or a SQLAlchemy URL. The parameters are those of `Database`.

        Raises:
            StoreError: the URL is for a database that the store does not support.
        """
        super().__init__(location, may_create=may_create, is_optional=is_optional)
        self.dialect: Dialect = SqliteDialect() if self.is_sqlite else PostgresDialect()
        self._statements = build_recall_statements(self.dialect)
        self._upserts = build_upserts(self.dialect)

    async def recall(
        self, endpoint: str, scope: str, names: Sequence[tuple[str, str]], decision_key: DecisionKey
    ) -> list[StoredRef | None]:
        """The ref of each (repo id, revision) in `names`, in order, with its decision by `decision_key`; None where
        there is no ref.
        """
        places = {compute_ref_key(endpoint, scope, *name): place for place, name in enumerate(names)}
        found: list[StoredRef | None] = [None] * len(names)
        parameters = {
            "endpoint": endpoint,
            "scope": scope,
            "rules_id": decision_key.rules_id,
            "asked": decision_key.asked,
        }

        async def query(connection: AsyncConnection) -> None:
            for keys in self._statements.split_keys(list(places)):
                for row in await self._statements.fetch_refs(connection, {**parameters, "keys": keys}):
                    ref = StoredRef._make(row)
                    place = places[ref.key]
                    if names[place] == (ref.repo_id, ref.revision):
                        found[place] = ref

        await self.read(query)
        # A name may occur twice; `places` has only its last place.
        if len(places) < len(names):
            by_name = {(ref.repo_id, ref.revision): ref for ref in found if ref is not None}
            return [by_name.get(name) for name in names]
        return found

    async def get_repo_facts(self, refs: Iterable[StoredRef]) -> dict[int, RepoFacts]:
        """Facts and hints of `refs`, by the refs' keys; without those that are missing or cannot be read."""
        by_key: dict[int, RepoFacts] = {}
        ref_keys = [ref.key for ref in refs if ref.commit_hash is not None]

        async def query(connection: AsyncConnection) -> None:
            for keys in self._statements.split_keys(ref_keys):
                for row in (await connection.execute(self._statements.repo_facts, {"keys": keys})).all():
                    try:
                        commit, hints = codec.decode(CommitFacts, row.body), codec.decode(HubHints, row.hints)
                    except codec.UnreadableBodyError as error:
                        logger.warning("the stored facts of %s are ignored: %s", row.repo_id, error)
                        continue
                    by_key[row.key] = RepoFacts(commit=commit, hints=hints)

        await self.read(query)
        return by_key

    async def get_commit_facts(self, key: FactsKey) -> CommitFacts | None:
        """The facts of a commit; None where there are none, or they cannot be read."""
        bodies: list[bytes] = []

        async def query(connection: AsyncConnection) -> None:
            bodies.extend((await connection.execute(COMMIT_FACTS, {"facts_key": key.key})).scalars())

        await self.read(query)
        try:
            return codec.decode(CommitFacts, bodies[0]) if bodies else None
        except codec.UnreadableBodyError as error:
            logger.warning("the stored facts of %s@%s are ignored: %s", key.canonical_id, key.commit_hash, error)
            return None

    async def find_known_refs(self, repo_id: str, scopes: Collection[str]) -> list[KnownRef]:
        """Refs of a repo under any of its names, at any endpoint, that one of `scopes` may see, latest check first."""
        found: list[KnownRef] = []

        async def query(connection: AsyncConnection) -> None:
            found.extend(await read_known_refs(connection, repo_id, scopes))

        await self.read(query)
        return found

    async def put(self, records: Sequence[Record]) -> None:
        """Store `records` in one transaction.

        Raises:
            StoreError: nothing was stored (a full disk, a read-only file).
        """
        await self.put_rows(build_rows(records))

    async def put_rows(self, rows: Rows) -> None:
        """Store the rows of records in one transaction, and the tombstones of those that are hidden.

        Raises:
            StoreError: nothing was stored.
        """

        async def put(connection: AsyncConnection) -> None:
            tombstones = await build_tombstones(connection, rows.hidden) if rows.hidden else []
            await self._upsert(connection, replace(rows, refs=rows.refs + tombstones))

        await self.write(put)

    async def merge(self, rows: Rows) -> None:
        """Store rows of another store in one transaction. Of two checks of a ref the later one wins.

        Raises:
            StoreError: nothing was stored.
        """

        async def put(connection: AsyncConnection) -> None:
            await self._upsert(connection, rows, is_merge=True)

        await self.write(put)

    async def add_lookups(self, hits: int, misses: int, *, now_s: float) -> None:
        """Add to the counts of hits and misses of the day. Does nothing where the store cannot be written: the counts
        are only for information.
        """
        row = {"day": int(now_s) // DAY_S, "hits": hits, "misses": misses}

        async def add(connection: AsyncConnection) -> None:
            await connection.execute(self._statements.add_lookups, row)

        with suppress(StoreError):
            await self.write(add)

    async def get_info(self) -> StoreInfo:
        """Counts, sizes, ages and hit rates.

        Raises:
            StoreError: the store cannot be read.
        """
        async with self.snapshot() as connection:
            return await read_info(connection, self.dialect, self.name)

    async def _upsert(self, connection: AsyncConnection, rows: Rows, *, is_merge: bool = False) -> None:
        """Insert or update `rows`. In a merge, a ref does not replace one that was checked in the same second."""
        upserts = self._upserts
        # Facts first: the statements for refs and decisions select the row ids of facts.
        if rows.facts:
            await upserts.facts.execute(connection, rows.facts)
        if rows.refs:
            await (upserts.merged_refs if is_merge else upserts.refs).execute(connection, rows.refs)
        if rows.decisions:
            await upserts.decisions.execute(connection, rows.decisions)
