"""`hubresolve load`: models into memory and out again, a row for each."""

from __future__ import annotations

import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import aclosing, contextmanager
from typing import Any

import click

from resolver.answer import Failure
from resolver.cli.exits import ALL_ANSWERED, ERROR_ROWS
from resolver.cli.ids import read_ids
from resolver.cli.progress import open_progress
from resolver.cli.resolving import settings_of
from resolver.loading.loaded import Loaded
from resolver.loading.options import LoadOptions
from resolver.render import load_row_of, printable
from resolver.resolver import Resolver

_UNITS = ("B", "kB", "MB", "GB", "TB")


async def load_ids(
    ids: tuple[str, ...],
    file: str | None,
    hub: Mapping[str, Any],
    options: LoadOptions,
    *,
    max_resident_bytes: int | None,
    format_: str,
    ordered: bool,
    quiet: bool,
) -> int:
    """Load all repos, one in memory at a time, and write their rows; the exit code says whether every one loaded."""
    if quiet or len(ids) != 1 or not sys.stderr.isatty():
        # The libraries look for this when they are imported, which is later. Their bars are for one model.
        os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"
    started_s, counts, total_bytes = time.monotonic(), Counter[str](), 0
    async with Resolver(settings_of(hub)) as resolver:
        models = resolver.load_many(
            read_ids(ids, file),
            revision=hub["revision"],
            task=hub["task"],
            ordered=ordered,
            max_resident_bytes=max_resident_bytes,
            **options,
        )
        count = len(ids) if file is None else None
        with _open_rows(format_) as write, open_progress(count, quiet=quiet) as advance:
            async with aclosing(models):
                async for item in models:
                    counts["failed" if isinstance(item, Failure) else "loaded"] += 1
                    total_bytes += 0 if isinstance(item, Failure) else item.resident_bytes
                    write(item)
                    advance(counts, resolver.quota_left)
    if not quiet and counts.total() > 1:
        click.echo(
            f"{counts['loaded']} models ({_bytes(total_bytes)}) in {time.monotonic() - started_s:.1f} s; "
            f"{counts['failed']} failed",
            err=True,
        )
    return ERROR_ROWS if counts["failed"] else ALL_ANSWERED


@contextmanager
def _open_rows(format_: str) -> Iterator[Callable[[Loaded | Failure], None]]:
    """A function that writes one row: JSON at once, a table when all are there."""
    if format_ == "jsonl":
        import msgspec

        encode = msgspec.json.Encoder().encode
        # Each took a while to come: whoever reads them need not wait for a buffer to fill.
        yield lambda item: print(encode(load_row_of(item)).decode(), flush=True)
        return
    rows: list[dict[str, Any]] = []
    try:
        yield lambda item: rows.append(load_row_of(item))
    finally:
        if rows:
            _print_table(rows)


def _print_table(rows: list[dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("repo", "commit", "library", "task", "class"):
        table.add_column(name, overflow="fold")
    for name in ("parameters", "dtype", "memory", "seconds"):
        table.add_column(name, justify="right")
    table.add_column("", overflow="fold")
    for row in rows:
        error = row["error"]
        table.add_row(
            *(Text(printable(cell)) for cell in _cells(row)),
            Text(printable(f"{error['code']}: {error['message']}") if error is not None else ""),
            style="red" if error is not None else None,
        )
    is_terminal = sys.stdout.isatty()
    Console(file=sys.stdout, width=None if is_terminal else 400, highlight=False).print(table)


def _cells(row: Mapping[str, Any]) -> tuple[str, ...]:
    names = (row["library"], row["task"], row["model_class"])
    has_model = row["error"] is None
    return (
        row["repo_id"],
        (row["commit_hash"] or "-")[:10],
        *(name or "-" for name in names),
        f"{row['parameters']:,}" if has_model else "",
        (row["dtype"] or "-") if has_model else "",
        _bytes(row["resident_bytes"]) if has_model else "",
        f"{row['elapsed_s']:.2f}" if has_model else "",
    )


def _bytes(size: float) -> str:
    """As in "1.3 GB", in powers of a thousand."""
    unit = 0
    while size >= 1000 and unit < len(_UNITS) - 1:
        size, unit = size / 1000, unit + 1
    return f"{size:.0f} {_UNITS[unit]}" if unit == 0 else f"{size:.1f} {_UNITS[unit]}"
