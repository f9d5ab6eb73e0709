"""When an error is worth asking again for, and after how long. Pure: the waiting is the client's."""

from __future__ import annotations

from resolver.errors import HubResponseError, HubUnavailableError, RateLimitedError

MAX_ATTEMPTS = 5
MAX_ATTEMPTS_UNREADABLE = 2
"""An answer of status 200 that does not parse was most likely cut on its way; twice is no accident."""

FIRST_WAIT_S = 0.5
LONGEST_WAIT_S = 8.0


def attempts_for(error: BaseException | None) -> int:
    """How often a request that ends in `error` is sent in all."""
    if isinstance(error, (RateLimitedError, HubUnavailableError)):
        return MAX_ATTEMPTS
    if isinstance(error, HubResponseError) and error.status == 200:
        return MAX_ATTEMPTS_UNREADABLE
    return 1


def wait_s(error: BaseException | None, attempt: int, jitter: float) -> float:
    """Seconds to wait after attempt number `attempt` (from 1) ended in `error`.

    `jitter` is a random number from 0 to 1. What the server asked for is never cut short; otherwise the wait grows
    twofold, between half and all of its step.
    """
    if isinstance(error, RateLimitedError) and error.retry_after_s is not None:
        return error.retry_after_s + jitter * FIRST_WAIT_S
    step_s = min(FIRST_WAIT_S * 2.0 ** (attempt - 1), LONGEST_WAIT_S)
    return step_s * (0.5 + jitter / 2)
