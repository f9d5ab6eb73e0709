"""One task per key, shared by everyone who asks for it while it runs."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


@dataclass(slots=True)
class _Flight(Generic[V]):
    task: asyncio.Task[V]
    waiting: int = 0


class SingleFlight(Generic[K, V]):
    """Runs at most one task per key at a time.

    A caller that is cancelled leaves the task to the others; when the last one has left, the task is cancelled.
    Nothing is remembered after the task has ended.
    """

    def __init__(self) -> None:
        self._flights: dict[K, _Flight[V]] = {}

    def __len__(self) -> int:
        """How many tasks are under way."""
        return len(self._flights)

    async def run(self, key: K, start: Callable[[], Awaitable[V]]) -> V:
        """The result of `start()`, or of the same key's task that is under way."""
        flight = self._flights.get(key)
        if flight is None:
            flight = self._flights[key] = _Flight(asyncio.ensure_future(_run(start)))
            flight.task.add_done_callback(lambda task: self._land(key, task))
        flight.waiting += 1
        try:
            return await asyncio.shield(flight.task)
        finally:
            flight.waiting -= 1
            if flight.waiting == 0 and not flight.task.done():
                self._land(key, flight.task)
                flight.task.cancel()

    def _land(self, key: K, task: asyncio.Task[V]) -> None:
        if (flight := self._flights.get(key)) is not None and flight.task is task:
            del self._flights[key]
        if task.done() and not task.cancelled():
            # Looked at, so that a failure nobody waits for any more is not reported as forgotten.
            task.exception()


async def _run(start: Callable[[], Awaitable[Any]]) -> Any:
    return await start()


class _Landed(NamedTuple, Generic[V]):
    """How the work ended; `is_over` is false where whoever did it was cancelled, and another has to."""

    is_over: bool
    value: V | None = None
    error: Exception | None = None


class LeaderSingleFlight(Generic[K, V]):
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
