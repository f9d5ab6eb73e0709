"""Which errors are retried, how often and after how long, as a table."""

from __future__ import annotations

import datetime

import pytest

from resolver.errors import GatedRepoError, HubError, HubResponseError, HubUnavailableError, RateLimitedError
from resolver.hub.http_errors import error_from_response
from resolver.hub.pacing.quota_headers import MAX_RETRY_AFTER_S, parse_retry_after_s
from resolver.hub.response import HttpResponse
from resolver.hub.retry import RetryPolicy
from resolver.repo_id import RepoRevision

pytestmark = pytest.mark.pure

POLICY = RetryPolicy(
    max_attempts=5, max_attempts_unreadable=2, first_wait_s=0.5, max_wait_s=8.0, max_retry_after_s=100.0
)


def final(error: HubUnavailableError) -> HubUnavailableError:
    error.is_final = True
    return error


def busy(error: HubUnavailableError, retry_after_s: float) -> HubUnavailableError:
    error.retry_after_s = retry_after_s
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
        (busy(HubUnavailableError("down"), 7.0), 3, 1.0, 7.5),
        (busy(HubUnavailableError("down"), 0.0), 1, 0.0, 0.0),
        (busy(HubUnavailableError("down"), 10_000.0), 1, 0.0, 100.0),
    ],
)
def test_waits_double_and_a_wait_that_was_asked_for_is_kept(
    error: HubError, attempt: int, jitter: float, wait_s: float
) -> None:
    assert POLICY.wait_s(error, attempt, jitter) == wait_s


NOW = "Wed, 21 Oct 2026 07:28:00 GMT"


@pytest.mark.parametrize(
    ("header", "date", "wait_s"),
    [
        ("120", None, 120.0),
        (" 0 ", None, 0.0),
        ("Wed, 21 Oct 2026 07:30:00 GMT", NOW, 120.0),
        ("Wednesday, 21-Oct-26 07:30:00 GMT", NOW, 120.0),
        ("Wed Oct 21 07:30:00 2026", NOW, 120.0),
        ("Wed, 21 Oct 2026 07:20:00 GMT", NOW, 0.0),
        ("Wed, 21 Oct 2026 07:30:00 GMT", None, 60.0),
        ("Wed, 21 Oct 2026 07:30:00 GMT", "yesterday", 60.0),
        ("Fri, 31 Dec 2100 23:59:59 GMT", NOW, MAX_RETRY_AFTER_S),
        ("99999999", None, MAX_RETRY_AFTER_S),
        ("-5", None, None),
        ("1.5", None, None),
        ("soon", NOW, None),
        ("", NOW, None),
        ("Wed, 99 Oct 2026 07:30:00 GMT", NOW, None),
    ],
)
def test_retry_after_is_a_number_or_a_date(header: str, date: str | None, wait_s: float | None) -> None:
    headers = {"retry-after": header, **({"date": date} if date is not None else {})}
    # This machine's clock is a minute ahead of the server's.
    received_at_s = datetime.datetime(2026, 10, 21, 7, 29, tzinfo=datetime.UTC).timestamp()
    response = HttpResponse(status=503, headers=headers, received_at_s=received_at_s)
    assert parse_retry_after_s(response) == wait_s
    error = error_from_response(response, RepoRevision("acme/bert"), has_token=False)
    assert isinstance(error, HubUnavailableError) and error.retry_after_s == wait_s
