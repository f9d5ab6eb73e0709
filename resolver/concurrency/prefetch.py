"""Prefetches items of an async generator: the next items are produced while the consumer is busy with one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import TypeVar

T = TypeVar("T")


async def prefetch(items: AsyncGenerator[T], count: int = 1) -> AsyncGenerator[T]:
    """The same items, up to `count` of them produced before they are requested.

    A consumer that stops early closes the iterator, which cancels the production under way and closes `items`.

    Raises what `items` raises, after all items before it were consumed.
    """
    # None marks the end; an item stands in a tuple of its own, since it may be None itself.
    queue: asyncio.Queue[tuple[T] | None] = asyncio.Queue()
    free = asyncio.Semaphore(count)

    async def produce() -> None:
        try:
            await free.acquire()
            async for item in items:
                queue.put_nowait((item,))
                await free.acquire()
        finally:
            queue.put_nowait(None)

    producer = asyncio.create_task(produce())
    try:
        while (entry := await queue.get()) is not None:
            free.release()
            yield entry[0]
        await producer
    finally:
        producer.cancel()
        await asyncio.gather(producer, return_exceptions=True)
        await items.aclose()
