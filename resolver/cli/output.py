"""Write answers in the format asked for, to standard output or a file."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO, TextIO

import click

from resolver.answer import Failure
from resolver.cli.parquet import open_parquet, require_pyarrow
from resolver.render import age, csv_header, csv_line, printable, row_of
from resolver.repo_id import is_commit_hash
from resolver.resolution import Resolution

WHILE_AGO_S = 3_600
"""From this age on a branch is shown with its age."""

Write = Callable[[Resolution | Failure], None]

ROWS_PER_TABLE = 500
"""Rows gathered before their columns are laid out: the table of a long run comes in parts."""


@contextmanager
def open_output(format_: str, path: str | None) -> Iterator[Write]:
    """A function that writes one answer. Lines come out one by one; a table in parts.

    Raises:
        click.UsageError: the file cannot be written, or the format needs what is not installed.
    """
    if format_ == "parquet":
        # Before the file: what cannot be written must not empty what is there.
        require_pyarrow()
        with _open_bytes(path) as bytes_file, open_parquet(bytes_file) as write:
            yield write
        return
    if path is None:
        with _writer(format_, sys.stdout) as write:
            yield write
        sys.stdout.flush()
        return
    with _opened(path, "w", encoding="utf-8", newline="") as file, _writer(format_, file) as write:
        yield write


def _opened(path: str, mode: str, **how: Any) -> Any:
    try:
        return open(path, mode, **how)
    except OSError as error:
        raise click.UsageError(f"--output {path}: {error.strerror}") from error


@contextmanager
def _open_bytes(path: str | None) -> Iterator[BinaryIO]:
    if path is not None:
        with _opened(path, "wb") as file:
            yield file
    elif sys.stdout.isatty():
        raise click.UsageError("parquet is not for a terminal: name a file with --output")
    else:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()


@contextmanager
def _writer(format_: str, file: TextIO) -> Iterator[Write]:
    if format_ == "jsonl":
        import msgspec

        encode = msgspec.json.Encoder().encode
        flush = file.isatty()
        yield lambda answer: print(encode(row_of(answer)).decode(), file=file, flush=flush)
    elif format_ == "csv":
        file.write(csv_header())
        yield lambda answer: print(csv_line(answer), file=file, end="")
    else:
        rows: list[Resolution | Failure] = []

        def write(answer: Resolution | Failure) -> None:
            rows.append(answer)
            if len(rows) == ROWS_PER_TABLE:
                _print_table(rows, file)
                rows.clear()

        yield write
        if rows:
            _print_table(rows, file)


def _print_table(answers: list[Resolution | Failure], file: TextIO) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("repo", "commit", "library", "task", "class", "framework", ""):
        table.add_column(name, overflow="fold")
    now_s = time.time()
    for answer in answers:
        cells = [Text(printable(cell)) for cell in _cells(answer, now_s)]
        table.add_row(*cells, style="red" if isinstance(answer, Failure) else None)
    # A file or pipe has no width to fit into: nothing is folded there.
    console = Console(file=file, width=None if file.isatty() else 400, highlight=False)
    console.print(table)


def _age_to_tell(answer: Resolution, now_s: float) -> int | None:
    """When the Hub was last asked, where that is a while ago and the revision may stand elsewhere by now."""
    checked_at_s = answer.checked_at_s
    if checked_at_s is None or answer.revision is None or is_commit_hash(answer.revision):
        return None
    return checked_at_s if now_s - checked_at_s >= WHILE_AGO_S else None


def _cells(answer: Resolution | Failure, now_s: float) -> tuple[str, ...]:
    if isinstance(answer, Failure):
        revision = f"@{answer.revision}" if answer.revision else ""
        return f"{answer.repo_id}{revision}", "", "", "", "", "", f"{answer.error.code}: {answer.error}"
    remarks = []
    if answer.undecided:
        remarks.append(f"undecided: {answer.undecided}")
    if answer.conflict:
        remarks.append(f"conflict: tagged {answer.pipeline_tag}")
    if answer.requires_remote_code:
        remarks.append("needs remote code")
    if (checked_at_s := _age_to_tell(answer, now_s)) is not None:
        remarks.append(f"as seen {age(checked_at_s, now_s)}")
    return (
        answer.repo_id,
        (answer.commit_hash or "-")[:10],
        answer.library or "-",
        answer.task or "-",
        answer.model_class or "-",
        answer.framework or "-",
        "; ".join(remarks),
    )
