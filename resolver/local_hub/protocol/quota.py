"""Fixed-window request quotas and the two header lines that tell of them. Pure: the time is an argument.

Source of the header format: hub-docs rate-limits.md and recorded answers.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

UNLIMITED: Final = 1_000_000_000
"""The quota that is announced where none is set."""


class QuotaBucket(enum.StrEnum):
    """What the Hub counts apart. `cdn` is another host and not metered."""

    API = "api"
    RESOLVERS = "resolvers"
    PAGES = "pages"
    CDN = "cdn"


@dataclass(frozen=True, slots=True)
class Allowance:
    """What is left after a request: `remaining` requests until `reset_s` from now; `allowed` is False for a 429."""

    bucket: str
    allowed: bool
    remaining: int
    reset_s: int
    quota: int
    window_s: int

    def headers(self) -> dict[str, str]:
        """`RateLimit` and `RateLimit-Policy` as the Hub writes them."""
        return {
            "RateLimit": f'"{self.bucket}";r={self.remaining};t={self.reset_s}',
            "RateLimit-Policy": f'"fixed window";"{self.bucket}";q={self.quota};w={self.window_s}',
        }


class Quotas:
    """Counts requests per caller and bucket. Every window starts at the caller's first request in it."""

    def __init__(self, limits: Mapping[QuotaBucket, int | None], window_s: float) -> None:
        self._limits = {bucket: UNLIMITED if limit is None else limit for bucket, limit in limits.items()}
        self._window_s = window_s
        self._windows: dict[tuple[str, QuotaBucket], tuple[float, int]] = {}

    def take(self, caller: str, bucket: QuotaBucket, now: float) -> Allowance:
        """Count one request and say what is left. A refused request costs nothing more."""
        limit = self._limits.get(bucket, UNLIMITED)
        started, used = self._windows.get((caller, bucket), (now, 0))
        if now - started >= self._window_s:
            started, used = now, 0
        allowed = used < limit
        used += allowed
        self._windows[caller, bucket] = (started, used)
        reset_s = math.ceil(started + self._window_s - now)
        return Allowance(bucket.value, allowed, limit - used, reset_s, limit, math.ceil(self._window_s))

    def reset(self) -> None:
        """Give every caller a new window."""
        self._windows.clear()
