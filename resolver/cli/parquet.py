"""Writes rows to an Apache Parquet file. pyarrow is imported only when this is used."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, BinaryIO

import click

from resolver.frames import build_arrow_schema

ROWS_PER_GROUP = 10_000
"""Rows of one Parquet row group, which are kept in memory until it is written."""


def require_pyarrow(format_: str = "parquet") -> None:
    """Check that pyarrow is installed, which this format needs. The extra has the name of the format.

    Raises:
        click.UsageError: it is not.
    """
    try:
        import pyarrow.parquet  # noqa: F401
    except ImportError as error:
        raise click.UsageError(f"--format {format_} needs pyarrow: pip install 'hubresolve[{format_}]'") from error


@contextmanager
def open_parquet(file: BinaryIO, columns: Sequence[str] | None = None) -> Iterator[Callable[[Mapping[str, Any]], None]]:
    """A function that writes one row; the columns are these keys of a row, None for all.

    Rows are written in groups of `ROWS_PER_GROUP`. An interrupted run leaves a valid file with the rows so far.
    """
    import pyarrow
    from pyarrow.parquet import ParquetWriter

    schema = build_arrow_schema()
    if columns is not None:
        # Other keys than those of a row are texts.
        own = set(schema.names)
        schema = pyarrow.schema(
            [schema.field(name) if name in own else pyarrow.field(name, pyarrow.string()) for name in columns]
        )
    rows: list[Mapping[str, Any]] = []
    with ParquetWriter(file, schema, compression="zstd") as writer:

        def flush() -> None:
            writer.write_table(pyarrow.Table.from_pylist(rows, schema=schema))
            rows.clear()

        def write(row: Mapping[str, Any]) -> None:
            rows.append(row)
            if len(rows) == ROWS_PER_GROUP:
                flush()

        try:
            yield write
        finally:
            if rows:
                flush()
