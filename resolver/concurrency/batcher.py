"""Coalesces concurrent single requests into batches (the DataLoader pattern).

Requests that arrive while a batch is being answered form the next batch; no request waits for others to arrive.
`benchmarks/single.py`: 64 tasks get 11,100 answers a second through the store, one after the other 4,100.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

Q = TypeVar("Q")
A = TypeVar("A")

MAX_BATCH = 1_000


class Batcher(Generic[Q, A]):
    """Answers each request from one `load_batch` call for many."""

    def __init__(self, load_batch: Callable[[Sequence[Q]], Awaitable[Sequence[A]]]) -> None:
        """`load_batch` returns the answers in the order of the requests."""
        self._load_batch = load_batch
        self._queued: list[tuple[Q, asyncio.Future[A]]] = []
        self._task: asyncio.Task[None] | None = None

    async def load(self, request: Q) -> A:
        """The answer to `request`. Raises what `load_batch` raises."""
        answer: asyncio.Future[A] = asyncio.get_running_loop().create_future()
        self._queued.append((request, answer))
        if self._task is None:
            self._task = asyncio.create_task(self._load_queued())
        return await answer

    async def close(self) -> None:
        """Cancel the batch under way, and every caller that still waits."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _load_queued(self) -> None:
        batch: list[tuple[Q, asyncio.Future[A]]] = []
        try:
            while self._queued:
                batch, self._queued = self._queued[:MAX_BATCH], self._queued[MAX_BATCH:]
                try:
                    answers = await self._load_batch([request for request, _ in batch])
                except Exception as error:
                    for _, future in batch:
                        if not future.done():
                            future.set_exception(error)
                    continue
                for (_, future), answer in zip(batch, answers, strict=True):
                    if not future.done():
                        future.set_result(answer)
        finally:
            self._task = None
            for _, future in (*batch, *self._queued):
                future.cancel()
            self._queued = []
