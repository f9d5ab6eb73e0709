"""Leases of the Hub's quota: how many requests a process may send in a window that many processes share. Pure.

One row stands for one quota of the Hub. A process takes some requests of it at a time (a lease), and what it has not
sent when the window ends is void: a process that was killed keeps nothing for longer. The Hub's own headers come before
the row. When a window has ended, one process tries with one request whether a new one has begun, and the others wait
for what that shows.
"""

from __future__ import annotations

import math

from msgspec import Struct
from msgspec.structs import replace

PROBE_S = 5.0
"""How long the others wait for the process that tries a new window: it may have been killed."""

PROBE_POLL_S = 0.1
"""When a process that waits for another's probe looks again."""

MAX_SHARE = 8
"""A lease is at most this part of what remains, so that many processes get some of a small quota."""

FIRST_REQUESTS = 4
"""Requests that try a quota of which nothing is known yet."""

MIN_GRANT = 4
"""The last requests of a window are not leased one by one."""

MAX_WINDOW_S = 3_600.0
"""The longest window that is believed. The Hub's has 300 s."""

MAX_QUOTA = 2**53

CLOCK_STEP_S = 2.0
"""How far the clock of the database may step between two leases without the row becoming incredible."""


class QuotaKey(Struct, frozen=True, gc=False):
    """Identifies a quota: an endpoint, whose quota it is (`keys.derive_quota_owner`), and a bucket."""

    endpoint: str
    owner: str
    bucket: str


class QuotaRow(Struct, frozen=True, kw_only=True, gc=False):
    """What all processes know of a quota. `remaining` is not granted to any process yet. Times are those of one clock,
    in seconds: the window ends at `ends_at_s` at the latest, and until `probe_until_s` a process tries the next one.
    """

    quota: int | None
    remaining: int
    window_s: float
    ends_at_s: float
    probe_until_s: float


class SeenQuota(Struct, frozen=True, kw_only=True, gc=False):
    """What the headers of a response said: how many requests remained in a window that ends in `min_ends_in_s` to
    `max_ends_in_s` from now. They are apart by the time that the response took, and by the whole seconds that the Hub
    gives.
    """

    remaining: int
    quota: int | None
    window_s: float
    min_ends_in_s: float
    max_ends_in_s: float

    def after(self, elapsed_s: float) -> SeenQuota:
        """The same, `elapsed_s` later."""
        return replace(self, min_ends_in_s=self.min_ends_in_s - elapsed_s, max_ends_in_s=self.max_ends_in_s - elapsed_s)


class LeaseRequest(Struct, frozen=True, kw_only=True, gc=False):
    """What a process wants: at most `wanted` requests, for a probe `probe_cost`. `returned` are requests of the same
    window that it does not need. `seen` is what the Hub said since the last lease, and `has_probed` is true where the
    process tried a new window, whatever that showed.
    """

    wanted: int
    probe_cost: int = 1
    returned: int = 0
    seen: SeenQuota | None = None
    has_probed: bool = False


class QuotaLease(Struct, frozen=True, kw_only=True, gc=False):
    """What a process got: `granted` requests that it may send within `ends_in_s`, and how many remain for all after
    that. `is_probe`: the Hub has to say first whether a new window has begun. `retry_in_s` is when it is worth to try
    again where nothing was granted.
    """

    granted: int
    remaining: int
    ends_in_s: float
    retry_in_s: float = 0.0
    is_probe: bool = False


