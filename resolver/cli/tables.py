"""Prints tables for readers, and formats byte counts. `rich` is imported only when a table is printed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import TextIO

from resolver.render import make_printable

WIDTH_WITHOUT_TERMINAL = 400
"""Columns of a table in a file or pipe: wide enough that nothing is folded."""

_BYTE_UNITS = ("B", "kB", "MB", "GB", "TB")


@dataclass(frozen=True, slots=True)
class TableRow:
    """The cells of one row; a row with an error is red."""

    cells: Sequence[str]
    is_error: bool = False


def print_table(
    columns: Sequence[str], rows: Iterable[TableRow], file: TextIO, *, right_aligned: Collection[str] = ()
) -> None:
    """Write a table without borders to `file`. On a terminal long cells are folded to its width."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in columns:
        table.add_column(name, justify="right" if name in right_aligned else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(make_printable(cell)) for cell in row.cells), style="red" if row.is_error else None)
    width = None if file.isatty() else WIDTH_WITHOUT_TERMINAL
    Console(file=file, width=width, highlight=False).print(table)


def format_bytes(size_bytes: float) -> str:
    """A size such as "1.3 GB", in powers of a thousand."""
    unit = 0
    while size_bytes >= 1000 and unit < len(_BYTE_UNITS) - 1:
        size_bytes, unit = size_bytes / 1000, unit + 1
    return f"{size_bytes:.0f} {_BYTE_UNITS[unit]}" if unit == 0 else f"{size_bytes:.1f} {_BYTE_UNITS[unit]}"
