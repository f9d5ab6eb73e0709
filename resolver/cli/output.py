"""Writes answers in the requested format to standard output or a file."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, BinaryIO, TextIO

import click

from resolver.cli.answer_table import USUAL_COLUMNS, AnswerTable
from resolver.cli.parquet import open_parquet, require_pyarrow
from resolver.cli.selection import Selection
from resolver.render import render_csv_header, render_csv_line, render_json_line
from resolver.row import ROW_KEYS

Row = Mapping[str, Any]
Write = Callable[[Row], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputOptions:
    """How and where answers are written; `path` None is standard output."""

    format_: str = "table"
    path: str | None = None
    csv_safe: bool = False
    selection: Selection = field(default_factory=Selection)

    def with_key(self, key: str) -> OutputOptions:
        """These options with one more key, the first, where no columns are chosen."""
        if self.selection.columns is not None:
            return self
        columns = (key, *(USUAL_COLUMNS if self.format_ == "table" else ROW_KEYS))
        return replace(self, selection=replace(self.selection, columns=columns))


@contextmanager
def open_output(options: OutputOptions) -> Iterator[Write]:
    """A function that writes one row. Lines are written one by one, tables in groups of rows, sorted rows at the end.

    Raises:
        click.UsageError: the file cannot be written, or a package that the format needs is not installed.
    """
    with _open_format(options) as write:
        if options.selection.sort is None:
            yield write
            return
        rows: list[Row] = []
        try:
            yield rows.append
        finally:
            # An interrupted run also shows what it has.
            for row in options.selection.sort_rows(rows):
                write(row)


@contextmanager
def _open_format(options: OutputOptions) -> Iterator[Write]:
    if options.format_ == "parquet":
        # Checked before the file is opened, because opening it deletes its content.
        require_pyarrow()
        with open_binary(options.path) as binary_file:
            with open_parquet(binary_file, options.selection.columns) as write:
                yield write
        return
    with open_text(options.path) as file, _open_writer(options, file) as write:
        yield write


@contextmanager
def open_text(path: str | None) -> Iterator[TextIO]:
    """The file of `--output`, or standard output.

    Raises:
        click.UsageError: the file cannot be written.
    """
    if path is None:
        yield sys.stdout
        sys.stdout.flush()
        return
    with _open_file(path, "w", encoding="utf-8", newline="") as file:
        yield file


def _open_file(path: str, mode: str, **open_options: Any) -> Any:
    try:
        return open(path, mode, **open_options)
    except OSError as error:
        raise click.UsageError(f"--output {path}: {error.strerror}") from error


@contextmanager
def open_binary(path: str | None) -> Iterator[BinaryIO]:
    """The file of `--output`, or standard output, for bytes.

    Raises:
        click.UsageError: the file cannot be written, or standard output is a terminal.
    """
    if path is not None:
        with _open_file(path, "wb") as file:
            yield file
    elif sys.stdout.isatty():
        raise click.UsageError("a terminal cannot show parquet: name a file with --output")
    else:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()


@contextmanager
def _open_writer(options: OutputOptions, file: TextIO) -> Iterator[Write]:
    choose, columns = options.selection.choose_columns, options.selection.columns
    match options.format_:
        case "jsonl":
            flush = file.isatty()
            yield lambda row: print(render_json_line(choose(row)), file=file, flush=flush)
        case "csv":
            file.write(render_csv_header(columns))
            yield lambda row: print(render_csv_line(row, columns, is_safe=options.csv_safe), file=file, end="")
        case "summary":
            yield lambda row: None
        case _:
            with AnswerTable(file, columns) as table:
                yield table.write
