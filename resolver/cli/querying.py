"""Runs `hubresolve store query`: writes the rows that a query of SQL finds in a store."""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TextIO

from resolver.cli.exits import ALL_ANSWERED, NOTHING_FOUND
from resolver.cli.messages import show_message
from resolver.cli.output import open_text
from resolver.cli.stores import open_existing
from resolver.cli.tables import TableRow, print_table
from resolver.render import FORMULA_STARTS, make_printable, render_cell, render_json_line
from store.query import run_query

MAX_SQL_BYTES = 1_000_000

Write = Callable[[Sequence[Any]], None]


async def query_store(
    location: str | None, sql: str, *, format_: str, output: str | None, csv_safe: bool, timeout_s: float
) -> int:
    """Write the rows of a query ("-": from standard input); the exit code.

    Raises:
        QueryError: the SQL is wrong, writes, or takes too long.
        StoreError: there is no such store, or it cannot be read.
    """
    if sql == "-":
        sql = sys.stdin.read(MAX_SQL_BYTES)
    count = 0
    async with open_existing(location) as store, run_query(store, sql, timeout_s=timeout_s) as found:
        with open_text(output) as file, _open_writer(format_, found.columns, file, csv_safe) as write:
            async for page in found.pages:
                count += len(page)
                for row in page:
                    write(tuple(map(_make_plain, row)))
    if not count:
        show_message("no rows")
        return NOTHING_FOUND
    return ALL_ANSWERED


@contextmanager
def _open_writer(format_: str, columns: Sequence[str], file: TextIO, csv_safe: bool) -> Iterator[Write]:
    if format_ == "jsonl":
        yield lambda row: print(render_json_line(dict(zip(columns, row, strict=True))), file=file)
    elif format_ == "csv":
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        yield lambda row: writer.writerow([_make_csv_cell(value, csv_safe) for value in row])
    elif file.isatty():
        rows: list[TableRow] = []
        yield lambda row: rows.append(TableRow([render_cell(value) for value in row]))
        print_table(columns, rows, file)
    else:
        print("\t".join(map(_make_cell, columns)), file=file)
        yield lambda row: print("\t".join(map(_make_cell, row)), file=file)


def _make_plain(value: Any) -> Any:
    """A value of SQL as JSON has it: bytes as hex digits, times and decimals as texts."""
    if isinstance(value, bytes):
        return value.hex()
    return value if isinstance(value, (str, int, float, bool, type(None))) else str(value)


def _make_cell(value: Any) -> str:
    return make_printable(render_cell(value)).replace("\n", "\\n").replace("\t", "\\t")


def _make_csv_cell(value: Any, is_safe: bool) -> str:
    cell = _make_cell(value)
    return f"'{cell}" if is_safe and isinstance(value, str) and cell.startswith(FORMULA_STARTS) else cell
