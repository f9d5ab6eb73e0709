"""Runs `hubresolve load`: loads models one at a time and writes a row for each."""

from __future__ import annotations

import os
import sys
import time
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from typing import Any, TextIO

import click

from resolver.answer import Failure
from resolver.cli.exits import ALL_ANSWERED, ERROR_ROWS
from resolver.cli.input.ids import count_repos, read_ids
from resolver.cli.load_rows import build_load_row
from resolver.cli.output import open_text
from resolver.cli.progress import open_progress
from resolver.cli.resolving import build_settings
from resolver.cli.tables import TableRow, format_bytes, print_table
from resolver.fleet.model_result import ModelResult
from resolver.loading.loaded import Loaded
from resolver.loading.options import LoadKwargs
from resolver.render import render_json_line
from resolver.resolver import Resolver

_COLUMNS = ("repo", "commit", "library", "task", "class", "parameters", "dtype", "memory", "seconds", "")
_RIGHT_ALIGNED = ("parameters", "dtype", "memory", "seconds")


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadRequest:
    """The models to load: the ids of the arguments and the lines of a file, and how to load them."""

    ids: tuple[str, ...]
    file: str | None
    options: LoadKwargs
    max_resident_bytes: int | None
    output: str | None = None

    def count(self) -> int | None:
        """How many models there are; None if that is not known before the run."""
        counted = count_repos(self.file) if self.file is not None else 0
        return None if counted is None else len(self.ids) + counted


async def load_ids(
    request: LoadRequest, hub_options: Mapping[str, Any], *, format_: str, ordered: bool, quiet: bool
) -> int:
    """Load all models, one in memory at a time, and write their rows; the exit code."""
    if quiet or len(request.ids) != 1 or not sys.stderr.isatty():
        # The libraries read this variable when they are imported, which is later. Their bars suit a single model only.
        os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"
    async with Resolver(build_settings(hub_options)) as resolver:
        models = resolver.load_many(
            read_ids(request.ids, request.file, hub_options["endpoint"]),
            revision=hub_options["revision"],
            task=hub_options["task"],
            ordered=ordered,
            max_resident_bytes=request.max_resident_bytes,
            **request.options,
        )
        return await write_rows(
            models, request, format_=format_, quiet=quiet, get_quota_left=lambda: resolver.quota_left
        )


async def write_rows(
    models: AsyncGenerator[Loaded | ModelResult | Failure],
    request: LoadRequest,
    *,
    format_: str,
    quiet: bool,
    get_quota_left: Callable[[], Mapping[str, int]],
) -> int:
    """Write a row for each of `models`, and the totals; the exit code."""
    started_s, counts, total_bytes = time.monotonic(), Counter[str](), 0
    with (
        open_text(request.output) as file,
        _open_rows(format_, file) as write,
        open_progress(request.count, quiet=quiet) as advance,
    ):
        async with aclosing(models):
            async for item in models:
                counts["failed" if isinstance(item, Failure) else "loaded"] += 1
                total_bytes += 0 if isinstance(item, Failure) else item.resident_bytes
                write(item)
                advance(counts.total(), counts["failed"], get_quota_left())
    if not quiet and counts.total() > 1:
        click.echo(
            f"{counts['loaded']} models ({format_bytes(total_bytes)}) in {time.monotonic() - started_s:.1f} s; "
            f"{counts['failed']} failed",
            err=True,
        )
    return ERROR_ROWS if counts["failed"] else ALL_ANSWERED


@contextmanager
def _open_rows(format_: str, file: TextIO) -> Iterator[Callable[[Loaded | ModelResult | Failure], None]]:
    """A function that writes one row: a JSON line at once, a table after the last row."""
    if format_ == "jsonl":
        # Flushed for each row: a row takes seconds, and its reader should not wait until a buffer is full.
        yield lambda item: print(render_json_line(build_load_row(item)), file=file, flush=True)
        return
    rows: list[dict[str, Any]] = []
    try:
        yield lambda item: rows.append(build_load_row(item))
    finally:
        if rows:
            print_table(_COLUMNS, map(_build_table_row, rows), file, right_aligned=_RIGHT_ALIGNED)


def _build_table_row(row: Mapping[str, Any]) -> TableRow:
    names = (row["library"], row["task"], row["model_class"])
    error = row["error"]
    is_loaded = error is None
    return TableRow(
        (
            row["repo_id"],
            (row["commit_hash"] or "-")[:10],
            *(name or "-" for name in names),
            f"{row['parameters']:,}" if is_loaded else "",
            (row["dtype"] or "-") if is_loaded else "",
            format_bytes(row["resident_bytes"]) if is_loaded else "",
            f"{row['elapsed_s']:.2f}" if is_loaded else "",
            f"{error['code']}: {error['message']}" if error is not None else "",
        ),
        is_error=error is not None,
    )
