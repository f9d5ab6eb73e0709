"""`AnswerTable`: answers as a table that fits the terminal; in a pipe, as lines with tabs between the cells."""

from __future__ import annotations

import shutil
import textwrap
import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Self, TextIO

import click

from resolver.render import describe_age, make_printable, render_cell
from resolver.repo_id import is_commit_hash
from resolver.row import parse_time

Row = Mapping[str, Any]

ROWS_FOR_WIDTHS = 500
"""Rows that are collected before the first is printed: their cells give the width of each column."""

MIN_SHOWN_AGE_S = 3_600
"""A branch that was checked longer ago than this is shown with the age of the check."""

_GAP = "  "
_INDENT = "    "

_COLUMNS = {
    "repo_id": "repo",
    "commit_hash": "commit",
    "library": "library",
    "task": "task",
    "model_class": "class",
    "framework": "framework",
}
"""Key -> heading of the columns that are shown where none are chosen."""

USUAL_COLUMNS = tuple(_COLUMNS)
"""The keys that are shown where none are chosen."""

_FIRST_LEFT_OUT = ("commit_hash", "framework", "library", "model_class")
"""Columns that are left out where the terminal is too narrow, the first one first."""


class AnswerTable:
    """Prints rows with one set of column widths. What is to be said about a row follows on lines of its own."""

    def __init__(self, file: TextIO, columns: Sequence[str] | None = None) -> None:
        """`columns` are keys of a row; None: the usual ones."""
        self._file = file
        self._is_terminal = file.isatty()
        self._columns = tuple(columns) if columns is not None else USUAL_COLUMNS
        self._has_remarks = columns is None
        self._width = shutil.get_terminal_size().columns if self._is_terminal else 0
        self._rows: list[Row] = []
        self._widths: list[int] | None = None
        self._now_s = time.time()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._print_collected()

    def write(self, row: Row) -> None:
        """Print one row, or keep it until the widths are known."""
        if not self._is_terminal:
            self._print_tabs(row)
            return
        self._rows.append(row)
        if len(self._rows) >= ROWS_FOR_WIDTHS:
            self._print_collected()

    def _print_tabs(self, row: Row) -> None:
        keys = (*self._columns, "error") if self._has_remarks else self._columns
        if self._widths is None:
            self._widths = []
            print("\t".join(keys), file=self._file)
        print("\t".join(_make_cell(self._render(row, key)) for key in keys), file=self._file)

    def _print_collected(self) -> None:
        from rich.cells import cell_len, set_cell_size

        if self._rows and self._widths is None:
            self._choose_widths(cell_len)
            headings = (_COLUMNS.get(key, key) if self._has_remarks else key for key in self._columns)
            self._print_cells(list(headings), set_cell_size, bold=True)
        for row in self._rows:
            is_error = row["error"] is not None
            cells = [self._shorten(key, self._render(row, key)) for key in self._columns]
            self._print_cells(cells, set_cell_size, fg="red" if is_error else None)
            for remark in self._list_remarks(row) if self._has_remarks else ():
                for line in textwrap.wrap(
                    make_printable(remark),
                    max(self._width, 40),
                    initial_indent=_INDENT,
                    subsequent_indent=_INDENT,
                    break_long_words=False,
                    break_on_hyphens=False,
                ):
                    click.secho(line, file=self._file, fg="red" if is_error else None, dim=not is_error)
        self._file.flush()
        self._rows.clear()

    def _choose_widths(self, cell_len: Any) -> None:
        """The width of each column is that of its widest cell; columns are left out until a line fits."""
        widths = {
            key: max(
                len(_COLUMNS.get(key, key)),
                *(cell_len(_make_cell(self._shorten(key, self._render(row, key)))) for row in self._rows),
            )
            for key in self._columns
        }
        kept = list(self._columns)
        for key in _FIRST_LEFT_OUT if self._has_remarks else ():
            if sum(widths[name] for name in kept) + len(_GAP) * (len(kept) - 1) > self._width and key in kept:
                kept.remove(key)
        self._columns = tuple(kept)
        self._widths = [widths[key] for key in kept]

    def _print_cells(self, cells: list[str], set_cell_size: Any, **style: Any) -> None:
        assert self._widths is not None
        padded = [
            set_cell_size(cell, width) if len(cell) < width else cell
            for cell, width in zip(map(_make_cell, cells), self._widths, strict=True)
        ]
        click.secho(_GAP.join(padded).rstrip(), file=self._file, **style)

    def _render(self, row: Row, key: str) -> str:
        if key == "error" and row["error"] is not None:
            return f"{row['error']['code']}: {row['error']['message']}"
        if key == "repo_id" and self._has_remarks and row["error"] is not None and row["revision"]:
            return f"{row['repo_id']}@{row['revision']}"
        return render_cell(row[key])

    def _shorten(self, key: str, cell: str) -> str:
        if not self._has_remarks:
            return cell
        return cell[:10] if key == "commit_hash" else cell or "-"

    def _list_remarks(self, row: Row) -> list[str]:
        if row["error"] is not None:
            return [self._render(row, "error")]
        remarks = []
        if row["undecided"]:
            remarks.append(f"undecided: {row['undecided']}")
        if row["conflict"]:
            remarks.append(f"conflict: tagged {row['pipeline_tag']}")
        if row["requires_remote_code"]:
            remarks.append("needs remote code")
        if row["partial"]:
            remarks.append(f"not seen: {', '.join(row['partial'])}")
        if (age := self._describe_old_check(row)) is not None:
            remarks.append(f"stale: checked {age}" if row["stale"] else f"checked {age}")
        return ["; ".join(remarks)] if remarks else []

    def _describe_old_check(self, row: Row) -> str | None:
        """How long ago the Hub was asked, where the answer is stale, or that is long and the branch may have moved
        since; else None.
        """
        checked_at_s, revision = parse_time(row["checked_at"]), row["revision"]
        if checked_at_s is None or revision is None or is_commit_hash(revision):
            return None
        is_shown = row["stale"] or self._now_s - checked_at_s >= MIN_SHOWN_AGE_S
        return describe_age(checked_at_s, self._now_s) if is_shown else None


def _make_cell(text: str) -> str:
    """The text on one line."""
    return make_printable(text).replace("\n", "\\n")
