"""`MetadataStore`: gets and puts refs, facts and decisions, many at a time."""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncGenerator, Callable, Collection, Iterable, Sequence
from contextlib import aclosing, suppress
from pathlib import Path
from types import TracebackType

from sqlalchemy import Executable
from sqlalchemy.ext.asyncio import AsyncConnection

from registry.decision import Decision
from registry.facts import CommitFacts, HubHints, RepoFacts
from registry.releases.update import RegistryUpdate
from registry.repo_names import is_repo_name, is_revision
from store import codec
from store.checks import decode_facts
from store.database.database import MAX_LOCK_WAIT_S, Database
from store.decision_columns import build_latest
from store.errors import StoreBusyError, StoreError
from store.keys import PUBLIC, DecisionKey, FactsKey, compute_ref_key, hash_bytes
from store.quotas import LeaseRequest, QuotaKey, QuotaLease, find_problem, lease
from store.reading import RefReader
from store.records import CLOCK_SKEW_S, ListingState, Record, StoredRef, StoreInfo
from store.rows import FactsRow, RefRow, Rows, build_rows
from store.sql.commit_decisions import read_commit_decisions
from store.sql.damaged import DamagedRows
from store.sql.dialect import Dialect
from store.sql.history import remove_old_history
from store.sql.known_refs import KnownRef, read_known_refs
from store.sql.listings import read_listing, read_unseen, write_listing
from store.sql.postgres_dialect import PostgresDialect
from store.sql.quotas import read_quota, write_quota
from store.sql.recall import COMMIT_FACTS, build_recall_statements
from store.sql.ref_pages import count_refs, read_endpoints, read_past_pages, read_ref_pages
from store.sql.registry_updates import read_updates, remove_updates, write_updates
from store.sql.repo_refs import read_repo_refs
from store.sql.sqlite_dialect import SqliteDialect
from store.sql.stats import DAY_S, read_info
from store.sql.tombstones import build_tombstones, drop_withdrawn
from store.sql.upserts import build_upserts

logger = logging.getLogger(__name__)

MAX_LEASE_WAIT_S = 3.0
"""How long a lease of a quota waits for another process's transaction."""

MAX_LEASE_ATTEMPTS = 50
"""Attempts to take a lease while other processes take theirs; one of them succeeds each time."""


