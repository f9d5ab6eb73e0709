"""Writes answers to an Apache Parquet file. pyarrow is imported only when this is used."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import BinaryIO

import click

from resolver.answer import Failure
from resolver.frames import build_arrow_schema
from resolver.resolution import Resolution
from resolver.row import Row

ROWS_PER_GROUP = 10_000
"""Rows of one Parquet row group, which are kept in memory until it is written."""


def require_pyarrow() -> None:
    """Check that pyarrow is installed.

    Raises:
        click.UsageError: it is not.
    """
    try:
        import pyarrow.parquet  # noqa: F401
    except ImportError as error:
        raise click.UsageError("--format parquet needs pyarrow: pip install 'hubresolve[parquet]'") from error


@contextmanager
def open_parquet(file: BinaryIO) -> Iterator[Callable[[Resolution | Failure], None]]:
    """A function that writes one answer; the columns are the keys of a JSON row, in the same order.

    Rows are written in groups of `ROWS_PER_GROUP`. An interrupted run leaves a valid file with the rows so far.
    """
    import pyarrow
    from pyarrow.parquet import ParquetWriter

    schema = build_arrow_schema()
    rows: list[Row] = []
    with ParquetWriter(file, schema, compression="zstd") as writer:

        def flush() -> None:
            writer.write_table(pyarrow.Table.from_pylist(rows, schema=schema))
            rows.clear()

        def write(answer: Resolution | Failure) -> None:
            rows.append(answer.to_dict())
            if len(rows) == ROWS_PER_GROUP:
                flush()

        try:
            yield write
        finally:
            if rows:
                flush()
