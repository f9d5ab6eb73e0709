"""Requests that come one by one, looked up together: those that come while a look-up is under way share the next."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

Q = TypeVar("Q")
A = TypeVar("A")

MOST_AT_ONCE = 1_000


class Batcher(Generic[Q, A]):
    """Gives each request its answer out of a `look_up` of many. Nobody waits for others to come."""

    def __init__(self, look_up: Callable[[Sequence[Q]], Awaitable[Sequence[A]]]) -> None:
        """`look_up` gives the answers in the order of the requests."""
        self._look_up = look_up
        self._waiting: list[tuple[Q, asyncio.Future[A]]] = []
        self._task: asyncio.Task[None] | None = None

    async def ask(self, request: Q) -> A:
        """The answer to `request`. Raises what the look-up raises."""
        answer: asyncio.Future[A] = asyncio.get_running_loop().create_future()
        self._waiting.append((request, answer))
        if self._task is None:
            self._task = asyncio.create_task(self._work())
        return await answer

    async def close(self) -> None:
        """End what is under way; whoever still waits is cancelled."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _work(self) -> None:
        some: list[tuple[Q, asyncio.Future[A]]] = []
        try:
            while self._waiting:
                some, self._waiting = self._waiting[:MOST_AT_ONCE], self._waiting[MOST_AT_ONCE:]
                try:
                    answers = await self._look_up([request for request, _ in some])
                except Exception as error:
                    for _, future in some:
                        if not future.done():
                            future.set_exception(error)
                    continue
                for (_, future), answer in zip(some, answers, strict=True):
                    if not future.done():
                        future.set_result(answer)
        finally:
            self._task = None
            for _, future in (*some, *self._waiting):
                future.cancel()
            self._waiting = []
