"""Parses the `RateLimit`, `RateLimit-Policy` and `Retry-After` headers. Pure.

Forms as recorded: `RateLimit: "api";r=499;t=295` (remaining, seconds to reset) and
`RateLimit-Policy: "fixed window";"api";q=500;w=300` (quota, window in seconds); hub-docs, rate-limits.md.
"""

from __future__ import annotations

import datetime
import email.utils
import functools
import re

from msgspec import Struct

from resolver.hub.response import HttpResponse

_PARAMETER = re.compile(r";\s*([a-z])\s*=\s*(\d{1,9})\b")
_NAME = re.compile(r'"([a-z]+)"\s*;')
MAX_RETRY_AFTER_S = 3_600.0

DEFAULT_WINDOW_S = 300.0
"""The Hub's window, where a response does not name one (hub-docs, rate-limits.md)."""


class Quota(Struct, frozen=True, kw_only=True, gc=False):
    """The state of one bucket in a response; None where the headers do not have it."""

    name: str
    remaining: int
    reset_after_s: float
    quota: int | None = None
    window_s: float | None = None

    @property
    def longest_reset_s(self) -> float:
        """The longest time to the reset that can be true: the length of the window."""
        return self.window_s if self.window_s is not None else DEFAULT_WINDOW_S

    @property
    def is_credible(self) -> bool:
        """Whether the reset lies within the window. One that does not is a mistake of the server, and is ignored."""
        return self.reset_after_s <= self.longest_reset_s


def parse_quota(response: HttpResponse) -> Quota | None:
    """The quota in the headers of a response; None where there is none that can be read."""
    header = response.headers.get("ratelimit", "")
    name, parameters = _NAME.search(header), dict(_PARAMETER.findall(header))
    if name is None or "r" not in parameters or "t" not in parameters:
        return None
    quota, window_s = _parse_policy(response.headers.get("ratelimit-policy", ""))
    return Quota(
        name=name.group(1),
        remaining=int(parameters["r"]),
        reset_after_s=float(parameters["t"]),
        quota=quota,
        window_s=window_s,
    )


@functools.lru_cache(maxsize=16)
def _parse_policy(header: str) -> tuple[int | None, float | None]:
    """Quota and window (seconds) of a policy, which is the same in every response."""
    parameters = dict(_PARAMETER.findall(header))
    return (
        int(parameters["q"]) if "q" in parameters else None,
        float(parameters["w"]) if "w" in parameters else None,
    )


def retry_after_s(response: HttpResponse) -> float | None:
    """Seconds until the next request is allowed; None where the server does not say.

    A used-up quota counts before `Retry-After`. A quota that is not used up is not the reason for the refusal, so its
    reset does not count (huggingface_hub 2.4, utils/_http.http_backoff).
    """
    quota = parse_quota(response)
    if quota is not None and quota.remaining == 0 and quota.is_credible:
        # The server's clock may be a little behind ours.
        return min(quota.reset_after_s + 1.0, MAX_RETRY_AFTER_S)
    return parse_retry_after_s(response)


def parse_retry_after_s(response: HttpResponse) -> float | None:
    """Seconds of the header `Retry-After`, a number or a date (RFC 9110, 10.2.3); None where it has neither.

    A date counts from the server's own clock, where the response tells it: the clocks need not agree.
    """
    header = response.headers.get("retry-after", "").strip()
    if header.isascii() and header.isdigit() and len(header) < 9:
        return min(float(header), MAX_RETRY_AFTER_S)
    until_s, now_s = _parse_date_s(header), _parse_date_s(response.headers.get("date", ""))
    now_s = now_s if now_s is not None else response.received_at_s
    if until_s is None or now_s is None:
        return None
    return min(max(until_s - now_s, 0.0), MAX_RETRY_AFTER_S)


def _parse_date_s(text: str) -> float | None:
    """A date of HTTP, as Unix time."""
    try:
        date = email.utils.parsedate_to_datetime(text)
        # Dates of HTTP are in GMT, which some old forms leave out.
        return (date if date.tzinfo is not None else date.replace(tzinfo=datetime.UTC)).timestamp()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
