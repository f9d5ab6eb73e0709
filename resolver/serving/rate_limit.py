"""`RateLimit` and `Admission`: how much each client may send, and have in progress. Pure: the time is a parameter."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager

from msgspec import Struct


class _Bucket(Struct):
    tokens: float
    filled_at_s: float


class RateLimit:
    """A token bucket for each client. Bounded: the client that was seen longest ago is forgotten first."""

    def __init__(self, per_s: float, burst: int, max_clients: int) -> None:
        """`per_s` 0: no limit."""
        self._per_s = per_s
        self._burst = burst
        self._max_clients = max_clients
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def take(self, client: str, now_s: float) -> float:
        """Zero where the client may send a request now, which counts; else the seconds until it may."""
        if self._per_s <= 0:
            return 0.0
        bucket = self._buckets.get(client)
        if bucket is None:
            bucket = self._buckets[client] = _Bucket(float(self._burst), now_s)
            if len(self._buckets) > self._max_clients:
                self._buckets.popitem(last=False)
        self._buckets.move_to_end(client)
        passed_s = max(0.0, now_s - bucket.filled_at_s)
        bucket.tokens = min(float(self._burst), bucket.tokens + passed_s * self._per_s)
        bucket.filled_at_s = now_s
        if bucket.tokens < 1:
            return (1 - bucket.tokens) / self._per_s
        bucket.tokens -= 1
        return 0.0


class FullError(Exception):
    """Too many of its kind are in progress: of one client, or in all."""

    def __init__(self, message: str, *, is_of_client: bool) -> None:
        super().__init__(message)
        self.is_of_client = is_of_client


class Admission:
    """Counts what is in progress, in all and of each client."""

    def __init__(self, what: str, max_in_all: int, max_per_client: int) -> None:
        """`what` is in the plural, for messages."""
        self._what = what
        self._max_in_all = max_in_all
        self._max_per_client = max_per_client
        self._by_client: Counter[str] = Counter()
        self.in_all = 0

    def enter(self, client: str) -> None:
        """Count one; `leave` must follow.

        Raises:
            FullError: there are too many.
        """
        if self._by_client[client] >= self._max_per_client:
            raise FullError(
                f"this client has {self._max_per_client} {self._what} in progress; wait for one to end",
                is_of_client=True,
            )
        if self.in_all >= self._max_in_all:
            raise FullError(f"the service has {self._max_in_all} {self._what} in progress", is_of_client=False)
        self._by_client[client] += 1
        self.in_all += 1

    def leave(self, client: str) -> None:
        """Count one less."""
        self.in_all -= 1
        self._by_client[client] -= 1
        if not self._by_client[client]:
            del self._by_client[client]

    @contextmanager
    def admit(self, client: str) -> Iterator[None]:
        """`enter`, and `leave` at the end of the block."""
        self.enter(client)
        try:
            yield
        finally:
            self.leave(client)
