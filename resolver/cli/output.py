"""Writes answers in the requested format to standard output or a file."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO, TextIO

import click

from resolver.answer import Failure
from resolver.cli.parquet import open_parquet, require_pyarrow
from resolver.cli.tables import TableRow, print_table
from resolver.render import describe_age, render_csv_header, render_csv_line, render_json_line
from resolver.repo_id import is_commit_hash
from resolver.resolution import Resolution

MIN_SHOWN_AGE_S = 3_600
"""A branch that was checked longer ago than this is shown with the describe_age of the check."""

Write = Callable[[Resolution | Failure], None]

ROWS_PER_TABLE = 500
"""Rows collected before they are printed as a table; a longer run prints several tables."""

_COLUMNS = ("repo", "commit", "library", "task", "class", "framework", "")


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputOptions:
    """How and where answers are written; `path` None is standard output."""

    format_: str = "table"
    path: str | None = None
    csv_safe: bool = False


@contextmanager
def open_output(options: OutputOptions) -> Iterator[Write]:
    """A function that writes one answer. Lines are written one by one, tables in groups of rows.

    Raises:
        click.UsageError: the file cannot be written, or a package that the format needs is not installed.
    """
    path = options.path
    if options.format_ == "parquet":
        # Checked before the file is opened, because opening it deletes its content.
        require_pyarrow()
        with _open_binary(path) as binary_file, open_parquet(binary_file) as write:
            yield write
        return
    if path is None:
        with _open_writer(options, sys.stdout) as write:
            yield write
        sys.stdout.flush()
        return
    with _open_file(path, "w", encoding="utf-8", newline="") as file, _open_writer(options, file) as write:
        yield write


def _open_file(path: str, mode: str, **open_options: Any) -> Any:
    try:
        return open(path, mode, **open_options)
    except OSError as error:
        raise click.UsageError(f"--output {path}: {error.strerror}") from error


@contextmanager
def _open_binary(path: str | None) -> Iterator[BinaryIO]:
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
    if options.format_ == "jsonl":
        flush = file.isatty()
        yield lambda answer: print(render_json_line(answer.to_dict()), file=file, flush=flush)
    elif options.format_ == "csv":
        file.write(render_csv_header())
        yield lambda answer: print(render_csv_line(answer, is_safe=options.csv_safe), file=file, end="")
    else:
        answers: list[Resolution | Failure] = []

        def write(answer: Resolution | Failure) -> None:
            answers.append(answer)
            if len(answers) == ROWS_PER_TABLE:
                _print_answers(answers, file)
                answers.clear()

        yield write
        if answers:
            _print_answers(answers, file)


def _print_answers(answers: list[Resolution | Failure], file: TextIO) -> None:
    now_s = time.time()
    print_table(_COLUMNS, (_build_table_row(answer, now_s) for answer in answers), file)


def _build_table_row(answer: Resolution | Failure, now_s: float) -> TableRow:
    if isinstance(answer, Failure):
        revision = f"@{answer.revision}" if answer.revision else ""
        error = f"{answer.error.code}: {answer.error}"
        return TableRow((f"{answer.repo_id}{revision}", "", "", "", "", "", error), is_error=True)
    remarks = []
    if answer.undecided:
        remarks.append(f"undecided: {answer.undecided}")
    if answer.conflict:
        remarks.append(f"conflict: tagged {answer.pipeline_tag}")
    if answer.requires_remote_code:
        remarks.append("needs remote code")
    if (checked_at_s := _find_old_check(answer, now_s)) is not None:
        remarks.append(f"checked {describe_age(checked_at_s, now_s)}")
    return TableRow(
        (
            answer.repo_id,
            (answer.commit_hash or "-")[:10],
            answer.library or "-",
            answer.task or "-",
            answer.model_class or "-",
            answer.framework or "-",
            "; ".join(remarks),
        )
    )


def _find_old_check(answer: Resolution, now_s: float) -> int | None:
    """When the Hub was last asked, if that is long ago and the branch may have moved since; otherwise None."""
    checked_at_s = answer.checked_at_s
    if checked_at_s is None or answer.revision is None or is_commit_hash(answer.revision):
        return None
    return checked_at_s if now_s - checked_at_s >= MIN_SHOWN_AGE_S else None
