"""`RetryPolicy`: decides whether an error is retried, and after how long. Pure: the waiting is `transport`'s."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeGuard

from resolver.errors import HubError, HubResponseError, HubUnavailableError, RateLimitedError


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """`max_attempts` of a request in all. A response of status 200 that does not parse is retried once
    (`max_attempts_unreadable`): it was probably truncated. Waits begin with `first_wait_s` and double up to
    `max_wait_s`; a wait that the server asked for is at most `max_retry_after_s`.

    All requests for one repo together take at most `max_timeouts` times the timeout of one, and `max_server_waits` of
    the longest waits that a server may ask for.
    """

    max_attempts: int = 5
    max_attempts_unreadable: int = 2
    first_wait_s: float = 0.5
    max_wait_s: float = 8.0
    max_retry_after_s: float = 300.0
    max_timeouts: float = 3.0
    max_server_waits: int = 2

    def attempts(self, error: HubError) -> int:
        """How often a request that ends in `error` is sent in all."""
        if isinstance(error, HubUnavailableError) and error.is_final:
            return 1
        if isinstance(error, (RateLimitedError, HubUnavailableError)):
            return self.max_attempts
        if isinstance(error, HubResponseError) and error.status == 200 and not error.is_final:
            return self.max_attempts_unreadable
        return 1

    def wait_s(self, error: HubError, attempt: int, jitter: float) -> float:
        """Seconds to wait after attempt number `attempt` (from 1) ended in `error`.

        `jitter` is a random number from 0 to 1. A wait that the server asked for is not shortened by it; otherwise the
        wait is between half and all of its step.
        """
        if asks_for_wait(error) and error.retry_after_s is not None:
            return min(error.retry_after_s + jitter * self.first_wait_s, self.max_retry_after_s)
        step_s = min(self.first_wait_s * 2.0 ** (attempt - 1), self.max_wait_s)
        return step_s * (0.5 + jitter / 2)


def asks_for_wait(error: HubError) -> TypeGuard[RateLimitedError | HubUnavailableError]:
    """Whether the server asks for the wait after `error`, or for a wait of any length, as a quota does."""
    return isinstance(error, RateLimitedError) or (
        isinstance(error, HubUnavailableError) and error.retry_after_s is not None
    )


DEFAULT_RETRY = RetryPolicy()
