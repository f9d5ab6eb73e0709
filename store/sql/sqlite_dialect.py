"""`SqliteDialect`: the SQL of a store in a SQLite file."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import (
    ColumnElement,
    Double,
    Executable,
    LargeBinary,
    Table,
    and_,
    bindparam,
    func,
    literal,
    literal_column,
    select,
    true,
)
from sqlalchemy.dialects import sqlite
from sqlalchemy.dialects.sqlite import aiosqlite
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from store.sql.dialect import CompiledQuery, UpsertRow
from store.tables import refs, repo_tail

MIN_FREE_FRACTION = 0.25
"""Fraction of the file's pages that must be free before the file is rewritten without them."""

MAX_INTEGRITY_PROBLEMS = 20

TAIL_LENGTH = 8
"""The length of the texts in the index of refs by repo id (`tables.repo_tail`)."""

MAX_BLOB_BYTES = 16 * 2**20
"""Bodies that are passed to one statement; one alone may be longer. SQLite refuses values that are far longer."""

_encoder = msgspec.json.Encoder()


@dataclass(frozen=True, slots=True)
class SqliteDialect:
    """The SQL that only SQLite has."""

    def insert(self, table: Table) -> Any:
        return sqlite.insert(table)

    def build_clock(self) -> ColumnElement[float]:
        # 2440587.5 is 1970 as a Julian date. `unixepoch('subsec')` is of SQLite 3.42.
        return (func.julianday("now", type_=Double) - 2440587.5) * 86400.0

    def build_key_table(self) -> Any:
        return func.json_each(bindparam("keys")).table_valued("value").alias("keys")

    def bind_keys(self, keys: Sequence[int]) -> Any:
        return str(list(keys))

    def build_spelling_filter(self, repo_ids: Sequence[str]) -> ColumnElement[bool]:
        # The index has the last characters of ids as they are spelled: at most 256 spellings of each.
        tails = {tail for repo_id in repo_ids for tail in _list_spellings(repo_id[-TAIL_LENGTH:])}
        is_tail = repo_tail.in_(_select_texts(sorted(tails)))
        return and_(is_tail, func.lower(refs.c.repo_id).in_(_select_texts(sorted({item.lower() for item in repo_ids}))))

    def build_row_source(self, table: Table, names: tuple[str, ...], body: str | None = None) -> SqliteRowSource:
        return SqliteRowSource(names, body)

    def compile(self, query: Executable) -> CompiledQuery:
        return CompiledQuery(query, *_compile(query))

    async def fetch_rows(
        self, connection: AsyncConnection, query: CompiledQuery, parameters: Mapping[str, Any]
    ) -> Iterable[Sequence[Any]]:
        # One hand-over to the driver's thread in place of four, which take most of the time of a look-up of one repo
        # (benchmarks/single.py).
        driver: Any = (await connection.get_raw_connection()).driver_connection
        rows: Iterable[Sequence[Any]] = await driver.execute_fetchall(
            query.text, [parameters[name] for name in query.parameters]
        )
        return rows

    async def read_size_bytes(self, connection: AsyncConnection) -> int:
        pages = (await connection.exec_driver_sql("PRAGMA page_count")).scalar_one()
        return int(pages * (await connection.exec_driver_sql("PRAGMA page_size")).scalar_one())

    async def check_integrity(self, connection: AsyncConnection) -> list[str]:
        lines = await connection.exec_driver_sql(f"PRAGMA integrity_check({MAX_INTEGRITY_PROBLEMS})")
        return [line for line in lines.scalars().all() if line != "ok"]

    async def rebuild_indexes(self, connection: AsyncConnection) -> None:
        await connection.exec_driver_sql("REINDEX")

    async def shrink(self, connect: Callable[[], AsyncConnection]) -> None:
        try:
            async with connect() as connection:
                pages = (await connection.exec_driver_sql("PRAGMA page_count")).scalar_one()
                free = (await connection.exec_driver_sql("PRAGMA freelist_count")).scalar_one()
                if free > pages * MIN_FREE_FRACTION:
                    await connection.exec_driver_sql("VACUUM")
        except DBAPIError:
            # Another connection is using the file. Later rows will fill the free pages.
            return


