"""Reads the command's ids from its arguments, from a file, or line by line from standard input."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator
from itertools import chain
from typing import IO

import click

MAX_QUEUED_LINES = 2_000
"""Lines of standard input that are read ahead."""


def read_ids(ids: Iterable[str], file: str | None) -> Iterable[str] | AsyncIterable[str]:
    """The ids of the arguments, then those of the file ("-": standard input).

    Raises:
        click.UsageError: the file cannot be opened.
    """
    # Python decodes arguments that are not UTF-8 to lone surrogates, which cannot be encoded for output.
    ids = [repo_id.encode("utf-8", "replace").decode() for repo_id in ids]
    if file is None:
        return ids
    try:
        # errors="replace": a line that is not UTF-8 becomes one invalid id and does not end the run.
        lines = click.open_file(file, encoding="utf-8-sig", errors="replace")
    except OSError as error:
        raise click.UsageError(f"--file {file}: {error.strerror}") from error
    return _stream_ids(ids, lines) if file == "-" else chain(ids, _parse_lines(lines))


def _parse_lines(lines: IO[str]) -> Iterator[str]:
    """One id a line; blank lines and comments are skipped. Closes the file."""
    with lines:
        for line in lines:
            repo_id = line.strip()
            if repo_id and not repo_id.startswith("#"):
                yield repo_id


async def _stream_ids(ids: Iterable[str], lines: IO[str]) -> AsyncIterator[str]:
    """`ids`, then the ids in `lines` as they arrive: another program may still be writing them.

    A daemon thread reads the lines. asyncio would wait for a thread of its own executor when the run is interrupted.
    """
    for repo_id in ids:
        yield repo_id
    loop = asyncio.get_running_loop()
    queue: asyncio.Queue[str | None] = asyncio.Queue()
    free_places = threading.Semaphore(MAX_QUEUED_LINES)

    def read_lines() -> None:
        try:
            for repo_id in _parse_lines(lines):
                free_places.acquire()
                loop.call_soon_threadsafe(queue.put_nowait, repo_id)
            loop.call_soon_threadsafe(queue.put_nowait, None)
        except RuntimeError:
            # The loop is closed, because the run has ended: the remaining lines are not needed.
            return

    threading.Thread(target=read_lines, name="hubresolve-ids", daemon=True).start()
    while (queued_id := await queue.get()) is not None:
        free_places.release()
        yield queued_id
