"""Runs `hubresolve diff`: reads the answers of two runs and writes what is different."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TextIO

import click

from resolver.cli.comparing import COMPARED_KEYS, Change, ComparedRun, Event, compare, count_events
from resolver.cli.exits import ALL_ANSWERED, DIFFERENT
from resolver.cli.input.answers import read_answers
from resolver.cli.output import open_text
from resolver.cli.tables import TableRow, print_table
from resolver.render import make_printable, render_cell, render_json_line

_COLUMNS = ("repo", "revision", "event", "key", "old", "new")
_SHORT_HASH = 10


def diff_files(
    old: str, new: str, columns: Sequence[str] | None, *, as_json: bool, output: str | None, quiet: bool
) -> int:
    """Write the differences between the answers in two files; the exit code.

    Raises:
        click.UsageError: a file is not the output of a run, or the files share none of the compared keys.
    """
    keys = tuple(dict.fromkeys(columns)) if columns is not None else COMPARED_KEYS
    before, after = ComparedRun(read_answers(old), keys), ComparedRun(read_answers(new), keys)
    if before.rows and after.rows and not before.present & after.present:
        raise click.UsageError(f"the two files share none of the keys that are compared: {', '.join(keys)}")
    changes = list(compare(before, after, keys))
    with open_text(output) as file:
        if as_json:
            for change in changes:
                print(render_json_line(change.to_dict()), file=file)
        elif changes:
            _print_changes(changes, file)
    if not quiet:
        counts = ", ".join(f"{count:,} {event}" for event, count in count_events(changes).most_common())
        repos = len(before.rows.keys() | after.rows.keys())
        click.echo(f"{len(changes):,} of {repos:,} repos are different{f': {counts}' if counts else ''}", err=True)
    return DIFFERENT if changes else ALL_ANSWERED


def _print_changes(changes: Sequence[Change], file: TextIO) -> None:
    """A line for each changed value; in a pipe, with tabs between the cells."""
    if file.isatty():
        rows = (TableRow(cells, cells[2] == Event.FAILED) for change in changes for cells in _list_cells(change, True))
        print_table(_COLUMNS, rows, file)
        return
    print("\t".join(_COLUMNS), file=file)
    for change in changes:
        for cells in _list_cells(change, False):
            print("\t".join(make_printable(cell).replace("\n", "\\n") for cell in cells), file=file)


def _list_cells(change: Change, is_short: bool) -> list[tuple[str, ...]]:
    """The cells of one change. That an error has come or gone says that all values have; it stands alone."""
    values = change.values
    if change.event in (Event.FAILED, Event.RECOVERED):
        values = {"error": values["error"]}
    begin = (change.repo_id, change.revision, change.event.value)
    if not values:
        return [(*begin, "", "", "")]
    return [(*begin, key, *(_render(key, value, is_short) for value in pair)) for key, pair in values.items()]


def _render(key: str, value: Any, is_short: bool) -> str:
    if key == "error" and value is not None:
        return f"{value['code']}: {value['message']}"
    text = render_cell(value)
    return (text[:_SHORT_HASH] if key == "commit_hash" else text or "-") if is_short else text
