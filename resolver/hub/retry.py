"""Decides whether an error is retried, and after how long. Pure: the waiting is `transport`'s."""

from __future__ import annotations

from resolver.errors import HubResponseError, HubUnavailableError, RateLimitedError

MAX_ATTEMPTS = 5
MAX_ATTEMPTS_UNREADABLE = 2
"""A response of status 200 that does not parse is retried once: it was probably truncated."""

FIRST_WAIT_S = 0.5
MAX_WAIT_S = 8.0


def max_attempts(error: BaseException) -> int:
    """How often a request that ends in `error` is sent in all."""
    if isinstance(error, (RateLimitedError, HubUnavailableError)):
        return MAX_ATTEMPTS
    if isinstance(error, HubResponseError) and error.status == 200:
        return MAX_ATTEMPTS_UNREADABLE
    return 1


def wait_s(error: BaseException, attempt: int, jitter: float) -> float:
    """Seconds to wait after attempt number `attempt` (from 1) ended in `error`.

    `jitter` is a random number from 0 to 1. The time that the server asked for is never shortened; otherwise the wait
    doubles with each attempt, between half and all of its step.
    """
    if isinstance(error, RateLimitedError) and error.retry_after_s is not None:
        return error.retry_after_s + jitter * FIRST_WAIT_S
    step_s = min(FIRST_WAIT_S * 2.0 ** (attempt - 1), MAX_WAIT_S)
    return step_s * (0.5 + jitter / 2)
