"""Which errors are retried, how often and after how long, as a table."""

from __future__ import annotations

import pytest

from resolver.errors import GatedRepoError, HubError, HubResponseError, HubUnavailableError, RateLimitedError
from resolver.hub.retry import RetryPolicy

pytestmark = pytest.mark.pure

POLICY = RetryPolicy(
    max_attempts=5, max_attempts_unreadable=2, first_wait_s=0.5, max_wait_s=8.0, max_retry_after_s=100.0
)


def final(error: HubUnavailableError) -> HubUnavailableError:
    error.is_final = True
    return error


@pytest.mark.parametrize(
    ("error", "attempts"),
    [
        (HubUnavailableError("down"), 5),
        (final(HubUnavailableError("the certificate is not trusted")), 1),
        (RateLimitedError("quota"), 5),
        (HubResponseError("truncated", status=200), 2),
        (HubResponseError("odd", status=400), 1),
        (HubResponseError("redirect loop"), 1),
        (GatedRepoError("gated", status=403), 1),
    ],
)
def test_only_what_may_pass_is_retried(error: HubError, attempts: int) -> None:
    assert POLICY.attempts(error) == attempts


@pytest.mark.parametrize(
    ("error", "attempt", "jitter", "wait_s"),
    [
        (HubUnavailableError("down"), 1, 0.0, 0.25),
        (HubUnavailableError("down"), 1, 1.0, 0.5),
        (HubUnavailableError("down"), 2, 1.0, 1.0),
        (HubUnavailableError("down"), 9, 1.0, 8.0),
        (RateLimitedError("quota", retry_after_s=7.0), 1, 0.0, 7.0),
        (RateLimitedError("quota", retry_after_s=7.0), 4, 1.0, 7.5),
        (RateLimitedError("quota", retry_after_s=10_000.0), 1, 0.0, 100.0),
        (RateLimitedError("quota"), 1, 1.0, 0.5),
    ],
)
def test_waits_double_and_a_wait_that_was_asked_for_is_kept(
    error: HubError, attempt: int, jitter: float, wait_s: float
) -> None:
    assert POLICY.wait_s(error, attempt, jitter) == wait_s
