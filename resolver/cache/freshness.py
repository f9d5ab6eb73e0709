"""Decides how far a remembered ref can be used, from its age and the policy. Pure: the time is a parameter."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from store.records import CLOCK_SKEW_S

DEFAULT_MAX_AGE_S = 24 * 3600.0

NOT_FOUND_TTL_S = 300.0
"""Time to live of a negative answer: that there is no such repo or revision."""


class Freshness(enum.Enum):
    """RFC 9111's words: fresh needs no request, stale needs one to check, missing needs all."""

    FRESH = "fresh"
    STALE = "stale"
    MISSING = "missing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How remembered refs are used. `refresh`: always ask the Hub, whatever the age. `offline`: never ask it.

    `partial`: an answer from facts that lack something is one; without it, the Hub is asked for the rest.
    """

    max_age_s: float = DEFAULT_MAX_AGE_S
    offline: bool = False
    refresh: bool = False
    partial: bool = False


def judge_freshness(
    checked_at_s: float | None, *, now_s: float, policy: Policy, is_pinned: bool, is_problem: bool
) -> Freshness:
    """Whether a ref last checked at `checked_at_s` (seconds since 1970, UTC; None: never) may be used as it is.

    `is_pinned`: the revision is a commit hash, which never moves. `is_problem`: the ref says that the repo or revision
    is missing, which is believed for a short time only.
    """
    if checked_at_s is None:
        return Freshness.MISSING
    if policy.offline:
        return Freshness.FRESH
    if policy.refresh:
        return Freshness.STALE
    age_s = now_s - checked_at_s
    if is_problem:
        return Freshness.FRESH if 0 <= age_s < min(policy.max_age_s, NOT_FOUND_TTL_S) else Freshness.MISSING
    is_old = is_older_than_allowed(checked_at_s, now_s=now_s, policy=policy, is_pinned=is_pinned)
    return Freshness.STALE if is_old else Freshness.FRESH


def is_older_than_allowed(checked_at_s: float, *, now_s: float, policy: Policy, is_pinned: bool) -> bool:
    """Whether the check is longer ago than `max_age_s`, for a revision that may have moved since."""
    # A check from the far future means that a clock was wrong: ask again rather than believe it for years.
    return not (is_pinned or -CLOCK_SKEW_S <= now_s - checked_at_s < policy.max_age_s)


def may_stand_in(checked_at_s: float, *, now_s: float, max_stale_s: float) -> bool:
    """Whether an answer checked at `checked_at_s` may be given while the Hub does not answer."""
    return max_stale_s > 0 and -CLOCK_SKEW_S <= now_s - checked_at_s <= max_stale_s
