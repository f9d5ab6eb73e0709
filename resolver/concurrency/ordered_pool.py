"""Runs work on a stream of inputs in a bounded pool; results come in the order of the inputs, or as they finish."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, Union

Q = TypeVar("Q")
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)


class Work(Generic[R_co]):
    """Work that is left for one input, not yet started. Its errors are values: one failure ends no other work.

    Not an `abc.ABC`, with which `isinstance` takes ten times as long: warm batches call it for each result.
    """

    __slots__ = ()

    async def run(self) -> R_co:
        """The result. Subclasses override it."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolLimits:
    """`max_batch`: inputs per batch; where they are produced while being read, a batch is closed after `gather_s`.
    `max_unfinished`: pieces of work running, or waiting for an earlier result to be consumed. `max_unconsumed`: results
    that may wait for the consumer when the next inputs are read.
    """

    max_batch: int = 1_000
    gather_s: float = 0.02
    max_unfinished: int = 1_000
    max_unconsumed: int = 2_000


DEFAULT_LIMITS = PoolLimits()

Entry = Union[R, Work[R], "asyncio.Future[R | Work[R]]"]
"""The outcome of looking up one input: its result, the work that computes it, or a future of either."""

StartBatch = Callable[[Sequence[Q]], Awaitable[Sequence[Entry[R]]]]
"""Looks up a batch of inputs together: one entry for each, in order."""


async def run_ordered(
    inputs: Iterable[Q] | AsyncIterable[Q],
    start_batch: StartBatch[Q, R],
    *,
    ordered: bool,
    max_workers: Callable[[], int],
    limits: PoolLimits = DEFAULT_LIMITS,
) -> AsyncGenerator[R]:
    """A result for each of `inputs`: in their order, or else as soon as it is there.

    Inputs are read in batches, only as far ahead as `limits` allow, so that endless input takes bounded memory. About
    `max_workers()` pieces of work, which may change, run at a time. What is unfinished when the consumer stops is
    cancelled.
    """
    results: deque[R | asyncio.Future[R]] = deque()
    unfinished: set[asyncio.Future[R]] = set()
    arrived, consumed = asyncio.Event(), asyncio.Event()
    workers: _Workers[R] = _Workers(max_workers)

    async def produce() -> None:
        async with _split(inputs, limits) as batches:
            async for batch in batches:
                for entry in await start_batch(batch):
                    if not isinstance(entry, (Work, asyncio.Future)):
                        results.append(entry)
                        continue
                    if len(unfinished) >= limits.max_unfinished:
                        await wait_until(lambda: len(unfinished) < limits.max_unfinished)
                    future = workers.submit(entry)
                    unfinished.add(future)
                    if ordered:
                        results.append(future)
                    else:
                        future.add_done_callback(add_finished)
                arrived.set()
                await wait_until(lambda: len(results) <= limits.max_unconsumed)

    async def wait_until(is_true: Callable[[], bool]) -> None:
        while not is_true():
            arrived.set()
            consumed.clear()
            await consumed.wait()

    def add_finished(future: asyncio.Future[R]) -> None:
        results.append(future)
        arrived.set()

    producer = asyncio.create_task(produce())
    producer.add_done_callback(lambda _: arrived.set())
    try:
        while results or unfinished or not producer.done():
            if not results:
                arrived.clear()
                await arrived.wait()
                continue
            entry = results.popleft()
            if isinstance(entry, asyncio.Future):
                result = await entry
                unfinished.discard(entry)
            else:
                result = entry
            consumed.set()
            yield result
        await producer
    finally:
        await _cancel(producer, *workers.tasks)
        for future in unfinished:
            future.cancel()


