"""`Pacer`: what the transport needs to know of one of the Hub's quotas. Two kinds keep it.

`QuotaPacer` knows what this process sent; `SharedPacer` leases requests from the store, which other processes use too.
"""

from __future__ import annotations

from typing import Protocol

from resolver.hub.pacing.quota_headers import Quota
from resolver.hub.pacing.quota_pacer import SentRequest


class Pacer(Protocol):
    """Says when the next request may be sent. Times are those of one monotonic clock, in seconds."""

    @property
    def left(self) -> int | None:
        """Requests left in the window, as far as this process knows; None until the Hub names a quota."""

    @property
    def answered(self) -> int:
        """How many requests were answered that the quota did not refuse: whether it moves on."""

    def find_room(self, now_s: float) -> int | None:
        """How many requests may still be sent in the window, as far as is known; None where no window is known."""

    def wait_s(self, now_s: float) -> float:
        """Seconds that the next request has to wait. Zero: it may be sent now, and `record_sent` must be called."""

    def awaits_response(self, now_s: float) -> bool:
        """Whether a request waits for what a response or the store will show, not for the quota."""

    def record_sent(self, now_s: float) -> SentRequest:
        """A request is sent. What is returned belongs into `record_response`."""

    def record_response(self, quota: Quota | None, now_s: float, sent: SentRequest, *, redirects: int = 0) -> None:
        """The response to `sent` came, after `redirects`, with `quota` in its headers."""

    def record_refusal(self, retry_after_s: float | None, quota: Quota | None, now_s: float) -> None:
        """The quota was used up: no request may be sent before `retry_after_s` is over."""

    def record_ended(self, sent: SentRequest) -> None:
        """A request is over, with a response or without."""

    def record_other(self, quota: Quota, now_s: float) -> None:
        """A response came to a request of another client of this process, with `quota` in its headers."""

    async def close(self) -> None:
        """Give back what is not needed any more."""
