"""What to do when a Hub does not answer anybody any more. Pure: the time is a parameter, the waiting is the client's.

A Hub that is restarted, or a network that is gone for a moment, must not fail thousands of repos; one that stays away
must not hold each of them up for all its attempts. So after many requests in a row without an answer only one at a time
is tried, the others waiting for it; and when that has gone on for long, they are refused at once until one is answered.
"""

from __future__ import annotations

from dataclasses import dataclass

SILENT_AFTER = 64
"""Requests in a row without an answer; more than one repo's attempts, or one round of many repos."""

PATIENCE_S = 60.0
"""How long requests wait for a silent Hub before they are refused."""

TRY_EVERY_S = 2.0


@dataclass(slots=True)
class Silence:
    """How long a Hub has been silent. Times are those of one monotonic clock, in seconds."""

    unanswered: int = 0
    since_s: float = 0.0
    next_try_s: float = 0.0

    def wait_s(self, now_s: float) -> float:
        """How long the next request has to wait; zero: it may go out, as the one that tries."""
        if self.unanswered < SILENT_AFTER:
            return 0.0
        if now_s < self.next_try_s:
            return self.next_try_s - now_s
        self.next_try_s = now_s + TRY_EVERY_S
        return 0.0

    def refuses(self, now_s: float) -> bool:
        """Whether nobody is to wait any longer; one request every now and then is still let through."""
        is_long = self.unanswered >= SILENT_AFTER and now_s - self.since_s > PATIENCE_S
        return is_long and now_s < self.next_try_s

    def answered(self) -> None:
        self.unanswered = 0

    def failed(self, now_s: float) -> None:
        """A request got no answer."""
        if self.unanswered == 0:
            self.since_s = now_s
        self.unanswered += 1
