"""`MetadataStore`: get and put refs, facts and decisions, many at a time."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from registry.facts import CommitFacts, HubHints, RepoFacts
from store import codec, rows
from store.database.database import Database
from store.errors import StoreError
from store.keys import DecisionKey, FactsKey, ref_key
from store.records import Record, StoredRef, StoreInfo
from store.sql.known_refs import KnownRef, read_refs_about
from store.sql.recall import COMMIT_FACTS, statements
from store.sql.stats import SECONDS_PER_DAY, read_info
from store.sql.tombstones import withdrawn_rows
from store.sql.upserts import puts

logger = logging.getLogger(__name__)


class MetadataStore(Database):
    """What has been learned about repos, in one SQLite file or a PostgreSQL database. Promises:

    - A row that was put is there after the process is killed, and is seen by every process that shares the store.
    - `put` writes all of its records, or, when it fails or is cancelled, none of them.
    - A row that cannot be read is logged and counts as missing: what is stored never breaks an answer.
    - Reading never writes, and never waits for a writer.
    - A damaged file is kept under another name, never deleted, and a new one begun.

    Open it with `async with`, in the event loop that uses it.
    """

    def __init__(self, location: str | Path, *, may_create: bool = True, is_optional: bool = False) -> None:
        """As `Database`.

        Raises:
            StoreError: a URL that names a database this package does not work with.
        """
        super().__init__(location, may_create=may_create, is_optional=is_optional)
        self._statements = statements(is_sqlite=self.is_sqlite)
        self._puts = puts(is_sqlite=self.is_sqlite)

    async def recall(
        self, endpoint: str, scope: str, names: Sequence[tuple[str, str]], decided_by: DecisionKey
    ) -> list[StoredRef | None]:
        """The ref of each (repo id, revision) in `names`, with the decision made under `decided_by`; None: unknown."""
        places = {ref_key(endpoint, scope, *name): place for place, name in enumerate(names)}
        found: list[StoredRef | None] = [None] * len(names)
        parameters = {
            "endpoint": endpoint,
            "scope": scope,
            "rules_id": decided_by.rules_id,
            "asked": decided_by.asked,
        }

        async def look(connection: AsyncConnection) -> None:
            for keys in self._statements.batches(list(places)):
                for row in await self._statements.recalled(connection, {**parameters, "keys": keys}):
                    ref = StoredRef._make(row)
                    place = places[ref.key]
                    if names[place] == (ref.repo_id, ref.revision):
                        found[place] = ref

        await self.read(look)
        # The same name may be asked for twice; a dict keeps its last place only.
        if len(places) < len(names):
            by_name = {(ref.repo_id, ref.revision): ref for ref in found if ref is not None}
            return [by_name.get(name) for name in names]
        return found

    async def get_repo_facts(self, found: Iterable[StoredRef]) -> dict[int, RepoFacts]:
        """Facts and hints that the refs lead to, by the refs' keys; those that are gone or unreadable are left out."""
        by_key: dict[int, RepoFacts] = {}
        wanted = [ref.key for ref in found if ref.commit_hash is not None]

        async def look(connection: AsyncConnection) -> None:
            for keys in self._statements.batches(wanted):
                for row in (await connection.execute(self._statements.repo_facts, {"keys": keys})).all():
                    try:
                        commit, hints = codec.decode(CommitFacts, row.body), codec.decode(HubHints, row.hints)
                    except codec.UnreadableBodyError as error:
                        logger.warning("what is stored of %s is left out: %s", row.repo_id, error)
                        continue
                    by_key[row.key] = RepoFacts(commit=commit, hints=hints)

        await self.read(look)
        return by_key

    async def get_commit_facts(self, key: FactsKey) -> CommitFacts | None:
        """The facts of a commit; None where there are none, or they cannot be read."""
        bodies: list[bytes] = []

        async def look(connection: AsyncConnection) -> None:
            bodies.extend((await connection.execute(COMMIT_FACTS, {"facts_key": key.key})).scalars())

        await self.read(look)
        try:
            return codec.decode(CommitFacts, bodies[0]) if bodies else None
        except codec.UnreadableBodyError as error:
            logger.warning("what is stored of %s@%s is left out: %s", key.canonical_id, key.commit_hash, error)
            return None

    async def refs_about(self, repo_id: str, scopes: Collection[str]) -> list[KnownRef]:
        """Refs of a repo under this name or another, at any endpoint, that one of `scopes` may see, latest first."""
        found: list[KnownRef] = []

        async def look(connection: AsyncConnection) -> None:
            found.extend(await read_refs_about(connection, repo_id, scopes))

        await self.read(look)
        return found

    async def put(self, records: Sequence[Record]) -> None:
        """Store all that `records` hold, in one transaction.

        Raises:
            StoreError: nothing was stored (a full disk, a read-only file).
        """
        await self.put_rows(rows.rows_of(records))

    async def put_rows(self, items: rows.Rows) -> None:
        """As `put`, of records that were made into rows before.

        Raises:
            StoreError: nothing was stored.
        """

        async def put(connection: AsyncConnection) -> None:
            withdrawn = await withdrawn_rows(connection, items.hidden) if items.hidden else []
            await self._put(connection, replace(items, refs=items.refs + withdrawn))

        await self.write(put)

    async def merge(self, items: rows.Rows) -> None:
        """Store rows that another store held, in one transaction. Of two checks of a ref the later one wins.

        Raises:
            StoreError: nothing was stored.
        """

        async def put(connection: AsyncConnection) -> None:
            await self._put(connection, items, merge=True)

        await self.write(put)

    async def add_lookups(self, hits: int, misses: int, *, now_s: float) -> None:
        """Add to the counts of look-ups that the store answered, and of those that it did not. A store that cannot be
        written is not told of: the counts are for those who are curious.
        """
        row = {"day": int(now_s) // SECONDS_PER_DAY, "hits": hits, "misses": misses}

        async def add(connection: AsyncConnection) -> None:
            await connection.execute(self._statements.add_lookups, row)

        with suppress(StoreError):
            await self.write(add)

    async def info(self) -> StoreInfo:
        """Counts, sizes, ages, and how often it had the answer."""
        async with self.snapshot() as connection:
            return await read_info(connection, self.name)

    async def _put(self, connection: AsyncConnection, items: rows.Rows, *, merge: bool = False) -> None:
        """Upsert `items`; with `merge` a ref checked in the same second as the one stored does not take its place."""
        puts = self._puts
        # Facts first: the others look up their row ids.
        given = (
            (puts.facts, items.facts),
            (puts.merged_refs if merge else puts.refs, items.refs),
            (puts.decisions, items.decisions),
        )
        for put, some in given:
            if some and self.is_sqlite:
                driver: Any = (await connection.get_raw_connection()).driver_connection
                await driver.execute_fetchall(put.text, put.packed(some))
            elif some:
                await connection.exec_driver_sql(put.text, put.arranged(some))