class _Workers(Generic[R]):
    """Tasks that run work in the order it was submitted; no more tasks than there is work for."""

    def __init__(self, max_workers: Callable[[], int]) -> None:
        self._max_workers = max_workers
        self._queue: deque[tuple[Work[R], asyncio.Future[R]]] = deque()
        self.tasks: set[asyncio.Task[None]] = set()

    def submit(self, entry: Work[R] | asyncio.Future[R | Work[R]]) -> asyncio.Future[R]:
        """The result of `entry` in future. An entry that is a future takes a worker once it resolves to work."""
        result: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        if isinstance(entry, Work):
            self._enqueue(entry, result)
        else:
            entry.add_done_callback(lambda done: self._take_over(done, result))
            # Whoever waits for the result no longer may stop what computes the entry.
            result.add_done_callback(lambda _: entry.cancel())
        return result

    def _take_over(self, done: asyncio.Future[R | Work[R]], result: asyncio.Future[R]) -> None:
        if result.done():
            return
        if done.cancelled():
            result.cancel()
        elif (error := done.exception()) is not None:
            result.set_exception(error)
        elif isinstance(outcome := done.result(), Work):
            self._enqueue(outcome, result)
        else:
            result.set_result(outcome)

    def _enqueue(self, work: Work[R], result: asyncio.Future[R]) -> None:
        self._queue.append((work, result))
        if len(self.tasks) < self._max_workers():
            self._start_worker()

    def _start_worker(self) -> None:
        self.tasks.add(asyncio.create_task(self._run_queued()))

    async def _run_queued(self) -> None:
        try:
            while self._queue:
                work, future = self._queue.popleft()
                try:
                    result = await work.run()
                except BaseException:
                    future.cancel()
                    raise
                if not future.done():
                    future.set_result(result)
                max_workers = self._max_workers()
                if len(self.tasks) > max_workers:
                    return
                if len(self.tasks) < max_workers and len(self._queue) > 1:
                    self._start_worker()
        finally:
            # Now, not when the loop gets to it: `submit` counts the tasks that are still there.
            self.tasks.discard(asyncio.current_task())


async def _cancel(*tasks: asyncio.Task[Any]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def _split(inputs: Iterable[Q] | AsyncIterable[Q], limits: PoolLimits) -> AsyncIterator[AsyncIterator[list[Q]]]:
    """`inputs` in batches."""
    if not isinstance(inputs, AsyncIterable):
        yield _split_iterable(inputs, limits)
        return
    queue: asyncio.Queue[Q] = asyncio.Queue(maxsize=limits.max_batch)

    async def pump() -> None:
        async for item in inputs:
            await queue.put(item)

    pumping = asyncio.create_task(pump())
    try:
        yield _split_queue(queue, pumping, limits)
    finally:
        await _cancel(pumping)


async def _split_iterable(inputs: Iterable[Q], limits: PoolLimits) -> AsyncIterator[list[Q]]:
    """Long batches of what exists already, short ones of what is produced while it is read.

    Where `inputs` raise, what they gave before comes first.
    """
    iterator, problem = iter(inputs), None
    while problem is None:
        until_s, batch = time.monotonic() + limits.gather_s, list[Q]()
        try:
            for item in iterator:
                batch.append(item)
                if len(batch) == limits.max_batch or (not len(batch) % 32 and time.monotonic() > until_s):
                    break
        except Exception as error:
            problem = error
        if batch:
            yield batch
        elif problem is None:
            return
    raise problem


async def _split_queue(
    queue: asyncio.Queue[Q], pumping: asyncio.Task[None], limits: PoolLimits
) -> AsyncIterator[list[Q]]:
    """All items that have arrived, at least one, without waiting for more."""
    getting: asyncio.Task[Q] | None = None
    try:
        while True:
            getting = asyncio.ensure_future(queue.get())
            await asyncio.wait([getting, pumping], return_when=asyncio.FIRST_COMPLETED)
            if not getting.done() and queue.empty():
                break
            batch = [await getting]
            while len(batch) < limits.max_batch and not queue.empty():
                batch.append(queue.get_nowait())
            yield batch
        await pumping
    finally:
        if getting is not None:
            await _cancel(getting)
