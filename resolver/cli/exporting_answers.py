"""Writes the answers of a store for other programs: one table in a SQLite, Parquet or DuckDB file."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from math import inf
from pathlib import Path
from typing import Any

import click
import msgspec

from resolver.cli.exits import ALL_ANSWERED, ERROR_ROWS, NOTHING_FOUND
from resolver.cli.messages import show_message
from resolver.cli.parquet import require_pyarrow
from resolver.cli.selection import ENDPOINT
from resolver.cli.stores import open_existing
from resolver.frames import build_arrow_schema
from resolver.row import FLAG_KEYS, LIST_KEYS, NUMBER_KEYS, ROW_KEYS
from store.query import run_query
from store.views import ANSWERS, ANSWERS_PRIVATE

FORMAT_BY_SUFFIX = {
    **dict.fromkeys((".sqlite3", ".sqlite", ".db"), "sqlite"),
    ".parquet": "parquet",
    ".duckdb": "duckdb",
}
"""The format of a file, where none is named; of all others a bundle."""

ROWS_PER_GROUP = 10_000

Rows = Sequence[Sequence[Any]]
WriteRows = Callable[[str, Rows], None]
"""Adds rows to the table with this name."""

_COLUMNS = (ENDPOINT, *ROW_KEYS, "decided_by")
_PRIVATE_COLUMNS = (*_COLUMNS, "scope")
_JSON = frozenset((*LIST_KEYS, "candidates"))
_INTEGERS = frozenset((*FLAG_KEYS, *NUMBER_KEYS))


async def export_answers(
    location: str | None, file: str, repo_ids: Collection[str], *, format_: str, with_private: bool
) -> int:
    """Write the answers, or those of the given repos only; the exit code is 0 if all requested repos are there.

    Raises:
        click.UsageError: the file cannot be written, or a package that the format needs is not installed.
        StoreError: there is no such store, or it cannot be read.
    """
    if with_private and format_ == "parquet":
        raise click.UsageError("a Parquet file has one table: use --format sqlite or duckdb with --with-private")
    wanted, found, count = set(repo_ids), set[str](), 0
    tables = {ANSWERS: _COLUMNS, **({ANSWERS_PRIVATE: _PRIVATE_COLUMNS} if with_private else {})}
    async with open_existing(location) as store:
        with _replacing(Path(file)) as path, _OPEN[format_](path, tables) as write:
            for table, columns in tables.items():
                sql = f"SELECT {', '.join(columns)} FROM {table}"  # noqa: S608 (names of our own)
                async with run_query(store, sql, timeout_s=inf) as rows:
                    places = [columns.index("repo_id"), columns.index("canonical_id")]
                    async for page in rows.pages:
                        names = [{row[place] for place in places} for row in page]
                        kept = [row for row, own in zip(page, names, strict=True) if not wanted or own & wanted]
                        found.update(name for own in names for name in own & wanted)
                        count += len(kept)
                        write(table, kept)
    click.echo(f"{file}: {count:,} answers", err=True)
    for repo_id in repo_ids:
        if repo_id not in found:
            show_message(f"the store has no answer to export for {repo_id}")
    if not count:
        return NOTHING_FOUND
    return ALL_ANSWERED if found >= wanted else ERROR_ROWS


@contextmanager
def _replacing(path: Path) -> Iterator[Path]:
    """A path beside `path`, whose file takes its place in the end: an export that fails changes nothing."""
    if path.exists() and not path.is_file():
        raise click.UsageError(f"{path} cannot be written: it is a folder, a pipe or a device")
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        yield part
        part.replace(path)
    except OSError as error:
        raise click.UsageError(f"{path} cannot be written: {error.strerror or error}") from error
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def _open_sqlite(path: Path, tables: Mapping[str, Sequence[str]]) -> Iterator[WriteRows]:
    try:
        with closing(sqlite3.connect(path)) as connection:
            # A new file, which is thrown away where the export fails.
            connection.execute("PRAGMA synchronous=OFF")
            for table, columns in tables.items():
                kinds = (f"{name} {'INTEGER' if name in _INTEGERS else 'TEXT'}" for name in columns)
                connection.execute(f"CREATE TABLE {table} ({', '.join(kinds)})")

            def write(table: str, rows: Rows) -> None:
                marks = ", ".join("?" * len(tables[table]))
                connection.executemany(f"INSERT INTO {table} VALUES ({marks})", [tuple(row) for row in rows])  # noqa: S608

            yield write
            for table in tables:
                connection.execute(f"CREATE INDEX {table}_by_repo_id ON {table} (repo_id)")
            connection.commit()
    except sqlite3.Error as error:
        raise click.UsageError(f"the export cannot be written: {error}") from error


@contextmanager
def _open_parquet(path: Path, tables: Mapping[str, Sequence[str]]) -> Iterator[WriteRows]:
    require_pyarrow()
    from pyarrow.parquet import ParquetWriter

    with ParquetWriter(path, _build_schema(tables[ANSWERS]), compression="zstd") as writer:
        with _grouping(tables, lambda _, batch: writer.write_table(batch)) as write:
            yield write


@contextmanager
def _open_duckdb(path: Path, tables: Mapping[str, Sequence[str]]) -> Iterator[WriteRows]:
    require_pyarrow("duckdb")
    try:
        import duckdb
    except ImportError as error:
        raise click.UsageError("--format duckdb needs duckdb: pip install 'hubresolve[duckdb]'") from error
    try:
        with closing(duckdb.connect(str(path))) as connection:
            for table, columns in tables.items():
                connection.register("batch", _build_schema(columns).empty_table())
                connection.execute(f"CREATE TABLE {table} AS SELECT * FROM batch")  # noqa: S608

            def write_batch(table: str, batch: Any) -> None:
                connection.register("batch", batch)
                connection.execute(f"INSERT INTO {table} SELECT * FROM batch")  # noqa: S608

            with _grouping(tables, write_batch) as write:
                yield write
    except duckdb.Error as error:
        raise click.UsageError(f"the export cannot be written: {error}") from error


_OPEN = {"sqlite": _open_sqlite, "parquet": _open_parquet, "duckdb": _open_duckdb}


@contextmanager
def _grouping(tables: Mapping[str, Sequence[str]], write_batch: Callable[[str, Any], None]) -> Iterator[WriteRows]:
    """Rows are collected to Arrow tables of `ROWS_PER_GROUP` and more."""
    import pyarrow

    collected: dict[str, list[dict[str, Any]]] = {table: [] for table in tables}

    def flush(table: str) -> None:
        batch = pyarrow.Table.from_pylist(collected[table], schema=_build_schema(tables[table]))
        write_batch(table, batch)
        collected[table].clear()

    def write(table: str, rows: Rows) -> None:
        collected[table] += [_parse_row(dict(zip(tables[table], row, strict=True))) for row in rows]
        if len(collected[table]) >= ROWS_PER_GROUP:
            flush(table)

    yield write
    for table, rest in collected.items():
        if rest:
            flush(table)


def _build_schema(columns: Sequence[str]) -> Any:
    import pyarrow

    fields = {field.name: field for field in build_arrow_schema()}
    return pyarrow.schema([fields.get(name, pyarrow.field(name, pyarrow.string())) for name in columns])


def _parse_row(row: dict[str, Any]) -> dict[str, Any]:
    """The values of a row of the view as the row of an answer has them."""
    for name in FLAG_KEYS:
        row[name] = None if row[name] is None else bool(row[name])
    for name in _JSON:
        row[name] = None if row[name] is None else msgspec.json.decode(row[name])
    row["error"] = None if row["error"] is None else {"code": row["error"], "message": None}
    return row
