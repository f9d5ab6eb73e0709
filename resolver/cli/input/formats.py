"""Reads repos from lines, CSV, JSON lines and Parquet, as this program and others write them; tells the formats apart.

Of tables, the columns `repo_id`, `id` or `modelId` and `revision` are read.
"""

from __future__ import annotations

import csv
import shutil
import tempfile
from collections.abc import Collection, Iterator, Mapping
from itertools import chain
from typing import Any, BinaryIO

import click

from resolver.answer import MAX_ID_LENGTH
from resolver.cli.input.lines import decode_chunks, read_chunks, split_lines
from resolver.cli.input.urls import parse_hub_url
from resolver.lookup.request import Request, UnusableRequest

MAX_ID_BYTES = 4_096
"""Longest line that can name a repo or a folder: the longest path of most systems."""

MAX_ROW_BYTES = 1_048_576
"""Longest line that can be a row of CSV or JSON."""

MAX_SPOOLED_BYTES = 64 << 20
"""A Parquet file from standard input is kept in memory up to this size, and else in a temporary file."""

ID_COLUMNS = ("repo_id", "id", "modelId")
"""The columns that may hold the repo id; the first that a file has is read."""

_COLUMNS_BY_LOWER_CASE = {name.lower(): name for name in ID_COLUMNS}

PARQUET_MAGIC = b"PAR1"


def parse_repos(file: BinaryIO, endpoint: str | None = None, *, only_failed: bool = False) -> Iterator[Request]:
    """The repos that a file names, by URLs of `endpoint` too. Closes the file.

    With `only_failed`, only the rows of a table that have an error.

    Raises:
        click.UsageError: the file is a table without a column of ids, or, with `only_failed`, no table.
    """
    with file:
        rows, chunks = _open_table(file, (*ID_COLUMNS, "revision", "error", "error_code"))
        if rows is None:
            if only_failed:
                raise click.UsageError("--retry-failed needs rows: the JSON lines, CSV or Parquet of an earlier run")
            yield from _parse_lines(chunks, endpoint)
            return
        for row in rows:
            if (request := _parse_row(row, endpoint, only_failed)) is not None:
                yield request


def read_rows(file: BinaryIO, columns: Collection[str]) -> Iterator[Mapping[str, Any]]:
    """The rows of a table as they stand in it, of Parquet with these `columns` only. Closes the file.

    Raises:
        click.UsageError: the file is no table with a column of ids, or a line of it is no row.
    """
    with file:
        rows, _ = _open_table(file, columns)
        if rows is None:
            raise click.UsageError("it has no rows: give the JSON lines, CSV or Parquet of an earlier run")
        for row in rows:
            if _PROBLEM in row:
                raise click.UsageError(str(row[_PROBLEM]))
            yield row


def _open_table(file: BinaryIO, columns: Collection[str]) -> tuple[Iterator[Mapping[str, Any]] | None, Iterator[bytes]]:
    """The rows of a table, of Parquet with these columns only; None where the file is no table. Then all its bytes."""
    chunks = read_chunks(file)
    first = next(chunks, b"")
    if first.startswith(PARQUET_MAGIC):
        return _read_parquet(first, file, columns), chunks
    chunks = decode_chunks(first, chain([first], chunks))
    first = next(chunks, b"")
    whole = chain([first], chunks)
    return _find_rows(first, whole), whole


def _find_rows(first: bytes, chunks: Iterator[bytes]) -> Iterator[Mapping[str, Any]] | None:
    """The rows of JSON lines or CSV; None where the file is neither, by its first line."""
    head = first.removeprefix(b"\xef\xbb\xbf").lstrip()
    if head.startswith(b"{"):
        return _read_json_lines(chunks)
    if head.startswith((b"[{", b'["')) or head.partition(b"\n")[0].strip() == b"[":
        raise click.UsageError("the file is a JSON array: write one object a line instead (jq -c '.[]')")
    header = head.partition(b"\n")[0].decode("utf-8", "replace").strip()
    delimiter = next((item for item in ("\t", ",", ";") if item in header), None)
    names = [_name_column(name.strip().strip('"')) for name in header.split(delimiter or ",")]
    if (delimiter is not None and set(ID_COLUMNS) & set(names)) or names == ["repo_id"]:
        return _read_csv(chunks, delimiter or ",")
    if delimiter is not None and not header.startswith("#"):
        raise click.UsageError(f"the first line names no column of ids: {' or '.join(ID_COLUMNS)}")
    return None


