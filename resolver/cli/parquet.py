"""Answers as an Apache Parquet file, written with pyarrow, which is imported only for that."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, BinaryIO

import click

from resolver.answer import Failure
from resolver.render import MORE_KEYS, ROW_KEYS, row_of
from resolver.resolution import Resolution

ROWS_PER_GROUP = 10_000

_FLAGS = ("requires_remote_code", "conflict", "ambiguous")
_LISTS = ("weights", "base_models", "notes")
_STRUCTS: Mapping[str, tuple[str, ...]] = {"error": ("code", "message")}
_LISTS_OF_STRUCTS: Mapping[str, tuple[str, ...]] = {"candidates": ("task", "model_class")}


def require_pyarrow() -> None:
    """Raises:
    click.UsageError: pyarrow is not installed.
    """
    try:
        import pyarrow.parquet  # noqa: F401
    except ImportError as error:
        raise click.UsageError("--format parquet needs pyarrow: pip install 'hubresolve[parquet]'") from error


@contextmanager
def open_parquet(file: BinaryIO) -> Iterator[Callable[[Resolution | Failure], None]]:
    """A function that writes one answer; the columns are the keys of a JSON row, in their order.

    Rows are kept until `ROWS_PER_GROUP` of them make a group; an interrupted run leaves a file of the rows so far.
    """
    import pyarrow
    from pyarrow.parquet import ParquetWriter

    schema = pyarrow.schema([(key, _type_of(key, pyarrow)) for key in (*ROW_KEYS, *MORE_KEYS)])
    rows: list[dict[str, Any]] = []
    with ParquetWriter(file, schema, compression="zstd") as writer:

        def flush() -> None:
            writer.write_table(pyarrow.Table.from_pylist(rows, schema=schema))
            rows.clear()

        def write(answer: Resolution | Failure) -> None:
            rows.append(row_of(answer))
            if len(rows) == ROWS_PER_GROUP:
                flush()

        try:
            yield write
        finally:
            if rows:
                flush()


def _type_of(key: str, pyarrow: Any) -> Any:
    text = pyarrow.string()
    if key in _FLAGS:
        return pyarrow.bool_()
    if key in _LISTS:
        return pyarrow.list_(text)
    if key in _STRUCTS:
        return pyarrow.struct([(name, text) for name in _STRUCTS[key]])
    if key in _LISTS_OF_STRUCTS:
        return pyarrow.list_(pyarrow.struct([(name, text) for name in _LISTS_OF_STRUCTS[key]]))
    return text
