"""Circuit breaker: stops requests to a Hub that does not respond any more. Pure: the time is a parameter.

A Hub that restarts, or a network that is gone for a moment, must not fail thousands of repos. A Hub that stays down
must not hold up each repo for all its attempts. After `FAILURE_THRESHOLD` failures in a row the breaker is half open:
one request goes out as a probe every `PROBE_INTERVAL_S`, the others wait. After `OPEN_AFTER_S` it is open: requests fail at
once, but for the probes. One response closes it.
"""

from __future__ import annotations

from dataclasses import dataclass

FAILURE_THRESHOLD = 64
"""Requests in a row without a response: more than the attempts of one repo, or one round of many repos."""

OPEN_AFTER_S = 60.0
"""How long requests wait for the Hub before they fail at once."""

PROBE_INTERVAL_S = 2.0


@dataclass(slots=True)
class CircuitBreaker:
    """Failures since the last response. Times are those of one monotonic clock, in seconds."""

    failures: int = 0
    failing_since_s: float = 0.0
    next_probe_s: float = 0.0

    def wait_s(self, now_s: float) -> float:
        """Seconds that the next request has to wait. Zero: it may go out, as a probe where the breaker is half open."""
        if self.failures < FAILURE_THRESHOLD:
            return 0.0
        if now_s < self.next_probe_s:
            return self.next_probe_s - now_s
        self.next_probe_s = now_s + PROBE_INTERVAL_S
        return 0.0

    def is_open(self, now_s: float) -> bool:
        """Whether requests are to fail at once. False when the next probe is due."""
        is_long = self.failures >= FAILURE_THRESHOLD and now_s - self.failing_since_s > OPEN_AFTER_S
        return is_long and now_s < self.next_probe_s

    def record_success(self) -> None:
        """A response came: close the breaker."""
        self.failures = 0

    def record_failure(self, now_s: float) -> None:
        """A request got no response."""
        if self.failures == 0:
            self.failing_since_s = now_s
        self.failures += 1
