"""`SharedPacer`: keeps to a quota that many processes use at once, by leases from the store that they share.

A lease is a number of requests of the window. The first ones are small; they grow until one lasts for about a second,
so that the store is written seldom, and the next one is taken before the last one is used up. If the store does not
answer, the process goes on as if it were alone: `QuotaPacer` also gets every event.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable

from msgspec import Struct

from resolver.hub.pacing.quota_headers import DEFAULT_WINDOW_S, Quota
from resolver.hub.pacing.quota_pacer import RESET_MARGIN_S, SPREAD_OVER, UNPACED_SHARE, QuotaPacer, SentRequest
from resolver.redaction import without_secrets
from store.errors import StoreBusyError, StoreError
from store.quotas import LeaseRequest, QuotaLease, SeenQuota

logger = logging.getLogger(__name__)

TakeLease = Callable[[LeaseRequest], Awaitable[QuotaLease | None]]
"""Takes requests of one quota from the store; None where there is no store. Raises `StoreError`."""

MIN_LEASE, MAX_LEASE = 8, 4_096
"""Requests of the first lease of a process, and of the longest."""

LEASE_S = 1.0
"""The size of leases grows until one lasts so long, in seconds."""

POLL_S = 0.02
"""When a request that waits for a lease looks again."""

MAX_STORE_WAIT_S = 15.0
"""Longest wait of a request for a store that another process locks; then the quota is counted in this process."""

ALONE_S = 60.0
"""After the store has failed, how long it is not asked again."""


class _Seen(Struct, kw_only=True, gc=False):
    """What the headers said of the latest window since the last lease. Times are those of the event loop."""

    remaining: int
    quota: int | None
    window_s: float
    ends_after_s: float
    ends_before_s: float


class SharedPacer:
    """One quota, shared with other processes. A `Pacer`, for one event loop; close it."""

    def __init__(self, take: TakeLease) -> None:
        self._take = take
        self._own = QuotaPacer()
        self._held = 0
        self._held_until_s = 0.0
        self._size = MIN_LEASE
        self._granted = 0
        self._leased_at_s = 0.0
        self._remaining = 0
        self._wait_until_s = 0.0
        self._next_at_s = self._interval_s = 0.0
        self._is_probe = self._has_probed = False
        self._probe_from = 0
        self._seen: _Seen | None = None
        self._renewal: asyncio.Task[None] | None = None
        self._asking_since_s = 0.0
        """Since when the store was asked without an answer."""
        self._alone_until_s = 0.0
        self._has_said_alone = False

    @property
    def left(self) -> int | None:
        return self._own.left

    def find_room(self, now_s: float) -> int | None:
        return self._own.find_room(now_s)

    @property
    def answered(self) -> int:
        return self._own.answered

    def wait_s(self, now_s: float) -> float:
        own = self._own
        if self._is_alone(now_s):
            return own.wait_s(now_s)
        if now_s < own.blocked_until_s:
            return own.blocked_until_s - now_s
        if self._has_lease(now_s):
            if self._held * 2 < self._granted and self._remaining and not self._is_probe:
                self._renew(now_s)
            return max(0.0, self._next_at_s - now_s)
        if self._is_probe and self._own.number > self._probe_from and now_s < self._held_until_s:
            return POLL_S
        if now_s < self._wait_until_s:
            return self._wait_until_s - now_s
        self._renew(now_s)
        return POLL_S

    def awaits_response(self, now_s: float) -> bool:
        if self._is_alone(now_s):
            return self._own.awaits_response(now_s)
        is_blocked = now_s < max(self._own.blocked_until_s, self._wait_until_s)
        return not is_blocked and not self._has_lease(now_s)

    def record_sent(self, now_s: float) -> SentRequest:
        sent = self._own.record_sent(now_s)
        if self._has_lease(now_s):
            self._held -= sent.cost
            if self._interval_s:
                self._next_at_s = max(now_s, self._next_at_s) + self._interval_s * sent.cost
        return sent

    def record_response(self, quota: Quota | None, now_s: float, sent: SentRequest, *, redirects: int = 0) -> None:
        self._own.record_response(quota, now_s, sent, redirects=redirects)
        if quota is not None:
            self._see(quota, sent.at_s, now_s)
            # Others wait for what a probe has shown; and they may not know that somebody else uses the quota too.
            if self._tries_window(sent):
                if self._seen is not None:
                    # The Hub may not have counted the others of the probe yet.
                    others = (self._own.in_flight - 1) * sent.cost
                    self._seen.remaining = max(0, self._seen.remaining - others)
                self._end_probe(now_s)
            elif quota.remaining * 2 < self._remaining:
                self._renew(now_s)

    def record_refusal(self, retry_after_s: float | None, quota: Quota | None, now_s: float) -> None:
        self._own.record_refusal(retry_after_s, quota, now_s)
        if quota is not None and quota.remaining == 0:
            self._see(quota, now_s, now_s)
            self._held = 0
            self._end_probe(now_s)

    def record_ended(self, sent: SentRequest) -> None:
        self._own.record_ended(sent)
        if self._tries_window(sent):
            # No response came, or one without a quota: another request has to try.
            self._end_probe(asyncio.get_running_loop().time())

    def record_other(self, quota: Quota, now_s: float) -> None:
        self._own.record_other(quota, now_s)
        self._see(quota, now_s, now_s)
        if quota.remaining * 2 < self._remaining:
            self._renew(now_s)

    async def close(self) -> None:
        if self._renewal is not None:
            await asyncio.wait([self._renewal])
        now_s = asyncio.get_running_loop().time()
        is_needed = self._is_probe or self._has_probed or (self._held > 0 and now_s < self._held_until_s)
        if is_needed and now_s >= self._alone_until_s:
            self._has_probed = self._has_probed or self._is_probe
            await self._lease(now_s, is_last=True)

    def _is_alone(self, now_s: float) -> bool:
        """Whether this process keeps to the quota by itself: the store does not answer, or the Hub names no quota."""
        own = self._own
        is_late = self._renewal is not None and now_s > self._asking_since_s + MAX_STORE_WAIT_S
        return is_late or now_s < self._alone_until_s or (own.has_response and own.left is None)

    def _has_lease(self, now_s: float) -> bool:
        return self._held >= self._own.cost and now_s < self._held_until_s

    def _see(self, quota: Quota, sent_at_s: float, now_s: float) -> None:
        """Keep what the Hub says until it is written to the store. Responses come in any order."""
        ends_after_s = sent_at_s + quota.reset_after_s - 1.0
        ends_before_s = now_s + quota.reset_after_s
        seen = self._seen
        if seen is not None and ends_before_s < seen.ends_after_s:
            return
        if seen is None or ends_after_s > seen.ends_before_s:
            self._seen = _Seen(
                remaining=quota.remaining,
                quota=quota.quota,
                window_s=quota.window_s or DEFAULT_WINDOW_S,
                ends_after_s=ends_after_s,
                ends_before_s=ends_before_s,
            )
            return
        seen.remaining = min(seen.remaining, quota.remaining)
        seen.ends_after_s = max(seen.ends_after_s, ends_after_s)
        seen.ends_before_s = min(seen.ends_before_s, ends_before_s)

    def _tries_window(self, sent: SentRequest) -> bool:
        return self._is_probe and sent.number >= self._probe_from

    def _end_probe(self, now_s: float) -> None:
        self._has_probed = self._has_probed or self._is_probe
        if self._is_probe:
            self._is_probe, self._held = False, 0
        self._wait_until_s = 0.0
        self._renew(now_s)

    def _renew(self, now_s: float) -> None:
        """Ask the store, unless that is under way."""
        if self._renewal is None and now_s >= self._alone_until_s:
            self._asking_since_s = self._asking_since_s or now_s
            self._renewal = asyncio.create_task(self._lease(now_s))

    async def _lease(self, now_s: float, *, is_last: bool = False) -> None:
        """Take a lease, and tell the store what the Hub said; with `is_last` give everything back."""
        returned = self._held if is_last and now_s < self._held_until_s else 0
        wanted = 0 if is_last or self._is_alone(now_s) else self._choose_size(now_s)
        request = LeaseRequest(
            wanted=wanted,
            probe_cost=self._own.cost,
            returned=returned,
            seen=self._take_seen(now_s),
            has_probed=self._has_probed,
        )
        self._has_probed = False
        try:
            granted = await self._take(request)
        except StoreBusyError as error:
            if now_s > self._asking_since_s + MAX_STORE_WAIT_S:
                self._go_on_alone(now_s, error)
            else:
                self._has_probed = request.has_probed
        except StoreError as error:
            self._go_on_alone(now_s, error)
        except Exception as error:
            logger.error("internal error: the quota is not shared", exc_info=without_secrets(error))
            self._go_on_alone(now_s)
        else:
            self._asking_since_s = 0.0
            if granted is None:
                self._go_on_alone(now_s)
            elif not is_last:
                self._use(granted, now_s)
        finally:
            self._renewal = None

    def _choose_size(self, now_s: float) -> int:
        """How many requests to take: twice as many as the last time where these did not last."""
        if self._held and self._held * 2 >= self._granted and now_s < self._held_until_s:
            # Only to tell what the Hub said.
            return 0
        if now_s - self._leased_at_s < LEASE_S:
            self._size = min(2 * self._size, MAX_LEASE)
        elif now_s - self._leased_at_s > 4 * LEASE_S:
            self._size = max(self._size // 2, MIN_LEASE)
        return max(self._size, self._own.cost)

    def _use(self, granted: QuotaLease, asked_at_s: float) -> None:
        now_s = asyncio.get_running_loop().time()
        logger.debug(
            "leased %d requests of the quota in %.3f s; %d remain for all, for %.1f s%s",
            granted.granted,
            now_s - asked_at_s,
            granted.remaining,
            granted.ends_in_s,
            ": one tries a new window" if granted.is_probe else "",
        )
        self._remaining = granted.remaining
        self._is_probe, self._probe_from = granted.is_probe, self._own.number
        if granted.granted:
            self._granted = granted.granted
            kept = self._held if asked_at_s < self._held_until_s else 0
            self._held = kept + granted.granted
            self._held_until_s = asked_at_s + granted.ends_in_s
            self._leased_at_s = now_s
            self._wait_until_s = 0.0
            self._spread(granted)
        elif granted.ends_in_s and not granted.remaining:
            self._wait_until_s = now_s + granted.ends_in_s + RESET_MARGIN_S * (1 + random.random())
        else:
            self._wait_until_s = now_s + granted.retry_in_s * (0.5 + random.random())

    def _spread(self, granted: QuotaLease) -> None:
        """Spread the last part of a window over some of its time, as `QuotaPacer` does, so that others get through."""
        remaining, quota = granted.granted + granted.remaining, self._own.quota
        is_last_part = quota is not None and remaining <= quota * (1 - UNPACED_SHARE) and not granted.is_probe
        if not is_last_part:
            self._interval_s = 0.0
        elif not self._interval_s:
            self._interval_s = granted.ends_in_s * SPREAD_OVER / remaining

    def _take_seen(self, now_s: float) -> SeenQuota | None:
        seen, self._seen = self._seen, None
        if seen is None or seen.ends_before_s <= now_s:
            return None
        return SeenQuota(
            remaining=seen.remaining,
            quota=seen.quota,
            window_s=seen.window_s,
            min_ends_in_s=seen.ends_after_s - now_s,
            max_ends_in_s=seen.ends_before_s - now_s,
        )

    def _go_on_alone(self, now_s: float, error: StoreError | None = None) -> None:
        self._alone_until_s = now_s + ALONE_S
        self._asking_since_s = 0.0
        self._held = 0
        if error is not None and not self._has_said_alone:
            self._has_said_alone = True
            logger.warning("the Hub's quota is not shared with other processes: %s", error)
