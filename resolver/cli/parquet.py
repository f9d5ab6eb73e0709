"""Writes answers to an Apache Parquet file. pyarrow is imported only when this is used."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, BinaryIO

import click

from resolver.answer import Failure
from resolver.render import MORE_KEYS, ROW_KEYS, build_row
from resolver.resolution import Resolution

ROWS_PER_GROUP = 10_000
"""Rows of one Parquet row group, which are kept in memory until it is written."""

_BOOLS = ("requires_remote_code", "conflict", "ambiguous")
_LISTS = ("weights", "base_models", "notes")
_STRUCTS: Mapping[str, tuple[str, ...]] = {"error": ("code", "message")}
_LISTS_OF_STRUCTS: Mapping[str, tuple[str, ...]] = {"candidates": ("task", "model_class")}


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

    schema = pyarrow.schema([(key, _build_type(key, pyarrow)) for key in (*ROW_KEYS, *MORE_KEYS)])
    rows: list[dict[str, Any]] = []
    with ParquetWriter(file, schema, compression="zstd") as writer:

        def flush() -> None:
            writer.write_table(pyarrow.Table.from_pylist(rows, schema=schema))
            rows.clear()

        def write(answer: Resolution | Failure) -> None:
            rows.append(build_row(answer))
            if len(rows) == ROWS_PER_GROUP:
                flush()

        try:
            yield write
        finally:
            if rows:
                flush()


def _build_type(key: str, pyarrow: Any) -> Any:
    text = pyarrow.string()
    if key in _BOOLS:
        return pyarrow.bool_()
    if key in _LISTS:
        return pyarrow.list_(text)
    if key in _STRUCTS:
        return pyarrow.struct([(name, text) for name in _STRUCTS[key]])
    if key in _LISTS_OF_STRUCTS:
        return pyarrow.list_(pyarrow.struct([(name, text) for name in _LISTS_OF_STRUCTS[key]]))
    return text
