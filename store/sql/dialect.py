"""`Dialect`: the SQL that differs between SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy import ColumnElement, Executable, Table
from sqlalchemy.ext.asyncio import AsyncConnection

from store.decision_columns import ColumnsRow, LatestRow
from store.rows import Row

UpsertRow = Row | ColumnsRow | LatestRow


@dataclass(frozen=True, slots=True)
class CompiledQuery:
    """A query, and its SQL text in one dialect, whose positional parameters are `parameters`."""

    query: Executable
    text: str
    parameters: tuple[str, ...]


class Upsert(Protocol):
    """A compiled statement that inserts rows of one table or updates them."""

    async def execute(
        self, connection: AsyncConnection, rows: Sequence[UpsertRow], constants: Mapping[str, Any] | None = None
    ) -> None:
        """Insert or update `rows`; `constants` are the statement's parameters that are the same for all rows."""


class RowSource(Protocol):
    """The rows of an upsert, as the query that the statement inserts from."""

    def __getitem__(self, name: str) -> Any:
        """The SQL expression of a value of the row."""

    def select(self, **replacements: Any) -> Any:
        """A query of all values of the rows; `replacements` are expressions in place of the values of these names."""

    def compile(self, statement: Any) -> Upsert:
        """The upsert, compiled: SQLAlchemy's handling of each value of each row costs more than storing it."""


class Dialect(Protocol):
    """What the statements of the store need of a database."""

    def insert(self, table: Table) -> Any:
        """An `INSERT` that can be extended with `ON CONFLICT`."""

    def build_clock(self) -> ColumnElement[float]:
        """The time of the database, in seconds since 1970, UTC: it is the same for all processes that share it."""

    def build_key_table(self) -> Any:
        """The list of keys in the parameter "keys", as a table with the column `value`.

        One parameter for any number of keys: the SQL text is always the same, and is compiled once.
        """

    def bind_keys(self, keys: Sequence[int]) -> Any:
        """The value of the parameter "keys"."""

    def build_spelling_filter(self, repo_ids: Sequence[str]) -> ColumnElement[bool]:
        """True for refs whose requested id is one of `repo_ids`, whatever the case of the letters."""

    def build_row_source(self, table: Table, names: tuple[str, ...], body: str | None = None) -> RowSource:
        """The rows of an upsert into `table` with the values `names`; `body` is the name of the one that is a body."""

    def compile(self, query: Executable) -> CompiledQuery:
        """The query, compiled for `fetch_rows`."""

    async def fetch_rows(
        self, connection: AsyncConnection, query: CompiledQuery, parameters: Mapping[str, Any]
    ) -> Iterable[Sequence[Any]]:
        """All rows of the query."""

    async def read_size_bytes(self, connection: AsyncConnection) -> int:
        """The size of the store on disk."""

    async def check_integrity(self, connection: AsyncConnection) -> list[str]:
        """Problems that the database itself finds in its file; empty where it has no such check."""

    async def rebuild_indexes(self, connection: AsyncConnection) -> None:
        """Build all indexes again from the rows of their tables."""

    async def shrink(self, connect: Callable[[], AsyncConnection]) -> None:
        """Return free space to the disk, where much of the file is free."""
