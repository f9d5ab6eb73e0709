"""`RequestBudget`: how long the requests for one repo may take together. Pure: the time is a parameter."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(slots=True)
class RequestBudget:
    """Seconds for attempts and, apart from them, for waits that the Hub asks for. Times are those of one monotonic
    clock. What several requests of a repo wait for at the same time counts once.

    The budget begins when the first request gets a place among those in flight; queueing for a place is not counted.
    """

    attempts_s: float
    waits_s: float
    started_s: float | None = None
    waited_s: float = 0.0
    queued_s: float = 0.0
    _waiting: int = 0
    _waiting_since_s: float = 0.0

    def start(self, now_s: float, *, queued_since_s: float) -> None:
        """A request that has queued since `queued_since_s` got its place."""
        if self.started_s is None:
            self.started_s = now_s
        else:
            self.queued_s += now_s - queued_since_s

    def begin_wait(self, now_s: float) -> None:
        """A request waits because the Hub asks for it. `end_wait` must follow."""
        if self._waiting == 0:
            self._waiting_since_s = now_s
        self._waiting += 1

    def end_wait(self, now_s: float) -> None:
        """The wait is over."""
        self._waiting -= 1
        if self._waiting == 0:
            self.waited_s += now_s - self._waiting_since_s

    def get_wait_left_s(self, now_s: float) -> float:
        """Seconds that requests may still wait because the Hub asks for it."""
        return self.waits_s - self._get_waited_s(now_s)

    def get_attempts_left_s(self, now_s: float) -> float:
        """Seconds that attempts may still take, waits between them included."""
        if self.started_s is None:
            return math.inf
        return self.started_s + self.attempts_s + self.queued_s + self._get_waited_s(now_s) - now_s

    def _get_waited_s(self, now_s: float) -> float:
        return self.waited_s + (now_s - self._waiting_since_s if self._waiting else 0.0)