class SqliteRowSource:
    """The rows of an upsert: a JSON text, the parameter "rows", and a blob of all bodies, the parameter "bodies"."""

    def __init__(self, names: tuple[str, ...], body: str | None) -> None:
        self._names = names
        self._body = body
        self._rows = func.json_each(bindparam("rows")).table_valued("value")
        self._values: dict[str, Any] = {}
        for name in names:
            # A body takes two places of a JSON row.
            place = len(self._values) + (body in self._values)
            if name == body:
                blob = bindparam("bodies", type_=LargeBinary())
                self._values[name] = func.substr(blob, self._extract(place), self._extract(place + 1))
            else:
                self._values[name] = self._extract(place)

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def select(self, **replacements: Any) -> Any:
        query = select(*(replacements.get(name, self._values[name]) for name in self._names))
        # Without a condition SQLite parses the following ON CONFLICT as a part of the query.
        return query.select_from(self._rows).where(true())

    def compile(self, statement: Any) -> SqliteUpsert:
        text, parameters = _compile(statement)
        return SqliteUpsert(text, parameters, self._names, self._body)

    def _extract(self, place: int) -> Any:
        return func.json_extract(self._rows.c.value, literal_column(f"'$[{place}]'"))


@dataclass(frozen=True, slots=True)
class SqliteUpsert:
    """An upsert of rows that hold `names`, one of them a body, or none (None); `text` takes `parameters`."""

    text: str
    parameters: tuple[str, ...]
    names: tuple[str, ...]
    body: str | None

    async def execute(
        self, connection: AsyncConnection, rows: Sequence[UpsertRow], constants: Mapping[str, Any] | None = None
    ) -> None:
        driver: Any = (await connection.get_raw_connection()).driver_connection
        parts = _split_by_size(rows, self.names.index(self.body)) if self.body is not None else iter((rows,))
        for part in parts:
            await driver.execute_fetchall(self.text, self.pack(part, constants or {}))

    def pack(self, rows: Sequence[UpsertRow], constants: Mapping[str, Any]) -> tuple[Any, ...]:
        """All rows as the parameters of one statement: one JSON text and one blob, however many rows.

        The driver's thread then runs one statement, and does not wait for the interpreter lock at each row: row by row,
        70 records took 300 ms beside a busy event loop (commit 4ffbaa2). In the JSON text a body is two numbers: the
        position of its first byte in the blob, from 1, and its length.
        """
        if self.body is None:
            values = {"rows": _encoder.encode(rows).decode(), **constants}
            return tuple(values[name] for name in self.parameters)
        place, start = self.names.index(self.body), 1
        packed, bodies = [], []
        for row in rows:
            body: Any = row[place]
            packed.append((*row[:place], start, len(body), *row[place + 1 :]))
            bodies.append(body)
            start += len(body)
        values = {"rows": _encoder.encode(packed).decode(), "bodies": b"".join(bodies), **constants}
        return tuple(values[name] for name in self.parameters)


def _split_by_size(rows: Sequence[UpsertRow], body: int) -> Iterator[Sequence[UpsertRow]]:
    """`rows` in parts whose bodies, each at the place `body` of its row, fit into one blob."""
    start = size_bytes = 0
    for end, row in enumerate(rows):
        length: int = len(row[body])  # type: ignore[arg-type]
        if size_bytes and size_bytes + length > MAX_BLOB_BYTES:
            yield rows[start:end]
            start, size_bytes = end, 0
        size_bytes += length
    yield rows[start:]


def _list_spellings(text: str) -> Iterator[str]:
    """`text` in all combinations of small and capital letters."""
    for letters in itertools.product(*(sorted({letter.lower(), letter.upper()}) for letter in text)):
        yield "".join(letters)


def _select_texts(texts: Sequence[str]) -> Any:
    """A query of `texts`: one parameter, however many they are."""
    return select(func.json_each(literal(_encoder.encode(texts).decode())).table_valued("value").c.value)


def _compile(statement: Any) -> tuple[str, tuple[str, ...]]:
    """SQL text, and the names of its positional parameters."""
    compiled = statement.compile(dialect=aiosqlite.dialect())
    return str(compiled), tuple(compiled.positiontup or ())