def find_problem(row: QuotaRow, now_s: float) -> str | None:
    """Why a row cannot be true; None where it can. Its values may be of any type: SQLite stores what it is given."""
    numbers = (row.window_s, row.ends_at_s, row.probe_until_s)
    counts = (row.remaining, *(() if row.quota is None else (row.quota,)))
    if not all(isinstance(value, (int, float)) and math.isfinite(value) for value in numbers):
        return "a time is not a number"
    if not all(isinstance(count, int) and 0 <= count <= MAX_QUOTA for count in counts):
        return "a count is not a number of requests"
    if row.quota is not None and row.remaining > row.quota:
        return f"{row.remaining} of {row.quota} requests remain"
    if not 0 < row.window_s <= MAX_WINDOW_S:
        return f"its window has {row.window_s:.3g} s"
    if row.ends_at_s > now_s + row.window_s + CLOCK_STEP_S:
        return f"its window of {row.window_s:.3g} s ends in {row.ends_at_s - now_s:.3g} s: a clock was wrong"
    if row.probe_until_s > now_s + PROBE_S + CLOCK_STEP_S:
        return f"a probe ends in {row.probe_until_s - now_s:.3g} s: a clock was wrong"
    return None


def lease(
    row: QuotaRow | None, request: LeaseRequest, now_s: float, *, elapsed_s: float = 0.0
) -> tuple[QuotaRow | None, QuotaLease]:
    """The row after `request`, which is `elapsed_s` old, and what is granted. None is a row that there is not, or that
    is not believed.
    """
    if request.seen is not None:
        request = replace(request, seen=request.seen.after(elapsed_s))
    if row is not None and request.has_probed:
        row = replace(row, probe_until_s=0.0)
    row = _correct(row, request, now_s)
    if row is not None and now_s < row.ends_at_s:
        most = row.quota if row.quota is not None else MAX_QUOTA
        remaining = min(row.remaining + request.returned, most)
        granted = min(request.wanted, remaining, max(MIN_GRANT, -(-remaining // MAX_SHARE)))
        row = replace(row, remaining=remaining - granted)
        ends_in_s = row.ends_at_s - now_s
        return row, QuotaLease(
            granted=granted, remaining=row.remaining, ends_in_s=ends_in_s, retry_in_s=0.0 if granted else ends_in_s
        )
    if row is not None and now_s < row.probe_until_s:
        retry_in_s = min(PROBE_POLL_S, row.probe_until_s - now_s)
        return row, QuotaLease(granted=0, remaining=0, ends_in_s=0.0, retry_in_s=retry_in_s)
    if not request.wanted:
        return row, QuotaLease(granted=0, remaining=0, ends_in_s=0.0)
    quota, window_s = (row.quota, row.window_s) if row is not None else (None, PROBE_S)
    # One slow response must not hold up all: nothing says yet that the quota is small.
    granted = request.probe_cost * (1 if quota is not None else FIRST_REQUESTS)
    row = QuotaRow(quota=quota, remaining=0, window_s=window_s, ends_at_s=now_s, probe_until_s=now_s + PROBE_S)
    return row, QuotaLease(granted=granted, remaining=0, ends_in_s=PROBE_S, is_probe=True)


def _correct(row: QuotaRow | None, request: LeaseRequest, now_s: float) -> QuotaRow | None:
    """The row after what the Hub said: a new window, or fewer requests and an earlier end of the one that it knows.

    More requests than the row has are no news: they are granted to processes that have not sent them yet. What may be
    of a window that is over tells nothing of the next one.
    """
    seen = request.seen
    if seen is None or not 0 < seen.window_s <= MAX_WINDOW_S:
        return row
    if not 0 < seen.max_ends_in_s <= seen.window_s + CLOCK_STEP_S:
        return row
    remaining, ends_at_s = min(seen.remaining, MAX_QUOTA), now_s + seen.max_ends_in_s
    if seen.min_ends_in_s <= 0 and not request.has_probed:
        return row
    if row is None or now_s >= row.ends_at_s or now_s + seen.min_ends_in_s > row.ends_at_s + row.window_s / 4:
        quota = max(seen.quota, remaining) if seen.quota is not None else None
        return QuotaRow(
            quota=quota, remaining=remaining, window_s=seen.window_s, ends_at_s=ends_at_s, probe_until_s=0.0
        )
    return replace(row, remaining=min(row.remaining, remaining), ends_at_s=min(row.ends_at_s, ends_at_s))
