"""Reads the command's ids from its arguments, from a file, or line by line from standard input."""

from __future__ import annotations

import asyncio
import stat
import threading
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import BinaryIO, cast

import click

from resolver.answer import MAX_ID_LENGTH
from resolver.lookup.request import UnusableRequest

MAX_QUEUED_LINES = 2_000
"""Lines of standard input that are read ahead."""

MAX_LINE_BYTES = 4_096
"""Longest line that can name a repo or a folder: the longest path of most systems."""

_CHUNK_BYTES = 65_536
_BOM = b"\xef\xbb\xbf"

IdRequest = str | UnusableRequest


def read_ids(ids: Iterable[str], file: str | None) -> Iterable[IdRequest] | AsyncIterable[IdRequest]:
    """The ids of the arguments, then those of the file ("-": standard input).

    Raises:
        click.UsageError: the file cannot be opened.
    """
    # Python decodes arguments that are not UTF-8 to lone surrogates, which cannot be encoded for output.
    ids = [repo_id.encode("utf-8", "replace").decode() for repo_id in ids]
    if file is None:
        return ids
    try:
        lines = cast(BinaryIO, click.open_file(file, "rb"))
        is_regular = file != "-" and stat.S_ISREG(Path(file).stat().st_mode)
    except OSError as error:
        raise click.UsageError(f"--file {file}: {error.strerror}") from error
    return chain(ids, _parse_lines(lines)) if is_regular else _stream_ids(ids, lines)


def _parse_lines(lines: BinaryIO) -> Iterator[IdRequest]:
    """One id a line; blank lines and comments are skipped. Closes the file."""
    with lines:
        for beginning, size_bytes in _split_lines(lines):
            # errors="replace": a line that is not UTF-8 becomes one invalid id and does not end the run.
            repo_id = beginning.decode("utf-8", "replace").strip()
            if repo_id.startswith("#"):
                continue
            if size_bytes > MAX_LINE_BYTES:
                problem = f"the line has {size_bytes:,} bytes; an id or a folder has at most {MAX_LINE_BYTES:,}"
                yield UnusableRequest(repo_id[:MAX_ID_LENGTH], problem)
            elif repo_id:
                yield repo_id


def _split_lines(lines: BinaryIO) -> Iterator[tuple[bytes, int]]:
    """The beginning of each line, at most `MAX_LINE_BYTES` and a little, and how many bytes the line has in all.

    The rest of a longer line is counted and not kept, so that memory is bounded, whatever the file holds.
    """
    beginning, size_bytes, is_first = b"", 0, True
    # read1: what a pipe has now, without waiting for a full chunk.
    read = getattr(lines, "read1", lines.read)
    while chunk := read(_CHUNK_BYTES):
        # "\r\n" becomes an empty line, which is skipped like any other.
        first, *others = chunk.replace(b"\r", b"\n").split(b"\n")
        if size_bytes <= MAX_LINE_BYTES:
            beginning += first[: MAX_LINE_BYTES + 1]
        size_bytes += len(first)
        for part in others:
            yield (beginning.removeprefix(_BOM) if is_first else beginning), size_bytes
            beginning, size_bytes, is_first = part[: MAX_LINE_BYTES + 1], len(part), False
    yield (beginning.removeprefix(_BOM) if is_first else beginning), size_bytes


async def _stream_ids(ids: Iterable[str], lines: BinaryIO) -> AsyncIterator[IdRequest]:
    """`ids`, then the ids in `lines` as they arrive: another program may still be writing them.

    A daemon thread reads the lines. asyncio would wait for a thread of its own executor when the run is interrupted.
    """
    for repo_id in ids:
        yield repo_id
    loop = asyncio.get_running_loop()
    queue: asyncio.Queue[IdRequest | None] = asyncio.Queue()
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
