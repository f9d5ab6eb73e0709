"""How fast requests may be sent to one of the Hub's quotas. Pure: the time is a parameter, the waiting is the client's.

The Hub counts requests in fixed windows and says after each one how many are left (`quota`). Three quarters of a window
are used as fast as they come, since most runs end within them; the rest is spread over a part of the time that is left,
so that a window is used up without being hit, and others who share it still get through. When nothing is left, one
request after the reset finds out how things stand before the others follow.
"""

from __future__ import annotations

from dataclasses import dataclass

from resolver.hub.quota import Quota

FREE_SHARE = 0.75
"""The part of a window that is used without pacing."""

SPREAD_OVER = 0.25
"""The part of the time left that the rest of the window is spread over."""

AFTER_RESET_S = 0.1
"""The Hub gives the time to the reset in whole seconds; a little patience spares a refusal."""


@dataclass(slots=True)
class BucketState:
    """What is known of a quota. Times are those of one monotonic clock, in seconds.

    `left` is None while the server has not spoken of a quota. `probing` is true while one request asks how things
    stand after a reset.
    """

    left: int | None = None
    quota: int | None = None
    resets_at_s: float = 0.0
    blocked_until_s: float = 0.0
    next_at_s: float = 0.0
    interval_s: float = 0.0
    under_way: int = 0
    probing: bool = False

    def wait_s(self, now_s: float) -> float:
        """How long the next request has to wait; zero: it may be sent now, and `sent` is to be called."""
        if now_s < self.blocked_until_s:
            return self.blocked_until_s - now_s
        if self.left is None:
            return 0.0
        if now_s >= self.resets_at_s + AFTER_RESET_S:
            return AFTER_RESET_S if self.probing else 0.0
        if self.left <= 0:
            return self.resets_at_s + AFTER_RESET_S - now_s
        return max(0.0, self.next_at_s - now_s)

    def sent(self, now_s: float) -> None:
        """A request goes out."""
        self.under_way += 1
        if self.left is None:
            return
        if now_s >= self.resets_at_s + AFTER_RESET_S:
            self.probing = True
            return
        self.left -= 1
        if self.interval_s:
            self.next_at_s = max(now_s, self.next_at_s) + self.interval_s

    def answered(self, quota: Quota | None, now_s: float, *, hops: int = 0) -> None:
        """An answer came, after `hops` redirects, and spoke of `quota`."""
        if quota is None:
            return
        resets_at_s = now_s + quota.reset_after_s
        is_new_window = self.left is None or resets_at_s > self.resets_at_s + 1.5
        self.quota = quota.quota or self.quota
        if self.left is None or is_new_window:
            self.left, self.resets_at_s = quota.remaining, resets_at_s
            self.next_at_s = self.interval_s = 0.0
        else:
            # What is under way may not be in the server's number yet; it can be no further off than that.
            self.left = max(min(self.left - hops, quota.remaining), quota.remaining - self.under_way)
        if not self.interval_s and self.quota and 0 < self.left <= self.quota * (1 - FREE_SHARE):
            time_left_s = max(0.0, self.resets_at_s - now_s)
            self.interval_s = time_left_s * SPREAD_OVER / self.left

    def ended(self) -> None:
        """A request is over, with an answer or without."""
        self.under_way -= 1
        self.probing = False

    def refused(self, retry_after_s: float | None, quota: Quota | None, now_s: float) -> None:
        """An answer was a refusal for quota: nobody asks before `retry_after_s` is over."""
        if quota is not None and quota.remaining == 0:
            self.answered(quota, now_s)
            self.left = 0
            self.resets_at_s = now_s + quota.reset_after_s
        elif retry_after_s is not None:
            self.blocked_until_s = max(self.blocked_until_s, now_s + retry_after_s)
