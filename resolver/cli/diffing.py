"""Runs `hubresolve diff`: reads two runs, two stores, or two moments of a store, and writes what is different."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import click

from resolver.cli.comparing import COMPARED_KEYS, Change, ComparedRun, Event, compare, count_events
from resolver.cli.exits import ALL_ANSWERED, DIFFERENT
from resolver.cli.input.answers import read_answers
from resolver.cli.messages import show_message
from resolver.cli.output import open_text
from resolver.cli.store_listing import explain_empty, list_public
from resolver.cli.tables import TableRow, print_table
from resolver.lookup.stored import list_past
from resolver.registry_in_force import get_registry
from resolver.render import make_printable, render_cell, render_json_line
from resolver.settings import Settings
from store.database.corruption import SQLITE_MAGIC
from store.store import MetadataStore
from store.tables import HISTORY_S

_COLUMNS = ("repo", "revision", "event", "key", "old", "new")
_SHORT_HASH = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class DiffOutput:
    """Which keys are compared (None: the usual ones), and how and where the differences are written."""

    columns: Sequence[str] | None = None
    as_json: bool = False
    path: str | None = None
    quiet: bool = False

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys that are compared, each once."""
        return tuple(dict.fromkeys(self.columns)) if self.columns is not None else COMPARED_KEYS


def diff_files(old: str, new: str, output: DiffOutput) -> int:
    """Write the differences between the answers in two files; the exit code.

    Raises:
        click.UsageError: a file is not the output of a run, or the files share none of the compared keys.
    """
    keys = output.keys
    return _write_diff(ComparedRun(read_answers(old), keys), ComparedRun(read_answers(new), keys), output)


async def diff_stores(old: str, new: str, endpoint: str | None, output: DiffOutput) -> int:
    """Write the differences between the answers of two stores, or of a store and a file; the exit code.

    Raises:
        StoreError: a store cannot be read.
        click.UsageError: as for `diff_files`, or a store has no repo of the endpoint.
    """
    before, after = [await _read_run(place, endpoint, output.keys) for place in (old, new)]
    return _write_diff(before, after, output)


async def diff_moments(settings: Settings, since_s: float, until_s: float | None, output: DiffOutput) -> int:
    """Write the differences between a store at one moment and at a later one (None: now); the exit code.

    Raises:
        StoreError: the store cannot be read.
    """
    filled, now_s = settings.fill(), time.time()
    # The store knows whole seconds.
    first_s, last_s = int(since_s), int(until_s if until_s is not None else now_s)
    if last_s <= first_s:
        raise click.UsageError("--since must be earlier than --until, and than now")
    if first_s < now_s - HISTORY_S:
        days = HISTORY_S // 86_400
        show_message(f"the store keeps what repos were before for {days} days: earlier changes may be missing")
    before, after = ComparedRun(keys=output.keys), ComparedRun(keys=output.keys)
    async with MetadataStore(filled.store, may_create=False) as store:
        registry = await get_registry(store, filled.registry)
        for run, moment_s in ((before, first_s), (after, last_s)):
            answers = list_past(store, registry, endpoint=filled.endpoint, moment_s=moment_s, since_s=first_s)
            async with aclosing(answers):
                async for answer in answers:
                    run.add(answer.to_dict())
        count = await store.count_refs(filled.endpoint)
        if not count and not before.rows:
            raise click.UsageError(explain_empty([filled.endpoint], None, await store.list_endpoints()))
    return _write_diff(before, after, output, known=count)


def is_store(place: str) -> bool:
    """Whether an argument is the location of a store, and not the output of a run."""
    if "://" in place:
        return True
    try:
        with Path(place).open("rb") as file:
            return file.read(len(SQLITE_MAGIC)) == SQLITE_MAGIC
    except OSError:
        return False


async def _read_run(place: str, endpoint: str | None, keys: Sequence[str]) -> ComparedRun:
    if not is_store(place):
        return ComparedRun(read_answers(place), keys)
    filled, run = Settings(store=place, endpoint=endpoint).fill(), ComparedRun(keys=keys)
    async with MetadataStore(filled.store, may_create=False) as store:
        answers = list_public(store, filled, None)
        async with aclosing(answers):
            async for answer in answers:
                run.add(answer.to_dict())
        if not run.rows:
            raise click.UsageError(
                f"{store.name}: {explain_empty([filled.endpoint], None, await store.list_endpoints())}"
            )
    return run


def _write_diff(before: ComparedRun, after: ComparedRun, output: DiffOutput, known: int | None = None) -> int:
    """Write the differences; `known` is how many repos were compared, None where the runs have all of them."""
    keys = output.keys
    if before.rows and after.rows and not before.present & after.present:
        raise click.UsageError(f"the two files share none of the keys that are compared: {', '.join(keys)}")
    changes = list(compare(before, after, keys))
    with open_text(output.path) as file:
        if output.as_json:
            for change in changes:
                print(render_json_line(change.to_dict()), file=file)
        elif changes:
            _print_changes(changes, file)
    if not output.quiet:
        events = count_events(changes)
        counts = ", ".join(f"{count:,} {event}" for event, count in events.most_common())
        repos = known + events[Event.GONE] if known is not None else len(before.rows.keys() | after.rows.keys())
        click.echo(f"{len(changes):,} of {repos:,} repos are different{f': {counts}' if counts else ''}", err=True)
    return DIFFERENT if changes else ALL_ANSWERED


def _print_changes(changes: Sequence[Change], file: TextIO) -> None:
    """A line for each changed value; in a pipe, with tabs between the cells."""
    if file.isatty():
        rows = (TableRow(cells, cells[2] == Event.FAILED) for change in changes for cells in list_cells(change, True))
        print_table(_COLUMNS, rows, file)
        return
    print("\t".join(_COLUMNS), file=file)
    for change in changes:
        for cells in list_cells(change, False):
            print("\t".join(make_printable(cell).replace("\n", "\\n") for cell in cells), file=file)


def list_cells(change: Change, is_short: bool) -> list[tuple[str, ...]]:
    """The cells of one change: repo, revision, event, key, old and new value. `is_short`: for a reader.

    That an error has come or gone says that all values have; it stands alone.
    """
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
