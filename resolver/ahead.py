"""Working ahead: the next item is made while its user is busy with the one before."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import TypeVar

T = TypeVar("T")


async def ahead(items: AsyncGenerator[T]) -> AsyncGenerator[T]:
    """The same items. Whoever stops early closes the iterator, which ends the work under way and closes `items`.

    Raises what `items` raises, once all that came before was taken.
    """

    async def make() -> T:
        return await anext(items)

    making = asyncio.create_task(make())
    try:
        while True:
            try:
                item = await making
            except StopAsyncIteration:
                return
            making = asyncio.create_task(make())
            yield item
    finally:
        making.cancel()
        await asyncio.gather(making, return_exceptions=True)
        await items.aclose()
