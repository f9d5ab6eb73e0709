"""`PostgresDialect`: the SQL of a store in a PostgreSQL database."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Double,
    Executable,
    Table,
    bindparam,
    cast,
    column,
    extract,
    func,
    select,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import asyncpg
from sqlalchemy.ext.asyncio import AsyncConnection

from store.sql.dialect import CompiledQuery, UpsertRow
from store.tables import metadata, refs


@dataclass(frozen=True, slots=True)
class PostgresDialect:
    """The SQL that only PostgreSQL has."""

    def insert(self, table: Table) -> Any:
        return postgresql.insert(table)

    def build_clock(self) -> ColumnElement[float]:
        return cast(extract("epoch", func.clock_timestamp()), Double)

    def build_key_table(self) -> Any:
        keys = bindparam("keys", type_=postgresql.ARRAY(BigInteger))
        return func.unnest(keys).table_valued("value").render_derived().alias("keys")

    def bind_keys(self, keys: Sequence[int]) -> Any:
        return list(keys)

    def build_spelling_filter(self, repo_ids: Sequence[str]) -> ColumnElement[bool]:
        return func.lower(refs.c.repo_id).in_({repo_id.lower() for repo_id in repo_ids})

    def build_row_source(self, table: Table, names: tuple[str, ...], body: str | None = None) -> PostgresRowSource:
        return PostgresRowSource(table, names)

    def compile(self, query: Executable) -> CompiledQuery:
        return CompiledQuery(query, *_compile(query))

    async def fetch_rows(
        self, connection: AsyncConnection, query: CompiledQuery, parameters: Mapping[str, Any]
    ) -> Iterable[Sequence[Any]]:
        return (await connection.execute(query.query, dict(parameters))).all()

    async def read_size_bytes(self, connection: AsyncConnection) -> int:
        sizes = (func.pg_total_relation_size(table.name) for table in metadata.sorted_tables)
        return sum([int((await connection.execute(select(size))).scalar_one()) for size in sizes])

    async def check_integrity(self, connection: AsyncConnection) -> list[str]:
        return []

    async def rebuild_indexes(self, connection: AsyncConnection) -> None:
        """Nothing to do: no damage of an index is found here."""

    async def shrink(self, connect: Callable[[], AsyncConnection]) -> None:
        """Nothing to do: the server's autovacuum reuses free space."""


class PostgresRowSource:
    """The rows of an upsert: one array for each value, however many rows."""

    def __init__(self, table: Table, names: tuple[str, ...]) -> None:
        self._names = names
        # Refs and facts have a row id as their primary key, which is no value of a row.
        self._key_length = 1 if "key" in names else len(table.primary_key.columns)
        kinds = {name: BigInteger() if name == "facts_key" else table.c[name].type for name in names}
        arrays = [bindparam(name, type_=postgresql.ARRAY(kind)) for name, kind in kinds.items()]
        columns = [column(name, kind) for name, kind in kinds.items()]
        self._rows = func.unnest(*arrays).table_valued(*columns).render_derived(name="new_rows")

    def __getitem__(self, name: str) -> Any:
        return self._rows.c[name]

    def select(self, **replacements: Any) -> Any:
        query = select(*(replacements.get(name, self._rows.c[name]) for name in self._names)).select_from(self._rows)
        # Concurrent transactions then lock rows in the same order, and cannot deadlock.
        return query.order_by(*(self._rows.c[name] for name in self._names[: self._key_length]))

    def compile(self, statement: Any) -> PostgresUpsert:
        text, parameters = _compile(statement)
        return PostgresUpsert(text, parameters, self._names, self._key_length)


@dataclass(frozen=True, slots=True)
class PostgresUpsert:
    """An upsert of rows that hold `names`, of which the first `key_length` are the key; `text` takes `parameters`."""

    text: str
    parameters: tuple[str, ...]
    names: tuple[str, ...]
    key_length: int

    async def execute(
        self, connection: AsyncConnection, rows: Sequence[UpsertRow], constants: Mapping[str, Any] | None = None
    ) -> None:
        for part in self.split(rows):
            await connection.exec_driver_sql(self.text, self.pack(part, constants or {}))

    def pack(self, rows: Sequence[UpsertRow], constants: Mapping[str, Any]) -> tuple[Any, ...]:
        """All rows as the parameters of one statement: the server runs it once, not once for each row."""
        arrays = dict(zip(self.names, map(list, zip(*rows, strict=True)), strict=True))
        return tuple(arrays[name] if name in arrays else constants[name] for name in self.parameters)

    def split(self, rows: Sequence[UpsertRow]) -> list[list[UpsertRow]]:
        """`rows` in parts without two rows of the same key, which one statement cannot change twice, in their order."""
        parts: list[list[UpsertRow]] = []
        seen: Counter[tuple[Any, ...]] = Counter()
        for row in rows:
            key = row[: self.key_length]
            if seen[key] == len(parts):
                parts.append([])
            parts[seen[key]].append(row)
            seen[key] += 1
        return parts


def _compile(statement: Any) -> tuple[str, tuple[str, ...]]:
    """SQL text, and the names of its positional parameters."""
    compiled = statement.compile(dialect=asyncpg.dialect())  # type: ignore[no-untyped-call]
    return str(compiled), tuple(compiled.positiontup or ())
