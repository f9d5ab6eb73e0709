"""`MetadataStore`: get and put refs, facts and decisions, many at a time."""

from __future__ import annotations

import asyncio
import functools
import logging
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from sqlalchemy import Dialect, and_, bindparam, func, select
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.exc import DatabaseError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from registry.facts import CommitFacts, HubHints, RepoFacts
from store import codec, engine, rows, schema
from store.errors import StoreClosedError, StoreError
from store.keys import DecisionKey, FactsKey, ref_key
from store.records import Record, StoredRef, StoreInfo
from store.tables import decisions, facts, refs

logger = logging.getLogger(__name__)

ROWS_PER_QUERY = 1_000

# A list of keys as one parameter: its text is the same for any number of them, so it is compiled once.
_KEYS = func.json_each(bindparam("keys")).table_valued("value").alias("keys")

_RECALL = (
    # In the order of StoredRef.
    select(
        refs.c.key,
        refs.c.repo_id,
        refs.c.revision,
        refs.c.canonical_id,
        refs.c.commit_hash,
        refs.c.problem,
        refs.c.pipeline_tag,
        refs.c.library_name,
        refs.c.checked_at,
        refs.c.hints_id,
        decisions.c.body,
    )
    .select_from(
        _KEYS.join(refs, refs.c.key == _KEYS.c.value).outerjoin(
            decisions,
            and_(
                decisions.c.facts_id == refs.c.facts_id,
                decisions.c.hints_id == refs.c.hints_id,
                decisions.c.registry_digest == bindparam("rules_id"),
                decisions.c.asked == bindparam("asked"),
            ),
        )
    )
    .where(refs.c.endpoint == bindparam("endpoint"), refs.c.scope == bindparam("scope"))
)
_REPO_FACTS = select(refs.c.key, refs.c.repo_id, refs.c.hints, facts.c.body).select_from(
    _KEYS.join(refs, refs.c.key == _KEYS.c.value).join(facts, facts.c.id == refs.c.facts_id)
)

_COMMIT_FACTS = select(facts.c.body).where(facts.c.key == bindparam("facts_key"))

_put_facts = insert(facts)
_PUT_FACTS = _put_facts.on_conflict_do_update(
    index_elements=["key"],
    set_={"body": _put_facts.excluded.body, "files_asked": _put_facts.excluded.files_asked},
    where=_put_facts.excluded.files_asked > facts.c.files_asked,
)
_FACTS_ID = select(facts.c.id).where(facts.c.key == bindparam("facts_key")).scalar_subquery()
_put_refs = insert(refs).values(facts_id=_FACTS_ID)
_PUT_REFS = _put_refs.on_conflict_do_update(
    index_elements=["key"],
    set_={
        name: _put_refs.excluded[name]
        for name in (
            "facts_id",
            "canonical_id",
            "commit_hash",
            "problem",
            "hints_id",
            "pipeline_tag",
            "library_name",
            "hints",
            "checked_at",
        )
    },
    # Of two writers the one that asked the Hub later is right.
    where=_put_refs.excluded.checked_at >= refs.c.checked_at,
)
_PUT_DECISIONS = insert(decisions).values(facts_id=_FACTS_ID).on_conflict_do_nothing()


_PUT = ((_PUT_FACTS, rows.FACTS), (_PUT_REFS, rows.REFS), (_PUT_DECISIONS, rows.DECISIONS))


@functools.lru_cache(maxsize=8)
def _put_statements(dialect: Dialect) -> tuple[str, ...]:
    """The statements that store rows, as text for tuples of values: looking at each value of each row by its name, as
    SQLAlchemy does, takes longer than storing it.
    """
    texts = []
    for statement, names in _PUT:
        compiled = statement.compile(dialect=dialect, column_keys=list(names))
        if tuple(compiled.positiontup or ()) != names:
            raise AssertionError(f"rows hold {names}, but the statement takes {compiled.positiontup}")
        texts.append(str(compiled))
    return tuple(texts)


