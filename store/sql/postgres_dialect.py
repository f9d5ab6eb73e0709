"""`PostgresDialect`: the SQL of a store in a PostgreSQL database."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Executable, Table, bindparam, func, select
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import asyncpg
from sqlalchemy.ext.asyncio import AsyncConnection

from store.rows import Row
from store.sql.dialect import CompiledQuery
from store.tables import decisions, facts, listings, lookups, refs, registry_updates


@dataclass(frozen=True, slots=True)
class PostgresDialect:
    """The SQL that only PostgreSQL has."""

    def insert(self, table: Table) -> Any:
        return postgresql.insert(table)

    def build_key_table(self) -> Any:
        keys = bindparam("keys", type_=postgresql.ARRAY(BigInteger))
        return func.unnest(keys).table_valued("value").render_derived().alias("keys")

    def bind_keys(self, keys: Sequence[int]) -> Any:
        return list(keys)

    def build_spelling_filter(self, repo_ids: Sequence[str]) -> ColumnElement[bool]:
        # No index has the ids in lower case: this reads the whole table.
        return func.lower(refs.c.repo_id).in_({repo_id.lower() for repo_id in repo_ids})

    def build_row_source(self, table: Table, names: tuple[str, ...], body: str) -> PostgresRowSource:
        return PostgresRowSource(table, names)

    def compile(self, query: Executable) -> CompiledQuery:
        return CompiledQuery(query, *_compile(query))

    async def fetch_rows(
        self, connection: AsyncConnection, query: CompiledQuery, parameters: Mapping[str, Any]
    ) -> Iterable[Sequence[Any]]:
        return (await connection.execute(query.query, dict(parameters))).all()

    async def read_size_bytes(self, connection: AsyncConnection) -> int:
        sizes = (
            func.pg_total_relation_size(table.name)
            for table in (facts, refs, decisions, lookups, registry_updates, listings)
        )
        return sum([int((await connection.execute(select(size))).scalar_one()) for size in sizes])

    async def check_integrity(self, connection: AsyncConnection) -> list[str]:
        return []

    async def rebuild_indexes(self, connection: AsyncConnection) -> None:
        """Nothing to do: no damage of an index is found here."""

    async def shrink(self, connect: Callable[[], AsyncConnection]) -> None:
        """Nothing to do: the server's autovacuum reuses free space."""


class PostgresRowSource:
    """The rows of an upsert: one row for each execution of the statement, one parameter for each value."""

    def __init__(self, table: Table, names: tuple[str, ...]) -> None:
        self._names = names
        self._values: dict[str, Any] = {}
        for name in names:
            kind = BigInteger() if name == "facts_key" else table.c[name].type
            self._values[name] = bindparam(name, type_=kind)

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def select(self, **replacements: Any) -> Any:
        return select(*(replacements.get(name, self._values[name]) for name in self._names))

    def compile(self, statement: Any) -> PostgresUpsert:
        text, parameters = _compile(statement)
        return PostgresUpsert(text, parameters, self._names)


@dataclass(frozen=True, slots=True)
class PostgresUpsert:
    """An upsert of rows that hold `names`; `text` takes `parameters`."""

    text: str
    parameters: tuple[str, ...]
    names: tuple[str, ...]

    async def execute(
        self, connection: AsyncConnection, rows: Sequence[Row], constants: Mapping[str, Any] | None = None
    ) -> None:
        await connection.exec_driver_sql(self.text, self.arrange(rows, constants))

    def arrange(self, rows: Sequence[Row], constants: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
        """The parameters of the statement for each row, in the order of their keys.

        Concurrent transactions then lock rows in the same order, and cannot deadlock. The first four values of a row
        contain its whole key: that of facts and refs is the first, that of a decision all four.
        """
        ordered = sorted(rows, key=operator.itemgetter(0, 1, 2, 3))
        constants = constants or {}
        names = (*self.names, *constants)
        arrange = operator.itemgetter(*map(names.index, self.parameters))
        return [arrange((*row, *constants.values())) for row in ordered]


def _compile(statement: Any) -> tuple[str, tuple[str, ...]]:
    """SQL text, and the names of its positional parameters."""
    compiled = statement.compile(dialect=asyncpg.dialect())  # type: ignore[no-untyped-call]
    return str(compiled), tuple(compiled.positiontup or ())
