"""Circuit breaker: stops requests to a Hub that does not respond any more. Pure: the time is a parameter.

A Hub that restarts, or a network that is gone for a moment, must not fail thousands of repos. A Hub that stays down
must not hold up each repo for all its attempts. After `failure_threshold` failures in a row the breaker is half open:
one request goes out as a probe every `probe_interval_s`, the others wait. After `open_after_s` it is open: requests
fail at once, but for the probes. One response closes it.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerPolicy:
    """`failure_threshold`: requests in a row without a response; more than the attempts of one repo, or one round of
    many repos. `open_after_s`: how long requests wait for the Hub before they fail at once.
    """

    failure_threshold: int = 64
    open_after_s: float = 60.0
    probe_interval_s: float = 2.0


DEFAULT_BREAKER = BreakerPolicy()


@dataclass(slots=True)
class CircuitBreaker:
    """Failures since the last response. Times are those of one monotonic clock, in seconds."""

    policy: BreakerPolicy = DEFAULT_BREAKER
    failures: int = 0
    failing_since_s: float = 0.0
    next_probe_s: float = 0.0

    def wait_s(self, now_s: float) -> float:
        """Seconds that the next request has to wait. Zero: it may go out, as a probe where the breaker is half open."""
        if self.failures < self.policy.failure_threshold:
            return 0.0
        if now_s < self.next_probe_s:
            return self.next_probe_s - now_s
        self.next_probe_s = now_s + self.policy.probe_interval_s
        return 0.0

    def is_open(self, now_s: float) -> bool:
        """Whether requests are to fail at once. False when the next probe is due."""
        is_down = self.failures >= self.policy.failure_threshold
        return is_down and now_s - self.failing_since_s > self.policy.open_after_s and now_s < self.next_probe_s

    def record_success(self) -> None:
        """A response came: close the breaker."""
        self.failures = 0

    def record_failure(self, now_s: float) -> None:
        """A request got no response."""
        if self.failures == 0:
            self.failing_since_s = now_s
        self.failures += 1