def _parse_lines(chunks: Iterator[bytes], endpoint: str | None) -> Iterator[Request]:
    """One repo a line; blank lines and comments are skipped."""
    for beginning, size_bytes in split_lines(chunks, MAX_ID_BYTES):
        # errors="replace": a line that is not UTF-8 becomes one invalid id and does not end the run.
        text = beginning.decode("utf-8", "replace").strip()
        if text.startswith("#"):
            continue
        if size_bytes > MAX_ID_BYTES:
            problem = f"the line has {size_bytes:,} bytes; an id or a folder has at most {MAX_ID_BYTES:,}"
            yield UnusableRequest(text[:MAX_ID_LENGTH], problem)
        elif text:
            yield parse_hub_url(text, endpoint)


def _read_json_lines(chunks: Iterator[bytes]) -> Iterator[Mapping[str, Any]]:
    import msgspec

    decode = msgspec.json.Decoder(dict[str, Any]).decode
    for number, (line, size_bytes) in enumerate(split_lines(chunks, MAX_ROW_BYTES), start=1):
        if not line.strip():
            continue
        try:
            yield decode(line) if size_bytes <= MAX_ROW_BYTES else _build_problem(number, "is too long for a row")
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
            yield _build_problem(number, "is not a JSON object")


def _read_csv(chunks: Iterator[bytes], delimiter: str) -> Iterator[Mapping[str, Any]]:
    lines = (f"{line.decode('utf-8', 'replace')}\n" for line, _ in split_lines(chunks, MAX_ROW_BYTES) if line)
    reader = csv.DictReader(lines, delimiter=delimiter, skipinitialspace=True)
    while True:
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield _build_problem(reader.line_num, f"is not CSV: {error}")
            continue
        yield {_name_column(name): value for name, value in row.items() if isinstance(name, str)}


def _name_column(text: str) -> str:
    """The name of a column of CSV, whatever the case of its letters."""
    name = text.strip().lower()
    return _COLUMNS_BY_LOWER_CASE.get(name, name)


def _read_parquet(first: bytes, file: BinaryIO, wanted: Collection[str]) -> Iterator[Mapping[str, Any]]:
    try:
        import pyarrow
        from pyarrow.parquet import ParquetFile
    except ImportError as error:
        raise click.UsageError("a Parquet file needs pyarrow: pip install 'hubresolve[parquet]'") from error
    with tempfile.SpooledTemporaryFile(MAX_SPOOLED_BYTES) as spooled:
        # Parquet is read from its end, which a pipe cannot do.
        spooled.write(first)
        shutil.copyfileobj(file, spooled)
        spooled.seek(0)
        try:
            table = ParquetFile(spooled)
            present = table.schema_arrow.names
            columns = [name for name in wanted if name in present]
            if not set(ID_COLUMNS) & set(columns):
                raise click.UsageError(f"the Parquet file has no column of ids: {' or '.join(ID_COLUMNS)}")
            for batch in table.iter_batches(columns=columns):
                yield from batch.to_pylist()
        except (pyarrow.ArrowException, OSError) as error:
            raise click.UsageError(f"the Parquet file cannot be read: {error}") from error


_PROBLEM = "\0problem"


def _build_problem(line_number: int, problem: str) -> Mapping[str, Any]:
    return {_PROBLEM: f"line {line_number:,} {problem}", "repo_id": f"line {line_number}"}


def _parse_row(row: Mapping[str, Any], endpoint: str | None, only_failed: bool) -> Request | None:
    """The request of a row; None for one that is left out."""
    if _PROBLEM in row:
        return UnusableRequest(str(row["repo_id"]), str(row[_PROBLEM]))
    if only_failed and not (row.get("error") or row.get("error_code")):
        return None
    repo_id = next((row[name] for name in ID_COLUMNS if row.get(name)), None)
    revision = row.get("revision") or None
    if not isinstance(repo_id, str) or not isinstance(revision, str | None):
        return UnusableRequest(repr(repo_id)[:MAX_ID_LENGTH], "the row has no repo id")
    if len(repo_id.encode()) > MAX_ID_BYTES:
        problem = f"the id has {len(repo_id):,} characters; an id or a folder has at most {MAX_ID_BYTES:,} bytes"
        return UnusableRequest(repo_id[:MAX_ID_LENGTH], problem)
    request = parse_hub_url(repo_id, endpoint)
    return (request, revision) if isinstance(request, str) and revision is not None and "@" not in request else request
