"""How fast requests may be sent to one of the Hub's quotas. Pure: the time is a parameter, the waiting is the client's.

The Hub counts requests in fixed windows and says after each one how many are left (`quota`). Three quarters of a window
are used as fast as they come, since most runs end within them; the rest is spread over a part of the time that is left,
so that a window is used up without being hit, and others who share it still get through. When nothing is left, one
request after the reset finds out how things stand before the others follow.
"""

from __future__ import annotations

from dataclasses import dataclass

from msgspec import Struct

from resolver.hub.quota import Quota

FREE_SHARE = 0.75
"""The part of a window that is used without pacing."""

SPREAD_OVER = 0.25
"""The part of the time left that the rest of the window is spread over."""

AFTER_RESET_S = 0.1
"""The Hub gives the time to the reset in whole seconds; a little patience spares a refusal."""


UNHEARD = 4
"""How many requests go out before the first answer tells how things stand."""


class Ticket(Struct, frozen=True, gc=False):
    """What was known when a request went out: its expected cost, how many went out before, and how many were open."""

    cost: int
    number: int
    under_way: int


@dataclass(slots=True)
class BucketState:
    """What is known of a quota. Times are those of one monotonic clock, in seconds.

    `left` is None while the server has not spoken of a quota. `cost` is what a request took of it lately: one, and one
    more for each redirect. `probing` is true while one request asks how things stand after a reset.
    """

    left: int | None = None
    quota: int | None = None
    resets_at_s: float = 0.0
    blocked_until_s: float = 0.0
    next_at_s: float = 0.0
    interval_s: float = 0.0
    under_way: int = 0
    number: int = 0
    cost: int = 1
    is_heard: bool = False
    probing: bool = False

    def wait_s(self, now_s: float) -> float:
        """How long the next request has to wait; zero: it may be sent now, and `sent` is to be called."""
        if now_s < self.blocked_until_s:
            return self.blocked_until_s - now_s
        if not self.is_heard and self.under_way >= UNHEARD:
            return AFTER_RESET_S / 10
        if self.left is None:
            return 0.0
        if now_s >= self.resets_at_s + AFTER_RESET_S:
            return AFTER_RESET_S if self.probing else 0.0
        if self.left < self.cost:
            return self.resets_at_s + AFTER_RESET_S - now_s
        return max(0.0, self.next_at_s - now_s)

    def sent(self, now_s: float) -> Ticket:
        """A request goes out; the ticket is to be given to `answered`."""
        ticket = Ticket(self.cost, self.number, self.under_way)
        self.number += 1
        self.under_way += 1
        if self.left is not None:
            if now_s >= self.resets_at_s + AFTER_RESET_S:
                self.probing = True
            self.left -= self.cost
            if self.interval_s:
                self.next_at_s = max(now_s, self.next_at_s) + self.interval_s * self.cost
        return ticket

    def answered(self, quota: Quota | None, now_s: float, ticket: Ticket, *, hops: int = 0) -> None:
        """The answer to the request of `ticket` came, after `hops` redirects, and spoke of `quota`."""
        self.cost = 1 + hops
        if quota is None:
            return
        resets_at_s = now_s + quota.reset_after_s
        is_new_window = self.left is None or resets_at_s > self.resets_at_s + 1.5
        self.quota = quota.quota or self.quota
        if self.left is None or is_new_window:
            self.left, self.resets_at_s = quota.remaining, resets_at_s
            self.next_at_s = self.interval_s = 0.0
        else:
            # Answers come in any order. What the server did not count yet can only be what was open when this request
            # went out, and what went out since: where that leaves more than we thought, the server was wrong before.
            at_least = quota.remaining - (self.number - ticket.number - 1 + ticket.under_way) * self.cost
            self.left = max(min(self.left + ticket.cost - self.cost, quota.remaining), at_least)
        if not self.interval_s and self.quota and 0 < self.left <= self.quota * (1 - FREE_SHARE):
            time_left_s = max(0.0, self.resets_at_s - now_s)
            self.interval_s = time_left_s * SPREAD_OVER / self.left

    def ended(self) -> None:
        """A request is over, with an answer or without."""
        self.under_way -= 1
        self.probing = False
        self.is_heard = True

    def refused(self, retry_after_s: float | None, quota: Quota | None, now_s: float) -> None:
        """An answer was a refusal for quota: nobody asks before `retry_after_s` is over."""
        if quota is not None and quota.remaining == 0:
            self.quota = quota.quota or self.quota
            self.left, self.resets_at_s = 0, now_s + quota.reset_after_s
            self.next_at_s = self.interval_s = 0.0
        elif retry_after_s is not None:
            self.blocked_until_s = max(self.blocked_until_s, now_s + retry_after_s)
