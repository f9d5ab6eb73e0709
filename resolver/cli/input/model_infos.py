"""Reads snapshots of model infos: JSON lines, plain or gzipped, and Parquet; in bounded memory."""

from __future__ import annotations

import gzip
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, cast

import click

from resolver.cli.input.formats import PARQUET_MAGIC
from resolver.cli.input.lines import read_chunks, split_lines
from resolver.hub.body_size import count_values
from resolver.hub.lenient_json import UnusableJsonError, parse_json
from resolver.hub.payloads import MAX_FILES, MAX_INFO_BYTES
from resolver.hub.snapshot_rows import COLUMNS, UnusableRowError

ROWS_PER_BATCH = 2_000
"""Rows that are decided on and stored together."""

MAX_LINE_VALUES = 4 * MAX_FILES
"""Most values in a line that is read: each takes memory, however short it is."""

GZIP_MAGIC = b"\x1f\x8b"

_READ_BYTES = 1 << 20
"""Parquet is read in pieces of this size: a row group may hold millions of rows."""

SnapshotBatches = Iterator[Sequence[Mapping[str, Any] | UnusableRowError]]


def is_snapshot(path: Path) -> bool:
    """Whether the file is one of model infos, by its first bytes.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        start = file.read(64)
    return start.startswith((PARQUET_MAGIC, GZIP_MAGIC)) or start.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in (
        b"{",
        b"[",
    )


def read_model_infos(path: Path) -> SnapshotBatches:
    """The rows of a snapshot in batches; a line that cannot be read is the error that says so.

    Raises:
        click.UsageError: the file as a whole cannot be read.
    """
    try:
        with path.open("rb") as file:
            start = file.read(64)
        if start.startswith(PARQUET_MAGIC):
            yield from _read_parquet(path)
            return
        rows = _read_json_lines(path, is_gzipped=start.startswith(GZIP_MAGIC))
        while batch := list(islice(rows, ROWS_PER_BATCH)):
            yield batch
    except (OSError, EOFError) as error:
        reason = getattr(error, "strerror", None) or error
        raise click.UsageError(f"{path} cannot be read to its end: {reason}") from error


def _read_json_lines(path: Path, *, is_gzipped: bool) -> Iterator[Mapping[str, Any] | UnusableRowError]:
    with gzip.open(path) if is_gzipped else path.open("rb") as file:
        chunks = read_chunks(cast(BinaryIO, file))
        for number, (line, size_bytes) in enumerate(split_lines(chunks, MAX_INFO_BYTES), start=1):
            if not (text := line.strip()):
                continue
            if number == 1 and text.startswith(b"["):
                raise click.UsageError(f"{path} is a JSON array: write one object a line instead (jq -c '.[]')")
            yield _parse_line(text, size_bytes)


def _parse_line(text: bytes, size_bytes: int) -> Mapping[str, Any] | UnusableRowError:
    if size_bytes > MAX_INFO_BYTES:
        return UnusableRowError(f"the line is longer than {MAX_INFO_BYTES // 2**20} MiB")
    if len(text) > MAX_LINE_VALUES and count_values(text) > MAX_LINE_VALUES:
        return UnusableRowError(f"the line has more than {MAX_LINE_VALUES:,} values")
    try:
        row = parse_json(text)
    except UnusableJsonError as error:
        return UnusableRowError(f"the line is {error}"[:200])
    return row if isinstance(row, dict) else UnusableRowError("the line is not a JSON object")


def _read_parquet(path: Path) -> SnapshotBatches:
    try:
        import pyarrow
        from pyarrow.parquet import ParquetFile
    except ImportError as error:
        raise click.UsageError("a Parquet file needs pyarrow: pip install 'hubresolve[parquet]'") from error
    try:
        with ParquetFile(path, buffer_size=_READ_BYTES, pre_buffer=False) as table:
            present = set(table.schema_arrow.names)
            columns = [name for name in COLUMNS if name in present]
            if not present & {"id", "modelId"}:
                raise click.UsageError(f"{path} has no column of ids: id or modelId")
            for batch in table.iter_batches(batch_size=ROWS_PER_BATCH, columns=columns, use_threads=False):
                yield batch.to_pylist()
    except pyarrow.ArrowException as error:
        raise click.UsageError(f"{path} cannot be read as Parquet: {str(error)[:200]}") from error
