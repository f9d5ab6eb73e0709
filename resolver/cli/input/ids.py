"""Reads the command's ids from its arguments, from a file, or as they come on standard input."""

from __future__ import annotations

import asyncio
import stat
import threading
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator
from functools import partial
from itertools import chain
from pathlib import Path
from typing import BinaryIO, cast

import click

from resolver.cli.input.formats import PARQUET_MAGIC, parse_repos
from resolver.cli.input.lines import GZIP_MAGIC, read_chunks
from resolver.cli.input.urls import parse_hub_url
from resolver.errors import InvalidRepoIdError
from resolver.lookup.request import Request, UnusableRequest

MAX_QUEUED_IDS = 2_000
"""Ids of standard input that are read ahead."""


def read_ids(
    ids: Iterable[str],
    file: str | None,
    endpoint: str | None = None,
    *,
    option: str = "--file",
    only_failed: bool = False,
) -> Iterable[Request] | AsyncIterable[Request]:
    """The ids of the arguments, then those of the file ("-": standard input), which `option` named; URLs of `endpoint`
    too.

    Raises:
        click.UsageError: the file cannot be opened.
    """
    # Python decodes arguments that are not UTF-8 to lone surrogates, which cannot be encoded for output.
    given: list[Request] = [parse_hub_url(repo_id.encode("utf-8", "replace").decode(), endpoint) for repo_id in ids]
    if file is None:
        return given
    try:
        opened = cast(BinaryIO, click.open_file(file, "rb"))
        is_regular = file != "-" and stat.S_ISREG(Path(file).stat().st_mode)
    except IsADirectoryError as error:
        raise click.UsageError(f"{option} {file}: it is a folder; give a file with an id in each line") from error
    except FileNotFoundError as error:
        raise click.UsageError(f"{option} {file}: there is no such file") from error
    except OSError as error:
        raise click.UsageError(f"{option} {file}: it cannot be opened: {error.strerror}") from error
    parse = partial(parse_repos, opened, endpoint, only_failed=only_failed)
    return chain(given, parse()) if is_regular else _stream_ids(given, parse)


def get_single_id(text: str, endpoint: str | None) -> str:
    """The id that an argument names, of a URL too.

    Raises:
        InvalidRepoIdError: it is a URL, but not one of a repo.
    """
    request = parse_hub_url(text, endpoint)
    if isinstance(request, UnusableRequest):
        raise InvalidRepoIdError(request.problem)
    return request


def count_repos(file: str) -> int | None:
    """About how many repos a file names: its lines, or the rows of a Parquet file; None where that is not known, as for
    standard input.

    Blank lines, comments and headings are counted too: it is for a progress bar.
    """
    path = Path(file)
    if file == "-" or not path.is_file():
        return None
    try:
        with path.open("rb") as opened:
            chunks = read_chunks(opened)
            first = next(chunks, b"")
            if not first.startswith(PARQUET_MAGIC):
                if first.startswith(GZIP_MAGIC):
                    return None
                count, last = first.count(b"\n"), first
                for chunk in chunks:
                    count, last = count + chunk.count(b"\n"), chunk
                return count if last.endswith(b"\n") else count + 1
        from pyarrow.parquet import read_metadata

        return int(read_metadata(path).num_rows)
    except (OSError, ImportError, ValueError):
        return None


async def _stream_ids(given: Iterable[Request], parse: Callable[[], Iterator[Request]]) -> AsyncIterator[Request]:
    """`given`, then what `parse` gives, as it comes: another program may still be writing it.

    A daemon thread reads. asyncio would wait for a thread of its own executor when the run is interrupted.
    """
    for request in given:
        yield request
    loop = asyncio.get_running_loop()
    queue: asyncio.Queue[Request | Exception | None] = asyncio.Queue()
    free_places = threading.Semaphore(MAX_QUEUED_IDS)

    def read() -> None:
        end: Exception | None = None
        try:
            try:
                for request in parse():
                    free_places.acquire()
                    loop.call_soon_threadsafe(queue.put_nowait, request)
            except Exception as error:
                # Raised where the requests are consumed, after those before it.
                end = error
            loop.call_soon_threadsafe(queue.put_nowait, end)
        except RuntimeError:
            # The loop is closed, because the run has ended: the rest is not needed.
            return

    threading.Thread(target=read, name="hubresolve-ids", daemon=True).start()
    while (queued := await queue.get()) is not None:
        if isinstance(queued, Exception):
            raise queued
        free_places.release()
        yield queued
