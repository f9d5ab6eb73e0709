"""One piece of work per key, shared by everyone who asks for it while it is under way."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, NamedTuple, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class _Landed(NamedTuple, Generic[V]):
    """How the work ended; `is_over` is false where whoever did it was cancelled, and another has to."""

    is_over: bool
    value: V | None = None
    error: Exception | None = None


class SharedWork(Generic[K, V]):
    """Does at most one piece of work per key at a time, in the task of the first who asks for it.

    That costs no task, but when the first is cancelled, the next of those who wait does the work from its beginning.
    (`SingleFlight` goes on with it.) Nothing is remembered after the work has ended.
    """

    def __init__(self) -> None:
        self._waiting: dict[K, list[asyncio.Future[_Landed[V]]]] = {}

    def __len__(self) -> int:
        """How many keys are worked on."""
        return len(self._waiting)

    async def run(self, key: K, work: Callable[[], Awaitable[V]]) -> V:
        """What `work()` gives, or raises, or what the same key's work that is under way does."""
        while (waiting := self._waiting.get(key)) is not None:
            landing: asyncio.Future[_Landed[V]] = asyncio.get_running_loop().create_future()
            waiting.append(landing)
            landed = await landing
            if landed.error is not None:
                raise landed.error
            if landed.is_over:
                return landed.value  # type: ignore[return-value]
        self._waiting[key] = []
        try:
            value = await work()
        except Exception as error:
            self._land(key, error=error)
            raise
        except BaseException:
            self._land(key, is_over=False)
            raise
        self._land(key, value)
        return value

    def _land(self, key: K, value: V | None = None, error: Exception | None = None, *, is_over: bool = True) -> None:
        for landing in self._waiting.pop(key):
            if not landing.done():
                landing.set_result(_Landed(is_over, value, error))
