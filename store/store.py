"""`MetadataStore`: get and put refs, facts and decisions, many at a time."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from registry.facts import CommitFacts, HubHints, RepoFacts
from store import codec, damage, engine, opening, rows
from store.errors import DamagedStoreError, StoreClosedError, StoreError, StoreUnavailableError
from store.keys import DecisionKey, FactsKey, ref_key
from store.measuring import SECONDS_PER_DAY, read_info
from store.records import Record, StoredRef, StoreInfo
from store.statements import COMMIT_FACTS, statements
from store.withdrawing import withdrawn_rows

logger = logging.getLogger(__name__)

T = TypeVar("T")

Failure = DBAPIError | sqlite3.Error | OSError
FAILURES = (DBAPIError, sqlite3.Error, OSError)
"""What the drivers raise, by themselves or through SQLAlchemy."""


class MetadataStore:
    """What has been learned about repos, in one SQLite file or a PostgreSQL database. Promises:

    - A row that was put is there after the process is killed, and is seen by every process that shares the store.
    - `put` writes all of its records, or, when it fails or is cancelled, none of them.
    - A row that cannot be read is logged and counts as missing: what is stored never breaks an answer.
    - Reading never writes, and never waits for a writer.
    - A damaged file is kept under another name, never deleted, and a new one begun.

    Open it with `async with`, in the event loop that uses it.
    """

    def __init__(self, location: str | Path, *, may_create: bool = True, is_optional: bool = False) -> None:
        """`location` is a file path or a SQLAlchemy URL. `may_create`: begin a new store where there is none, or a
        damaged one. `is_optional`: a store that cannot be used now (no right, no space) knows nothing and keeps
        nothing, which is logged once, instead of raising `StoreUnavailableError`.

        Raises:
            StoreError: a URL that names a database this package does not work with.
        """
        self._url = engine.store_url(location)
        self._may_create = may_create
        self._is_optional = is_optional
        self._statements = statements(is_sqlite=engine.is_sqlite(self._url))
        self._engine: AsyncEngine | None = None
        self._is_given_up = False
        self._file: damage.Identity | None = None
        self._replacing = asyncio.Lock()
        self._replaced: list[AsyncEngine] = []

    @property
    def name(self) -> str:
        """How messages call it: a path, or a URL without its password."""
        return engine.name_of(self._url)

    @property
    def is_sqlite(self) -> bool:
        """Whether it is a file, not a server."""
        return engine.is_sqlite(self._url)

    async def __aenter__(self) -> Self:
        """Raises:
        SchemaMismatchError: it is not a store of a schema known; it was not changed.
        StoreError: it cannot be opened.
        """
        self._is_given_up = False
        try:
            await self._open()
        except StoreUnavailableError as error:
            self._give_up(error)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        opened, self._engine = [*self._replaced, self._engine], None
        self._replaced = []
        for item in opened:
            if item is not None:
                await item.dispose()

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

        await self._read(look)
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

        await self._read(look)
        return by_key

    async def get_commit_facts(self, key: FactsKey) -> CommitFacts | None:
        """The facts of a commit; None where there are none, or they cannot be read."""
        bodies: list[bytes] = []

        async def look(connection: AsyncConnection) -> None:
            bodies.extend((await connection.execute(COMMIT_FACTS, {"facts_key": key.key})).scalars())

        await self._read(look)
        try:
            return codec.decode(CommitFacts, bodies[0]) if bodies else None
        except codec.UnreadableBodyError as error:
            logger.warning("what is stored of %s@%s is left out: %s", key.canonical_id, key.commit_hash, error)
            return None

    async def put(self, records: Sequence[Record]) -> None:
        """Store all that `records` hold, in one transaction.

        Raises:
            StoreError: nothing was stored (a full disk, a read-only file).
        """
        items = rows.rows_of(records)
        hidden = [record for record in records if record.is_hidden]

        async def put(connection: AsyncConnection) -> None:
            if hidden:
                items.refs.extend(await withdrawn_rows(connection, hidden))
            await self._run(connection, self._statements.puts(items))

        await self.write(put)

    async def merge(self, items: rows.Rows) -> None:
        """Store rows that another store held, in one transaction. Of two checks of a ref the later one wins.

        Raises:
            StoreError: nothing was stored.
        """

        async def put(connection: AsyncConnection) -> None:
            await self._run(connection, self._statements.puts(items, merge=True))

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

    async def write(self, work: Callable[[AsyncConnection], Awaitable[T]]) -> T | None:
        """What `work` gives, run in a transaction of its own, which being cancelled does not tear apart; None where
        the store has been given up.

        Raises:
            StoreError: nothing was stored.
        """
        writing = asyncio.ensure_future(self._write(work))
        try:
            return await asyncio.shield(writing)
        except asyncio.CancelledError:
            # Left alone it would keep the file locked until its thread is done with it; it takes milliseconds.
            await asyncio.wait([writing])
            raise

    async def _write(self, work: Callable[[AsyncConnection], Awaitable[T]]) -> T | None:
        for is_last_try in (False, True):
            opened = self._opened()
            if opened is None:
                return None
            try:
                async with opened.connect() as connection:
                    connection = await connection.execution_options(**engine.write_options(self._url))
                    async with connection.begin():
                        return await work(connection)
            except FAILURES as error:
                if is_last_try or not await self._replace(opened, error):
                    raise StoreUnavailableError(f"the store {self.name} cannot be written: {_cause(error)}") from error
        return None

    async def info(self) -> StoreInfo:
        """Counts, sizes, ages, and how often it had the answer."""
        async with self.snapshot() as connection:
            return await read_info(connection, self.name)

    def connect(self) -> AsyncConnection:
        """A connection on which each statement is a transaction of its own.

        Raises:
            StoreError: the store has been given up.
        """
        opened = self._opened()
        if opened is None:
            raise StoreUnavailableError(f"the store {self.name} cannot be used")
        return opened.connect()

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[AsyncConnection]:
        """A connection that sees the store as it stood at one moment, while others write.

        Raises:
            StoreError: it cannot be read.
        """
        try:
            async with self.connect() as connection:
                connection = await connection.execution_options(**engine.snapshot_options(self._url))
                async with connection.begin():
                    yield connection
        except FAILURES as error:
            kind = DamagedStoreError if damage.is_damage(_cause(error)) else StoreUnavailableError
            raise kind(f"the store {self.name} cannot be read: {_cause(error)}") from error

    async def _read(self, look: Callable[[AsyncConnection], Awaitable[None]]) -> None:
        """Run `look` on a connection where each statement sees all that was committed before it. A store that fails
        meanwhile ends it early: what it has not told is unknown.
        """
        opened = self._opened()
        if opened is None:
            return
        try:
            async with opened.connect() as connection:
                await look(connection)
        except FAILURES as error:
            if not await self._replace(opened, error):
                self._give_up(StoreUnavailableError(f"the store {self.name} cannot be read: {_cause(error)}"))

    async def _run(self, connection: AsyncConnection, statements: Iterable[tuple[str, list[rows.Row]]]) -> None:
        for statement, some in statements:
            await connection.exec_driver_sql(statement, some)

    def _opened(self) -> AsyncEngine | None:
        if self._engine is None and not self._is_given_up:
            raise StoreClosedError("the store is not open; use it inside `async with`")
        return self._engine

    async def _open(self) -> None:
        self._engine = await opening.open_store(self._url, may_create=self._may_create)
        path = engine.path_of(self._url)
        self._file = damage.identity_of(path) if path is not None else None

    async def _replace(self, failed: AsyncEngine, error: Failure) -> bool:
        """Whether the store is usable again, after the file turned out to be damaged or was put aside by another."""
        path = engine.path_of(self._url)
        if path is None or not self._may_create or isinstance(error, OSError):
            return False
        async with self._replacing:
            if self._engine is not failed:
                return True
            if damage.is_damage(_cause(error)):
                await opening.replace_damaged(path, self._file, _cause(error))
            elif not await asyncio.to_thread(damage.was_replaced, path, self._file):
                return False
            # Others may still be reading through it; it is closed at the end.
            self._replaced.append(failed)
            await self._open()
        return True

    def _give_up(self, error: StoreUnavailableError) -> None:
        if not self._is_optional:
            raise error
        if not self._is_given_up:
            logger.warning("working without remembering: %s", error)
        self._is_given_up = True


def _cause(error: Failure) -> BaseException | None:
    return error.orig if isinstance(error, DBAPIError) else error
