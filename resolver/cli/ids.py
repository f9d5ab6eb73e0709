"""Where the command's ids come from: its arguments, a file, or standard input as it arrives."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator
from itertools import chain
from typing import IO

import click

LINES_AHEAD = 2_000


def read_ids(ids: Iterable[str], file: str | None) -> Iterable[str] | AsyncIterable[str]:
    """The ids given as arguments, then those of the file.

    Raises:
        click.UsageError: the file cannot be opened.
    """
    # Arguments that are not UTF-8 come in half characters, which no output can hold.
    ids = [name.encode("utf-8", "replace").decode() for name in ids]
    if file is None:
        return ids
    try:
        # A line that is not UTF-8 is one wrong id, not the end of the run.
        text = click.open_file(file, encoding="utf-8-sig", errors="replace")
    except OSError as error:
        raise click.UsageError(f"--file {file}: {error.strerror}") from error
    return _read_as_it_comes(ids, text) if file == "-" else chain(ids, _ids_in(text))


def _ids_in(text: IO[str]) -> Iterator[str]:
    """One id a line; blank lines and comments are skipped."""
    with text:
        for line in text:
            name = line.strip()
            if name and not name.startswith("#"):
                yield name


async def _read_as_it_comes(ids: Iterable[str], text: IO[str]) -> AsyncIterator[str]:
    """`ids`, then those in `text`, which another program may still be writing.

    A thread of its own waits for the lines: one of the loop's would have to be waited for when the run is interrupted.
    """
    for name in ids:
        yield name
    loop = asyncio.get_running_loop()
    queue: asyncio.Queue[str | None] = asyncio.Queue()
    room = threading.Semaphore(LINES_AHEAD)

    def read() -> None:
        try:
            for name in _ids_in(text):
                room.acquire()
                loop.call_soon_threadsafe(queue.put_nowait, name)
            loop.call_soon_threadsafe(queue.put_nowait, None)
        except RuntimeError:
            # The loop is closed: nobody wants the rest.
            return

    threading.Thread(target=read, name="hubresolve-ids", daemon=True).start()
    while (line := await queue.get()) is not None:
        room.release()
        yield line
