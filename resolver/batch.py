"""Many repos, bounded, results as they come. Knows nothing of the Hub or the store: looking up is its caller's."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from resolver.outcome import Answer, Outcome, Pending
from resolver.resolution import Failure, Resolution

Q = TypeVar("Q")

LookUp = Callable[[Sequence[Q]], Awaitable[Sequence[Answer | Pending]]]
"""For each request of a chunk its answer, where that can be had without waiting, or the work that gives it."""

LONGEST_CHUNK = 1_000
CHUNK_WITHIN_S = 0.02
"""How long requests are gathered for a chunk, where they are made while they are read."""

WINDOW = 1_000
"""Most answers under way or waiting for an earlier one to be taken."""

CHUNKS_AHEAD = 2

_Coming = asyncio.Future[Outcome]


async def answer_all(
    requests: Iterable[Q] | AsyncIterable[Q], look_up: LookUp[Q], *, ordered: bool, at_once: int
) -> AsyncGenerator[Answer]:
    """An answer for each of `requests`: in their order, or else as soon as it is there.

    Requests are read in chunks, only as far ahead as `WINDOW` and `CHUNKS_AHEAD` allow, so that endless input takes
    bounded memory, and at most `at_once` of them are worked on at a time. What is still under way when the caller stops
    is cancelled.
    """
    room = asyncio.Semaphore(WINDOW)
    lists_ahead = asyncio.Semaphore(CHUNKS_AHEAD)
    out: asyncio.Queue[list[Answer | _Coming] | _Coming | None] = asyncio.Queue()
    under_way: set[_Coming] = set()
    crew = _Crew(at_once)

    async def produce() -> None:
        async with _chunks(requests) as chunks:
            async for chunk in chunks:
                ready: list[Answer | _Coming] = []
                for entry in await look_up(chunk):
                    if isinstance(entry, (Resolution, Failure)):
                        ready.append(entry)
                        continue
                    if room.locked() and ready:
                        # Whoever takes these makes the room that is waited for.
                        await hand_over(ready)
                        ready = []
                    await room.acquire()
                    coming = crew.work_on(entry)
                    under_way.add(coming)
                    if ordered:
                        ready.append(coming)
                    else:
                        coming.add_done_callback(out.put_nowait)
                if ready:
                    await hand_over(ready)

    async def hand_over(ready: list[Answer | _Coming]) -> None:
        await lists_ahead.acquire()
        out.put_nowait(ready)

    async def take(coming: _Coming) -> Answer:
        answer = await (await coming).get()
        under_way.discard(coming)
        room.release()
        return answer

    producer = asyncio.create_task(produce())
    producer.add_done_callback(lambda _: out.put_nowait(None))
    try:
        while not (producer.done() and out.empty() and (ordered or not under_way)):
            entry = await out.get()
            if isinstance(entry, list):
                for item in entry:
                    yield await take(item) if isinstance(item, asyncio.Future) else item
                lists_ahead.release()
            elif entry is not None:
                yield await take(entry)
        await producer
    finally:
        await _cancel(producer, *crew.workers)


class _Crew:
    """Works on what it is given, in the order given, with no more tasks than are needed."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._waiting: deque[tuple[Pending, _Coming]] = deque()
        self.workers: set[asyncio.Task[None]] = set()

    def work_on(self, pending: Pending) -> _Coming:
        """What `pending` will have come to."""
        coming: _Coming = asyncio.get_running_loop().create_future()
        self._waiting.append((pending, coming))
        if len(self.workers) < self._most:
            worker = asyncio.create_task(self._work())
            self.workers.add(worker)
            worker.add_done_callback(self.workers.discard)
        return coming

    async def _work(self) -> None:
        while self._waiting:
            pending, coming = self._waiting.popleft()
            try:
                outcome = await pending()
            except BaseException:
                coming.cancel()
                raise
            if not coming.done():
                coming.set_result(outcome)


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