class MetadataStore:
    """What has been learned about repos, in one SQLite file. Promises:

    - A row that was put is there after the process is killed, and is seen by every process that shares the file.
    - `put` writes all of its records, or, when it fails or is cancelled, none of them.
    - A row that cannot be read is logged and counts as missing: what is stored never breaks an answer.
    - Reading never writes, and never waits for a writer.

    Open it with `async with`, in the event loop that uses it.
    """

    def __init__(self, location: str | Path) -> None:
        """`location` is a file path or a SQLAlchemy URL.

        Raises:
            StoreError: a URL that names a database this package does not work with.
        """
        self._url = engine.store_url(location)
        self._engine: AsyncEngine | None = None

    async def __aenter__(self) -> Self:
        """Raises:
        SchemaMismatchError: the file is not a store of this schema; it was not changed.
        StoreError: the file cannot be opened.
        """
        opened = None
        try:
            engine.make_place(self._url)
            opened = engine.open_engine(self._url)
            await schema.prepare(opened)
        except (DatabaseError, OSError) as error:
            if opened is not None:
                await opened.dispose()
            cause = error.orig if isinstance(error, DatabaseError) else error
            raise StoreError(f"the store {self._url.database} cannot be opened: {cause}") from error
        except StoreError:
            if opened is not None:
                await opened.dispose()
            raise
        self._engine = opened
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        opened, self._engine = self._engine, None
        if opened is not None:
            await opened.dispose()

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
        async with self._connect() as connection:
            for keys in _batches(list(places)):
                for row in (await connection.execute(_RECALL, {**parameters, "keys": keys})).all():
                    ref = StoredRef._make(row)
                    place = places[ref.key]
                    if names[place] == (ref.repo_id, ref.revision):
                        found[place] = ref
        # The same name may be asked for twice; a dict keeps its last place only.
        if len(places) < len(names):
            by_name = {(ref.repo_id, ref.revision): ref for ref in found if ref is not None}
            return [by_name.get(name) for name in names]
        return found

    async def get_repo_facts(self, found: Iterable[StoredRef]) -> dict[int, RepoFacts]:
        """Facts and hints that the refs lead to, by the refs' keys; those that are gone or unreadable are left out."""
        by_key: dict[int, RepoFacts] = {}
        async with self._connect() as connection:
            for keys in _batches([ref.key for ref in found if ref.commit_hash is not None]):
                for row in (await connection.execute(_REPO_FACTS, {"keys": keys})).all():
                    try:
                        commit, hints = codec.decode(CommitFacts, row.body), codec.decode(HubHints, row.hints)
                    except codec.UnreadableBodyError as error:
                        logger.warning("what is stored of %s is left out: %s", row.repo_id, error)
                        continue
                    by_key[row.key] = RepoFacts(commit=commit, hints=hints)
        return by_key

    async def get_commit_facts(self, key: FactsKey) -> CommitFacts | None:
        """The facts of a commit; None where there are none, or they cannot be read."""
        async with self._connect() as connection:
            body = (await connection.execute(_COMMIT_FACTS, {"facts_key": key.key})).scalar_one_or_none()
        if body is None:
            return None
        try:
            return codec.decode(CommitFacts, body)
        except codec.UnreadableBodyError as error:
            logger.warning("what is stored of %s@%s is left out: %s", key.canonical_id, key.commit_hash, error)
            return None

    async def put(self, records: Sequence[Record]) -> None:
        """Store all that `records` hold, in one transaction.

        Raises:
            StoreError: nothing was stored (a full disk, a read-only file).
        """
        writing = asyncio.ensure_future(self._write(rows.rows_of(records)))
        try:
            await asyncio.shield(writing)
        except asyncio.CancelledError:
            # Left alone it would keep the file locked until its thread is done with it; it takes milliseconds.
            await asyncio.wait([writing])
            raise

    async def _write(self, items: rows.Rows) -> None:
        opened = self._opened()
        try:
            async with opened.connect() as connection:
                connection = await connection.execution_options(**engine.WRITE)
                async with connection.begin():
                    for statement, some in zip(_put_statements(opened.dialect), items, strict=True):
                        if some:
                            await connection.exec_driver_sql(statement, some)
        except DatabaseError as error:
            raise StoreError(f"the store {self._url.database} cannot be written: {error.orig}") from error

    async def info(self) -> StoreInfo:
        """Counts, sizes and ages."""
        async with self._connect() as connection:
            counts = [
                (await connection.execute(select(func.count()).select_from(table))).scalar_one()
                for table in (facts, refs, decisions)
            ]
            missing = select(func.count()).select_from(refs).where(refs.c.problem.is_not(None))
            ages = (await connection.execute(select(func.min(refs.c.checked_at), func.max(refs.c.checked_at)))).one()
            by_endpoint = select(refs.c.endpoint, func.count()).group_by(refs.c.endpoint).order_by(refs.c.endpoint)
            pages = (await connection.exec_driver_sql("PRAGMA page_count")).scalar_one()
            page_bytes = (await connection.exec_driver_sql("PRAGMA page_size")).scalar_one()
            return StoreInfo(
                location=str(self._url.database),
                schema_version=schema.SCHEMA_VERSION,
                size_bytes=pages * page_bytes,
                facts=counts[0],
                refs=counts[1],
                decisions=counts[2],
                missing=(await connection.execute(missing)).scalar_one(),
                oldest_check_s=ages[0],
                newest_check_s=ages[1],
                endpoints=tuple((str(name), int(count)) for name, count in await connection.execute(by_endpoint)),
            )

    def _opened(self) -> AsyncEngine:
        if self._engine is None:
            raise StoreClosedError("the store is not open; use it inside `async with`")
        return self._engine

    def _connect(self) -> AsyncConnection:
        """A connection for reading: each statement sees all that was committed before it."""
        return self._opened().connect()


def _batches(keys: list[int]) -> Iterable[str]:
    """`keys` as JSON lists of at most `ROWS_PER_QUERY`."""
    for start in range(0, len(keys), ROWS_PER_QUERY):
        yield str(keys[start : start + ROWS_PER_QUERY])
