"""Draws a progress bar on standard error: done, rate, failures, quota left, time left."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from resolver.hub.response import Bucket

Advance = Callable[[int, int, Mapping[str, int]], None]
"""Takes the number of answers so far, how many of them are errors, and the quota left by bucket."""

MIN_REDRAW_INTERVAL_S = 0.1
"""Seconds between two redraws; drawing for every answer would slow the run."""


@contextmanager
def open_progress(count: Callable[[], int | None], *, quiet: bool) -> Iterator[Advance]:
    """A function to call after every answer. It draws only on a terminal, and not for a single repo.

    `count` gives the number of answers to come, None if it is not known; it is called only to draw.
    """
    if quiet or not sys.stderr.isatty() or (total := count()) == 1:
        yield lambda done, failed, quota_left: None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    console = Console(stderr=True)
    columns = (
        BarColumn(bar_width=16),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]:.0f}/s, {task.fields[failed]} failed{task.fields[quota]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        bar = progress.add_task("", total=total, rate=0.0, failed=0, quota="")
        started_s = drawn_s = time.monotonic()

        def advance(done: int, failed: int, quota_left: Mapping[str, int]) -> None:
            nonlocal drawn_s
            now_s = time.monotonic()
            if now_s - drawn_s < MIN_REDRAW_INTERVAL_S:
                return
            drawn_s = now_s
            progress.update(
                bar,
                completed=done,
                rate=done / (now_s - started_s),
                failed=failed,
                quota=_render_quota_left(quota_left),
            )

        yield advance


def _render_quota_left(quota_left: Mapping[str, int]) -> str:
    left = ", ".join(f"{count:,} {Bucket(bucket).noun}" for bucket, count in quota_left.items())
    return f", left: {left}" if left else ""
