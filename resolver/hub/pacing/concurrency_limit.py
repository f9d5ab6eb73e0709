"""Limits how many requests are in flight, adapted to how they fare (AIMD). Waits, but does no I/O."""

from __future__ import annotations

import asyncio
from collections import deque

MIN_LIMIT = 2.0
DECREASE_FACTOR = 0.5
"""The limit is multiplied by this after a failure."""


class AdaptiveConcurrencyLimit:
    """A limit that grows by one for each round of successes, and is halved by a failure.

    Additive increase, multiplicative decrease, as in TCP: several clients of one server settle at fair shares. It
    starts at `max_limit` and never exceeds it.
    """

    def __init__(self, max_limit: int) -> None:
        self._max_limit = float(max_limit)
        self._limit = float(max_limit)
        self.in_flight = 0
        """How many slots are acquired and not released yet."""
        self._waiters: deque[asyncio.Future[None]] = deque()

    @property
    def limit(self) -> int:
        """How many may be in flight now."""
        return int(self._limit)

    async def acquire(self) -> None:
        """Wait for a slot, first come first served; `release` gives it back."""
        if not self._waiters and self.in_flight < int(self._limit):
            self.in_flight += 1
            return
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        try:
            await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled():
                self.release()
            raise

    def release(self) -> None:
        """Give a slot back."""
        self.in_flight -= 1
        self._wake_waiters()

    def record_success(self) -> None:
        """Raise the limit a little."""
        if self._limit < self._max_limit:
            self._limit = min(self._max_limit, self._limit + 1 / self._limit)
            self._wake_waiters()

    def record_failure(self) -> None:
        """Halve the limit."""
        self._limit = max(min(MIN_LIMIT, self._max_limit), self._limit * DECREASE_FACTOR)

    def _wake_waiters(self) -> None:
        """Wake waiters in FIFO order. A task that releases and acquires again goes to the end of the queue."""
        while self._waiters and self.in_flight < int(self._limit):
            waiter = self._waiters.popleft()
            if not waiter.done():
                self.in_flight += 1
                waiter.set_result(None)
