"""Working ahead: the next items are made while their user is busy with the ones before."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import TypeVar

T = TypeVar("T")


async def ahead(items: AsyncGenerator[T], count: int = 1) -> AsyncGenerator[T]:
    """The same items, up to `count` of them made before they are asked for.

    Whoever stops early closes the iterator, which ends the work under way and closes `items`.

    Raises what `items` raises, once all that came before was taken.
    """
    if count > 1:
        items = ahead(items, count - 1)

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
