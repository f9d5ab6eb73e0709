"""Quota pacer: says when the next request may be sent under one of the Hub's quotas. Pure: the time is a parameter.

The Hub counts requests in fixed windows and says in each response how many are left (`quota_headers`). Three quarters
of a window are used without pacing, since most runs end within them. The rest is spread over a part of the time that is
left, so that the window is used up without a refusal, and other clients of the same quota still get through. When
nothing is left, one request after the reset probes the new window before the others follow.
"""

from __future__ import annotations

from dataclasses import dataclass

from msgspec import Struct

from resolver.hub.pacing.quota_headers import Quota

UNPACED_SHARE = 0.75
"""The share of a window that is used without pacing."""

SPREAD_OVER = 0.25
"""The share of the remaining time that the rest of the window is spread over."""

RESET_MARGIN_S = 0.1
"""The Hub gives the time to the reset in whole seconds; this margin avoids a refusal."""

MAX_BEFORE_FIRST_RESPONSE = 4
"""Requests allowed in flight before the first response shows the quota."""


class SentRequest(Struct, frozen=True, gc=False):
    """What was known when a request was sent: its expected cost, how many were sent before, how many were in flight,
    and when it was.
    """

    cost: int
    number: int
    in_flight: int
    at_s: float = 0.0


@dataclass(slots=True)
class QuotaPacer:
    """What is known of one quota. Times are those of one monotonic clock, in seconds.

    `left` is None until the server names a quota. `cost` is how much the last request took of it: one, and one more for
    each redirect. `answered` counts the responses that were no refusals. `is_probing` is true while one request probes
    a new window.
    """

    left: int | None = None
    quota: int | None = None
    resets_at_s: float = 0.0
    blocked_until_s: float = 0.0
    next_at_s: float = 0.0
    interval_s: float = 0.0
    in_flight: int = 0
    number: int = 0
    cost: int = 1
    answered: int = 0
    has_response: bool = False
    is_probing: bool = False

    def find_room(self, now_s: float) -> int | None:
        """How many requests may still be sent in the window; None where no window is known."""
        if self.left is None or now_s >= self.resets_at_s:
            return None
        return max(0, self.left) // max(1, self.cost)

    def wait_s(self, now_s: float) -> float:
        """Seconds that the next request has to wait. Zero: it may be sent now, and `record_sent` must be called."""
        if now_s < self.blocked_until_s:
            return self.blocked_until_s - now_s
        if not self.has_response and self.in_flight >= MAX_BEFORE_FIRST_RESPONSE:
            return RESET_MARGIN_S / 10
        if self.left is None:
            return 0.0
        if now_s >= self.resets_at_s + RESET_MARGIN_S:
            return RESET_MARGIN_S if self.is_probing else 0.0
        if self.left < self.cost:
            return self.resets_at_s + RESET_MARGIN_S - now_s
        return max(0.0, self.next_at_s - now_s)

    def awaits_response(self, now_s: float) -> bool:
        """Whether a request waits for the response to another one, not for the quota."""
        if not self.has_response and self.in_flight >= MAX_BEFORE_FIRST_RESPONSE:
            return True
        return self.is_probing and now_s >= max(self.blocked_until_s, self.resets_at_s + RESET_MARGIN_S)

    def record_sent(self, now_s: float) -> SentRequest:
        """A request is sent. What is returned belongs into `record_response`."""
        sent = SentRequest(self.cost, self.number, self.in_flight, now_s)
        self.number += 1
        self.in_flight += 1
        if self.left is not None:
            if now_s >= self.resets_at_s + RESET_MARGIN_S:
                self.is_probing = True
            self.left -= self.cost
            if self.interval_s:
                self.next_at_s = max(now_s, self.next_at_s) + self.interval_s * self.cost
        return sent

    def record_response(self, quota: Quota | None, now_s: float, sent: SentRequest, *, redirects: int = 0) -> None:
        """The response to `sent` came, after `redirects`, with `quota` in its headers."""
        self.cost = 1 + redirects
        self.answered += 1
        if quota is None:
            return
        resets_at_s = now_s + quota.reset_after_s
        is_new_window = self.left is None or resets_at_s > self.resets_at_s + 1.5
        self.quota = quota.quota or self.quota
        if self.left is None or is_new_window:
            self.left, self.resets_at_s = quota.remaining, resets_at_s
            self.next_at_s = self.interval_s = 0.0
        else:
            # Responses come in any order. What the server has not counted yet is at most what was in flight when this
            # request was sent, and what was sent after it. Where that leaves more than `left`, `left` was too low.
            at_least = quota.remaining - (self.number - sent.number - 1 + sent.in_flight) * self.cost
            self.left = max(min(self.left + sent.cost - self.cost, quota.remaining), at_least)
        if not self.interval_s and self.quota and 0 < self.left <= self.quota * (1 - UNPACED_SHARE):
            time_left_s = max(0.0, self.resets_at_s - now_s)
            self.interval_s = time_left_s * SPREAD_OVER / self.left

    def record_other(self, quota: Quota, now_s: float) -> None:
        """A response came to a request of another client of this process, with `quota` in its headers."""
        if self.left is not None and now_s + quota.reset_after_s <= self.resets_at_s + 1.5:
            self.left = min(self.left, quota.remaining)

    def record_ended(self, sent: SentRequest | None = None) -> None:
        """A request is over, with a response or without."""
        self.in_flight -= 1
        self.is_probing = False
        self.has_response = True

    def record_refusal(self, retry_after_s: float | None, quota: Quota | None, now_s: float) -> None:
        """The quota was used up: no request may be sent before `retry_after_s` is over."""
        if quota is not None and quota.remaining == 0:
            self.quota = quota.quota or self.quota
            self.left, self.resets_at_s = 0, now_s + quota.reset_after_s
            self.next_at_s = self.interval_s = 0.0
        elif retry_after_s is not None:
            self.blocked_until_s = max(self.blocked_until_s, now_s + retry_after_s)

    async def close(self) -> None:
        """Nothing is held for others."""
