"""Limits requests per fixed window and builds the two rate-limit headers. Pure: the time is a parameter.

Source of the header format: hub-docs rate-limits.md and recorded responses.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

UNLIMITED: Final = 1_000_000_000
"""The quota in the headers where none is set."""


class QuotaBucket(enum.StrEnum):
    """Kinds of requests that have a quota of their own. `cdn` is another host, without a quota."""

    API = "api"
    RESOLVERS = "resolvers"
    PAGES = "pages"
    CDN = "cdn"


@dataclass(frozen=True, slots=True)
class Allowance:
    """The quota after a request: `remaining` requests for the next `reset_s` seconds; `allowed` is False for a 429."""

    bucket: str
    allowed: bool
    remaining: int
    reset_s: int
    quota: int
    window_s: int

    def build_headers(self) -> dict[str, str]:
        """The headers `RateLimit` and `RateLimit-Policy`."""
        return {
            "RateLimit": f'"{self.bucket}";r={self.remaining};t={self.reset_s}',
            "RateLimit-Policy": f'"fixed window";"{self.bucket}";q={self.quota};w={self.window_s}',
        }


class FixedWindowLimiter:
    """Limits requests per caller and bucket. A window starts at the first request of a caller in it."""

    def __init__(self, limits: Mapping[QuotaBucket, int | None], window_s: float) -> None:
        self._limits = {bucket: UNLIMITED if limit is None else limit for bucket, limit in limits.items()}
        self._window_s = window_s
        self._windows: dict[tuple[str, QuotaBucket], tuple[float, int]] = {}

    def take(self, caller: str, bucket: QuotaBucket, now_s: float) -> Allowance:
        """The quota after one more request; a request over the limit is not counted."""
        started_s, used = self._find_window(caller, bucket, now_s)
        allowed = used < self._limits.get(bucket, UNLIMITED)
        used += allowed
        self._windows[caller, bucket] = (started_s, used)
        return self._build_allowance(bucket, started_s, used, now_s, allowed=allowed)

    def look(self, caller: str, bucket: QuotaBucket, now_s: float) -> Allowance:
        """The quota as it is, for a request that does not count."""
        started_s, used = self._find_window(caller, bucket, now_s)
        return self._build_allowance(bucket, started_s, used, now_s, allowed=True)

    def _find_window(self, caller: str, bucket: QuotaBucket, now_s: float) -> tuple[float, int]:
        """When the window began, and how many requests were counted in it."""
        started_s, used = self._windows.get((caller, bucket), (now_s, 0))
        return (now_s, 0) if now_s - started_s >= self._window_s else (started_s, used)

    def _build_allowance(
        self, bucket: QuotaBucket, started_s: float, used: int, now_s: float, *, allowed: bool
    ) -> Allowance:
        limit = self._limits.get(bucket, UNLIMITED)
        # In this order no rounding makes it longer than the window.
        reset_s = math.ceil(self._window_s - (now_s - started_s))
        return Allowance(bucket.value, allowed, limit - used, reset_s, limit, math.ceil(self._window_s))