class MetadataStore(Database):
    """Refs, facts and decisions of repos, in one SQLite file or a PostgreSQL database. Promises:

    - A record that was put survives the end of the process, and every process that shares the store sees it.
    - `put` stores all of its records, or, when it fails or is cancelled, none of them.
    - A row that cannot be read is logged and treated as missing: damage in the store never fails an answer.
    - A damaged row is treated as missing as well, and removed before the next rows are written.
    - Reading never writes, and never waits for a writer.
    - A damaged file is moved to another name, never deleted, and a new store is created.

    Open it with `async with`, in the event loop that uses it.
    """

    def __init__(
        self,
        location: str | Path,
        *,
        may_create: bool = True,
        is_optional: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """A closed store at a file path or a SQLAlchemy URL. `clock` gives the time in seconds since 1970, UTC: rows of
        a later time were written by a wrong clock. The other parameters are those of `Database`.

        Raises:
            StoreError: the URL is for a database that the store does not support.
        """
        super().__init__(location, may_create=may_create, is_optional=is_optional)
        self.dialect: Dialect = SqliteDialect() if self.is_sqlite else PostgresDialect()
        self.clock = clock
        self._statements = build_recall_statements(self.dialect)
        self._upserts = build_upserts(self.dialect)
        self._damaged = DamagedRows()
        self._history_pruned_at_s: float | None = None

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._damaged.has_rows:
            with suppress(StoreError):
                await self.write(self._damaged.remove, lock_wait_s=0)
        if self._damaged.count:
            logger.warning(
                "%d damaged rows of the store %s were not used: `hubresolve store verify` checks all rows",
                self._damaged.count,
                self.name,
            )
        await super().__aexit__(kind, error, trace)

    @property
    def damaged_rows(self) -> int:
        """How many damaged rows were read since the store was opened; none was used."""
        return self._damaged.count

    async def recall(
        self, endpoint: str, scope: str, names: Sequence[tuple[str, str]], decision_key: DecisionKey
    ) -> list[StoredRef | None]:
        """The ref of each (repo id, revision) in `names`, in order, with its decision by `decision_key`; None where
        there is no ref.
        """
        places = {compute_ref_key(endpoint, scope, *name): place for place, name in enumerate(names)}
        reader = RefReader(endpoint, scope, decision_key)
        found: list[StoredRef | None] = [None] * len(names)
        parameters = {
            "endpoint": endpoint,
            "scope": scope,
            "rules_id": decision_key.rules_id,
            "asked": decision_key.asked,
        }

        async def query(connection: AsyncConnection) -> None:
            for keys in self._statements.split_keys(list(places)):
                rows = await self._statements.fetch_refs(connection, {**parameters, "keys": keys})
                for ref in reader.read(rows):
                    place = places[ref.key]
                    if names[place] == (ref.repo_id, ref.revision):
                        found[place] = ref

        await self.read(query)
        self._damaged.add_refs(reader.damaged)
        self._damaged.add_count(len(reader.damaged_decisions))
        # A name may occur twice; `places` has only its last place.
        if len(places) < len(names):
            by_name = {(ref.repo_id, ref.revision): ref for ref in found if ref is not None}
            return [by_name.get(name) for name in names]
        return found

    async def get_repo_facts(self, refs: Iterable[StoredRef]) -> dict[int, RepoFacts]:
        """Facts and hints of `refs`, by the refs' keys; without those that are missing or cannot be read."""
        return await self._get_facts(refs, self._statements.repo_facts)

    async def get_past_facts(self, refs: Iterable[StoredRef]) -> dict[int, RepoFacts]:
        """The same of `refs` that are no longer as they were; without those that still are."""
        return await self._get_facts(refs, self._statements.past_facts)

    async def _get_facts(self, refs: Iterable[StoredRef], statement: Executable) -> dict[int, RepoFacts]:
        by_key: dict[int, RepoFacts] = {}
        asked = {ref.key: ref for ref in refs if ref.commit_hash is not None}
        damaged = set[int]()

        async def query(connection: AsyncConnection) -> None:
            for keys in self._statements.split_keys(list(asked)):
                for ref_key, hints_body, *values in await connection.execute(statement, {"keys": keys}):
                    ref, row = asked[ref_key], FactsRow._make(values)
                    try:
                        commit, hints = decode_facts(row), codec.decode(HubHints, hints_body)
                    except codec.UnreadableBodyError as error:
                        logger.warning("the stored facts of %s are not used: %s", ref.repo_id, error)
                        damaged.add(row.key)
                        continue
                    if statement is self._statements.past_facts and hash_bytes(hints_body) != ref.hints_id:
                        # Of the same commit with other hints.
                        continue
                    if (row.canonical_id, row.commit_hash) == (ref.canonical_id, ref.commit_hash):
                        by_key[ref_key] = RepoFacts(commit=commit, hints=hints)

        await self.read(query)
        self._damaged.add_facts(damaged)
        return by_key

    async def get_commit_facts(self, key: FactsKey) -> CommitFacts | None:
        """The facts of a commit; None where there are none, or they cannot be read."""
        rows: list[FactsRow] = []

        async def query(connection: AsyncConnection) -> None:
            rows.extend(map(FactsRow._make, await connection.execute(COMMIT_FACTS, {"facts_key": key.key})))

        await self.read(query)
        try:
            return decode_facts(rows[0]) if rows else None
        except codec.UnreadableBodyError as error:
            logger.warning("the stored facts of %s@%s are not used: %s", key.canonical_id, key.commit_hash, error)
            self._damaged.add_facts({key.key})
            return None

    async def get_commit_decisions(self, key: FactsKey, decision_key: DecisionKey) -> dict[int, Decision]:
        """The decisions on a commit by `decision_key`, by the `hints_id` of the hints that they were made with."""
        found: dict[int, Decision] = {}

        async def query(connection: AsyncConnection) -> None:
            found.update(await read_commit_decisions(connection, key, decision_key))

        await self.read(query)
        return found

    async def find_known_refs(self, repo_id: str, scopes: Collection[str]) -> list[KnownRef]:
        """Refs of a repo under any of its names, at any endpoint, that one of `scopes` may see, latest check first."""
        found: list[KnownRef] = []

        async def query(connection: AsyncConnection) -> None:
            found.extend(await read_known_refs(connection, repo_id, scopes))

        await self.read(query)
        return found

    async def list_repo_refs(self, endpoint: str, repo_id: str, scopes: Collection[str]) -> list[RefRow]:
        """All refs of a repo in `scopes`, under each of its names and spellings, with tombstones and problems."""
        found: list[RefRow] = []

        async def query(connection: AsyncConnection) -> None:
            found[:] = await read_repo_refs(connection, self.dialect, endpoint, repo_id, scopes)

        await self.read(query)
        return found

    async def list_refs(
        self, endpoint: str, decision_key: DecisionKey, *, author: str | None = None
    ) -> AsyncGenerator[list[StoredRef]]:
        """The public refs of an endpoint that lead to a commit, with their decisions by `decision_key`: pages, those
        stored first coming first, all of one state of the store. With `author` (in any letter case), only
        those whose requested or canonical id begins with it. Damaged refs are left out.

        Raises:
            StoreError: the store cannot be read.
        """
        reader = RefReader(endpoint, PUBLIC, decision_key)
        async with (
            self.snapshot() as connection,
            aclosing(read_ref_pages(connection, endpoint, decision_key, author)) as pages,
        ):
            async for rows in pages:
                yield [ref for ref in reader.read(rows) if _is_listable(ref, endpoint)]
        # They are only counted: a listing removes nothing.
        self._damaged.add_count(len(reader.damaged) + len(reader.damaged_decisions))

    async def list_past_refs(
        self, endpoint: str, decision_key: DecisionKey, *, moment_s: int, since_s: int
    ) -> AsyncGenerator[list[StoredRef]]:
        """The same pages of refs as they were at `moment_s`, but for those that are the same since `since_s`: two such
        lists, at `since_s` and at a later moment, differ in all that changed in between. Seconds since 1970, UTC.

        Raises:
            StoreError: the store cannot be read.
        """
        reader = RefReader(endpoint, PUBLIC, decision_key)
        async with (
            self.snapshot() as connection,
            aclosing(read_past_pages(connection, endpoint, decision_key, moment_s=moment_s, since_s=since_s)) as pages,
        ):
            async for rows in pages:
                yield [ref for ref in reader.read(rows) if _is_listable(ref, endpoint)]
        self._damaged.add_count(len(reader.damaged) + len(reader.damaged_decisions))

    async def count_refs(self, endpoint: str) -> int:
        """How many refs `list_refs` lists.

        Raises:
            StoreError: the store cannot be read.
        """
        async with self.snapshot() as connection:
            return await count_refs(connection, endpoint)

    async def list_endpoints(self) -> list[str]:
        """The endpoints of which the store has public refs that lead to a commit.

        Raises:
            StoreError: the store cannot be read.
        """
        async with self.snapshot() as connection:
            return await read_endpoints(connection)

    async def put(self, records: Sequence[Record]) -> None:
        """Store `records` in one transaction.

        Raises:
            StoreError: nothing was stored (a full disk, a read-only file).
        """
        await self.put_rows(build_rows(records))

    async def put_rows(self, rows: Rows, *, lock_wait_s: float = MAX_LOCK_WAIT_S) -> None:
        """Store the rows of records in one transaction, and the tombstones of those that are hidden. A record of a repo
        that was withdrawn since it was checked is not stored.

        Raises:
            StoreBusyError: another process held the lock for `lock_wait_s`; nothing was stored.
            StoreError: nothing was stored.
        """

        async def put(connection: AsyncConnection) -> None:
            now_s = self.clock()
            if self._damaged.has_rows:
                await self._damaged.remove(connection)
            # First, so that they count for the other rows too.
            await self._withdraw(connection, rows.hidden, now_s)
            await self._upsert(connection, rows, now_s)
            if self._history_pruned_at_s is None or now_s - self._history_pruned_at_s >= DAY_S:
                if not await remove_old_history(connection, now_s):
                    self._history_pruned_at_s = now_s

        await self.write(put, lock_wait_s=lock_wait_s)
        self._damaged.forget_removed()

    async def merge(self, rows: Rows) -> None:
        """Store rows of another store in one transaction. Of two checks of a ref the later one wins; facts and
        decisions are added.

        Raises:
            StoreError: nothing was stored.
        """

        async def put(connection: AsyncConnection) -> None:
            await self._upsert(connection, rows, self.clock(), is_merge=True)

        await self.write(put)

    async def add_lookups(self, hits: int, misses: int, *, now_s: float) -> None:
        """Add to the counts of hits and misses of the day. Does nothing where the store cannot be written: the counts
        are only for information.
        """
        row = {"day": int(now_s) // DAY_S, "hits": hits, "misses": misses}

        async def add(connection: AsyncConnection) -> None:
            await connection.execute(self._statements.add_lookups, row)

        with suppress(StoreError):
            await self.write(add, lock_wait_s=0)

    async def get_registry_updates(self) -> tuple[RegistryUpdate, ...]:
        """The tables of newer releases that all workers of the store decide by; damaged ones are left out."""
        found: list[RegistryUpdate] = []
        problems: list[str] = []

        async def query(connection: AsyncConnection) -> None:
            found[:], damaged = await read_updates(connection)
            problems[:] = damaged.values()

        await self.read(query)
        for problem in problems:
            logger.warning("%s; it is not used: run `hubresolve registry update` again", problem)
        return tuple(found)

    async def put_registry_updates(self, updates: Sequence[RegistryUpdate]) -> None:
        """Store the tables of releases in one transaction, each in place of the one of its library.

        Raises:
            StoreError: nothing was stored.
        """

        async def put(connection: AsyncConnection) -> None:
            await write_updates(connection, updates)

        await self.write(put)

    async def remove_registry_updates(self) -> int:
        """Remove all registry updates; returns how many there were.

        Raises:
            StoreError: nothing was removed.
        """
        return await self.write(remove_updates) or 0

    async def lease_quota(self, key: QuotaKey, request: LeaseRequest) -> QuotaLease | None:
        """Take requests of a quota that all processes of the store share; None where the store is disabled.

        A row that cannot be true is logged, and begun anew with a probe.

        Raises:
            StoreError: the row cannot be read or written now.
        """
        asked_at_s = time.monotonic()

        async def take(connection: AsyncConnection) -> QuotaLease:
            for _ in range(MAX_LEASE_ATTEMPTS):
                row, version, now_s = await read_quota(connection, self.dialect, key)
                problem = find_problem(row, now_s) if row is not None else None
                if problem is not None:
                    logger.warning("the stored quota of %s requests is not believed: %s", key.bucket, problem)
                    row = None
                changed, granted = lease(row, request, now_s, elapsed_s=time.monotonic() - asked_at_s)
                if changed is None or changed == row:
                    return granted
                if await write_quota(connection, self.dialect, key, changed, version, now_s):
                    return granted
            raise StoreBusyError(f"other processes change the quota of {key.bucket} requests all the time")

        return await self.write_each(take, lock_wait_s=MAX_LEASE_WAIT_S)

    async def get_listing(self, endpoint: str, scope: str, query: str) -> ListingState:
        """How far the listing of a query was read with a token of this scope."""
        found: list[ListingState | None] = []

        async def read(connection: AsyncConnection) -> None:
            found[:] = [await read_listing(connection, endpoint, scope, query)]

        await self.read(read)
        return (found[0] if found else None) or ListingState()

    async def put_listing(self, endpoint: str, scope: str, query: str, state: ListingState) -> None:
        """Store how far a listing was read.

        Raises:
            StoreError: nothing was stored.
        """

        async def put(connection: AsyncConnection) -> None:
            await write_listing(connection, endpoint, scope, query, state)

        await self.write(put)

    async def list_unseen(
        self, endpoint: str, before_s: int, *, author: str | None = None
    ) -> AsyncGenerator[list[str]]:
        """Pages of the public repos that were last checked before `before_s` (seconds since 1970, UTC); with `author`,
        of this user or organisation.

        Raises:
            StoreError: the store cannot be read.
        """
        async with (
            self.snapshot() as connection,
            aclosing(read_unseen(connection, endpoint, before_s, author)) as pages,
        ):
            async for names in pages:
                yield names

    async def get_info(self) -> StoreInfo:
        """Counts, sizes, ages and hit rates.

        Raises:
            StoreError: the store cannot be read.
        """
        async with self.snapshot() as connection:
            return await read_info(connection, self.dialect, self.name)

    async def _withdraw(self, connection: AsyncConnection, records: Sequence[Record], now_s: float) -> None:
        """Replace the public refs of hidden records by tombstones."""
        if records:
            tombstones = await build_tombstones(connection, self.dialect, records, now_s)
            constants = {"latest": int(now_s + CLOCK_SKEW_S)}
            await self._upserts.history.execute(connection, tombstones)
            await self._upserts.refs.execute(connection, tombstones, constants)

    async def _upsert(self, connection: AsyncConnection, rows: Rows, now_s: float, *, is_merge: bool = False) -> None:
        """Insert or update `rows`, but for refs of withdrawn repos; those of a merge come from another store."""
        upserts, latest_s = self._upserts, now_s + CLOCK_SKEW_S
        # Facts first: the statements for refs and decisions select the row ids of facts.
        if rows.facts:
            await upserts.facts.execute(connection, rows.facts)
        kept = rows.refs
        while kept:
            # A ref of a withdrawn repo may tell another name of it.
            kept, hidden = await drop_withdrawn(connection, self.dialect, kept, None if is_merge else latest_s)
            if not hidden:
                break
            await self._withdraw(connection, hidden, now_s)
        if kept:
            constants = {"latest": int(latest_s)}
            await upserts.history.execute(connection, kept)
            await (upserts.merged_refs if is_merge else upserts.refs).execute(connection, kept, constants)
        if rows.decisions:
            await (upserts.merged_decisions if is_merge else upserts.decisions).execute(connection, rows.decisions)
            latest, columns = build_latest(rows.decisions)
            if latest:
                await upserts.columns.execute(connection, columns)
                await (upserts.merged_latest if is_merge else upserts.latest).execute(connection, latest)


def _is_listable(ref: StoredRef, endpoint: str) -> bool:
    """Whether the names of a public ref are those of a repo and a revision, and those that its key was made of."""
    return (
        is_repo_name(ref.repo_id)
        and is_revision(ref.revision)
        and ref.key == compute_ref_key(endpoint, PUBLIC, ref.repo_id, ref.revision)
    )
