"""`iterate_blocking`: runs an async generator on another thread's event loop, and iterates it without `await`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Awaitable,
    Callable,
    Iterable,
    Iterator,
    Sequence,
)
from concurrent.futures import CancelledError, Future
from contextlib import aclosing
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Generic, TypeVar, cast

In = TypeVar("In")
Out = TypeVar("Out")
Context = TypeVar("Context")

MAX_CHUNK = 256
"""Items of the input that are read at a time, at most."""

MAX_READ_S = 0.05
"""Longest time to fill one chunk: a slow input does not hold back the answers that are ready."""


class _Ended:
    """The generator has ended, or failed."""


@dataclass(frozen=True, slots=True)
class _Started(Generic[In]):
    """How the caller's thread continues the work: `feed` with input, `release` places for answers."""

    feed: Callable[[Sequence[In]], None]
    release: Callable[[int], None]


class _NeedInput:
    """The generator waits for input."""


class _Input(Generic[In]):
    """The input on the loop's side: requests a chunk from the caller's thread whenever it has none."""

    def __init__(self, request: Callable[[], None]) -> None:
        self._request = request
        self._more: asyncio.Future[Sequence[In]] | None = None

    def feed(self, chunk: Sequence[In]) -> None:
        """Continue with `chunk`; an empty one is the end of the input."""
        if self._more is not None and not self._more.done():
            self._more.set_result(chunk)

    async def __aiter__(self) -> AsyncIterator[In]:
        while True:
            self._more = asyncio.get_running_loop().create_future()
            self._request()
            chunk = await self._more
            if not chunk:
                return
            for item in chunk:
                yield item


def iterate_blocking(
    submit: Callable[[Callable[[Context], Awaitable[None]]], Future[None]],
    start: Callable[[Context, Iterable[In] | AsyncIterable[In]], AsyncGenerator[Out]],
    source: Iterable[In] | AsyncIterable[In],
    *,
    ahead: int,
) -> Iterator[Out]:
    """The items of `start(context, source)`, on the loop where `submit` runs a coroutine function with its context.

    `source` is read in the caller's thread, unless it is a sequence or asynchronous. Up to `ahead` items are made
    before they are requested; with 1 each is made when it is requested. Leaving the loop early cancels the work.
    """
    is_read_by_loop = isinstance(source, (AsyncIterable, Sequence))
    unread: Iterator[In] = iter(()) if isinstance(source, AsyncIterable) else iter(source)
    messages: SimpleQueue[Out | _Started[In] | _NeedInput | _Ended] = SimpleQueue()

    async def work(context: Context) -> None:
        loop, room = asyncio.get_running_loop(), asyncio.Semaphore(ahead)
        fed: _Input[In] = _Input(lambda: messages.put(_NeedInput()))

        def feed(chunk: Sequence[In]) -> None:
            loop.call_soon_threadsafe(fed.feed, chunk)

        def release(places: int) -> None:
            loop.call_soon_threadsafe(_release, room, places)

        messages.put(_Started(feed, release))
        async with aclosing(start(context, source if is_read_by_loop else fed)) as items:
            await room.acquire()
            async for item in items:
                messages.put(item)
                await room.acquire()

    running = submit(work)
    running.add_done_callback(lambda _: messages.put(_Ended()))
    try:
        yield from _consume(messages, unread, running, max(1, ahead // 2))
    except CancelledError:
        raise RuntimeError("the resolver was closed while it worked on this call") from None
    finally:
        running.cancel()


def _consume(
    messages: SimpleQueue[Out | _Started[In] | _NeedInput | _Ended],
    unread: Iterator[In],
    running: Future[None],
    places: int,
) -> Iterator[Out]:
    """Give input and places when they are needed; places are given back many at a time, since each wakes the loop."""
    while not isinstance(started := messages.get(), _Started):
        if isinstance(started, _Ended):
            return running.result()
    consumed = 0
    while not isinstance(message := messages.get(), _Ended):
        if isinstance(message, _NeedInput):
            started.feed(_read_chunk(unread))
            continue
        yield cast("Out", message)
        consumed += 1
        if consumed == places:
            started.release(consumed)
            consumed = 0
    return running.result()


def _read_chunk(unread: Iterator[In]) -> list[In]:
    chunk: list[In] = []
    until_s = time.monotonic() + MAX_READ_S
    for item in unread:
        chunk.append(item)
        if len(chunk) >= MAX_CHUNK or time.monotonic() > until_s:
            break
    return chunk


def _release(room: asyncio.Semaphore, places: int) -> None:
    for _ in range(places):
        room.release()
