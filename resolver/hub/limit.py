"""How many requests may be under way at once, learned from how they fare. Waits, but does no I/O."""

from __future__ import annotations

import asyncio
from collections import deque

LOWEST = 2.0
CUT = 0.5
"""What is left of the limit after a failure."""


class AdaptiveLimit:
    """A limit on concurrent work that grows by one for each round of successes and is halved by a failure.

    Additive increase, multiplicative decrease, as TCP does it: several clients of a server settle at fair parts. It
    starts at, and never exceeds, `highest`.
    """

    def __init__(self, highest: int) -> None:
        self._highest = float(highest)
        self._limit = float(highest)
        self.under_way = 0
        """How much was acquired and not released yet."""
        self._waiting: deque[asyncio.Future[None]] = deque()

    @property
    def limit(self) -> int:
        return int(self._limit)

    def acquire_now(self) -> bool:
        """Whether the work may start without waiting; it is then to be ended with `release`."""
        if self._waiting or self.under_way >= int(self._limit):
            return False
        self.under_way += 1
        return True

    async def acquire(self) -> None:
        """Wait until the work may start, in the order asked; it is to be ended with `release`."""
        if self.acquire_now():
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.release()
            raise

    def release(self) -> None:
        self.under_way -= 1
        self._wake()

    def succeeded(self) -> None:
        if self._limit < self._highest:
            self._limit = min(self._highest, self._limit + 1 / self._limit)
            self._wake()

    def failed(self) -> None:
        self._limit = max(min(LOWEST, self._highest), self._limit * CUT)

    def _wake(self) -> None:
        """Give what is free to those who wait. Whoever released it may ask again before they run, but has to queue."""
        while self._waiting and self.under_way < int(self._limit):
            turn = self._waiting.popleft()
            if not turn.done():
                self.under_way += 1
                turn.set_result(None)
