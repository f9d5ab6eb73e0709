"""Many repos, bounded, results as they come. Knows nothing of the Hub or the store: looking up is its caller's."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from resolver.answer import Answer, Failure
from resolver.lookup.outcome import Outcome, Pending
from resolver.resolution import Resolution

Q = TypeVar("Q")

LookUp = Callable[[Sequence[Q]], Awaitable[Sequence[Answer | Pending]]]
"""For each request of a chunk its answer, where that can be had without waiting, or the work that gives it."""

LONGEST_CHUNK = 1_000
CHUNK_WITHIN_S = 0.02
"""How long requests are gathered for a chunk, where they are made while they are read."""

WINDOW = 1_000
"""Most pieces of work under way, or done and waiting for an earlier one to be taken."""

MOST_UNTAKEN = 2_000
"""How many answers may be waiting to be taken when the next requests are read."""

_Coming = asyncio.Future[Outcome]


async def answer_all(
    requests: Iterable[Q] | AsyncIterable[Q],
    look_up: LookUp[Q],
    *,
    ordered: bool,
    at_once: Callable[[], int],
) -> AsyncGenerator[Answer]:
    """An answer for each of `requests`: in their order, or else as soon as it is there.

    Requests are read in chunks, only as far ahead as `WINDOW` and `MOST_UNTAKEN` allow, so that endless input takes
    bounded memory, and about `at_once` of them, which may change, are worked on at a time. What is still under way when
    the caller stops is cancelled.
    """
    untaken: deque[Answer | _Coming] = deque()
    under_way: set[_Coming] = set()
    arrived, taken = asyncio.Event(), asyncio.Event()
    crew = _Crew(at_once)

    async def produce() -> None:
        async with _chunks(requests) as chunks:
            async for chunk in chunks:
                for entry in await look_up(chunk):
                    if isinstance(entry, (Resolution, Failure)):
                        untaken.append(entry)
                        continue
                    if len(under_way) >= WINDOW:
                        await until(lambda: len(under_way) < WINDOW)
                    coming = crew.work_on(entry)
                    under_way.add(coming)
                    if ordered:
                        untaken.append(coming)
                    else:
                        coming.add_done_callback(add)
                arrived.set()
                await until(lambda: len(untaken) <= MOST_UNTAKEN)

    async def until(is_so: Callable[[], bool]) -> None:
        while not is_so():
            arrived.set()
            taken.clear()
            await taken.wait()

    def add(coming: _Coming) -> None:
        untaken.append(coming)
        arrived.set()

    producer = asyncio.create_task(produce())
    producer.add_done_callback(lambda _: arrived.set())
    try:
        while untaken or under_way or not producer.done():
            if not untaken:
                arrived.clear()
                await arrived.wait()
                continue
            entry = untaken.popleft()
            if isinstance(entry, asyncio.Future):
                answer = await (await entry).get()
                under_way.discard(entry)
            else:
                answer = entry
            taken.set()
            yield answer
        await producer
    finally:
        await _cancel(producer, *crew.workers)


class _Crew:
    """Works on what it is given, in the order given, with no more tasks than are needed."""

    def __init__(self, at_once: Callable[[], int]) -> None:
        self._at_once = at_once
        self._waiting: deque[tuple[Pending, _Coming]] = deque()
        self.workers: set[asyncio.Task[None]] = set()

    def work_on(self, pending: Pending) -> _Coming:
        """What `pending` will have come to."""
        coming: _Coming = asyncio.get_running_loop().create_future()
        self._waiting.append((pending, coming))
        if len(self.workers) < self._at_once():
            self._start()
        return coming

    def _start(self) -> None:
        self.workers.add(asyncio.create_task(self._work()))

    async def _work(self) -> None:
        try:
            while self._waiting:
                pending, coming = self._waiting.popleft()
                try:
                    outcome = await pending()
                except BaseException:
                    coming.cancel()
                    raise
                if not coming.done():
                    coming.set_result(outcome)
                at_once = self._at_once()
                if len(self.workers) > at_once:
                    return
                if len(self.workers) < at_once and len(self._waiting) > 1:
                    self._start()
        finally:
            # At once, not when the loop comes to it: others count who is still there.
            self.workers.discard(asyncio.current_task())


async def _cancel(*tasks: asyncio.Task[Any]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def _chunks(requests: Iterable[Q] | AsyncIterable[Q]) -> AsyncIterator[AsyncIterator[list[Q]]]:
    """`requests` in lists."""
    if not isinstance(requests, AsyncIterable):
        yield _chunks_of_iterable(requests)
        return
    queue: asyncio.Queue[Q] = asyncio.Queue(maxsize=LONGEST_CHUNK)

    async def pump() -> None:
        async for request in requests:
            await queue.put(request)

    pumping = asyncio.create_task(pump())
    try:
        yield _chunks_of_queue(queue, pumping)
    finally:
        await _cancel(pumping)


async def _chunks_of_iterable(requests: Iterable[Q]) -> AsyncIterator[list[Q]]:
    """Long chunks of what is there already, short ones of what is being made."""
    iterator = iter(requests)
    while True:
        until_s, chunk = time.monotonic() + CHUNK_WITHIN_S, list[Q]()
        for request in iterator:
            chunk.append(request)
            if len(chunk) == LONGEST_CHUNK or (not len(chunk) % 32 and time.monotonic() > until_s):
                break
        if not chunk:
            return
        yield chunk


async def _chunks_of_queue(queue: asyncio.Queue[Q], pumping: asyncio.Task[None]) -> AsyncIterator[list[Q]]:
    """What has come in so far, without waiting for more once there is something."""
    getting: asyncio.Task[Q] | None = None
    try:
        while True:
            getting = asyncio.ensure_future(queue.get())
            await asyncio.wait([getting, pumping], return_when=asyncio.FIRST_COMPLETED)
            if not getting.done() and queue.empty():
                break
            chunk = [await getting]
            while len(chunk) < LONGEST_CHUNK and not queue.empty():
                chunk.append(queue.get_nowait())
            yield chunk
        await pumping
    finally:
        if getting is not None:
            await _cancel(getting)
