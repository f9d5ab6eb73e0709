"""The pure parts of the service, as tables."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from resolver import errors
from resolver.answer import build_failure
from resolver.errors import HubUnavailableError, InternalError, RateLimitedError, ResolveError, UnauthorizedError
from resolver.lookup.request import UnusableRequest
from resolver.resolution import Source
from resolver.serving.addresses import is_loopback, name_client
from resolver.serving.rate_limit import Admission, FullError, RateLimit
from resolver.serving.requests import BadRequestError, count_lines, parse_author, parse_query, parse_token, read_ids
from resolver.serving.responses import STATUSES, build_error_headers, build_row, compute_tag, format_wait, get_status
from tests.resolver.test_rows import BASE, FULL

pytestmark = pytest.mark.pure

TOKEN = "hf_of_a_caller_12345"


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        ([], {}),
        ([("revision", "v1"), ("task", "")], {"revision": "v1"}),
        ([("rev", "v1")], "unknown query parameter 'rev': known are revision, task"),
        ([("task", "a"), ("task", "b")], "the query parameter 'task' is there twice"),
    ],
    ids=["empty", "known", "unknown", "twice"],
)
def test_a_query_has_known_parameters_once(items: list[tuple[str, str]], expected: object) -> None:
    found: object
    try:
        found = parse_query(items, ("revision", "task"))
    except BadRequestError as error:
        found = str(error)
    assert found == expected


@pytest.mark.parametrize(
    "values",
    [
        ["Bearer short"],
        ["Basic dXNlcjpwYXNzd29yZA=="],
        [TOKEN],
        [f"Bearer {TOKEN}", f"Bearer {TOKEN}"],
        [f"Bearer {TOKEN} more"],
        [f"Bearer {TOKEN}\u00e9"],
        ["Bearer " + "a" * 600],
    ],
    ids=["short", "basic", "bare", "twice", "two words", "not ASCII", "long"],
)
def test_a_token_that_cannot_be_one_is_refused_and_not_repeated(values: list[str]) -> None:
    with pytest.raises(BadRequestError) as caught:
        parse_token(values)
    assert caught.value.status == 401 and TOKEN not in str(caught.value)


def test_a_token_is_a_bearer_token() -> None:
    assert parse_token([]) is None and parse_token([f"bearer  {TOKEN} "]) == TOKEN


@pytest.mark.parametrize("author", ["a/b", "../x", "<b>", "a" * 97])
def test_an_author_has_a_name(author: str) -> None:
    with pytest.raises(BadRequestError):
        parse_author({"author": author})


def test_ids_are_lines() -> None:
    body = b"acme/a\r\n\n  # no id\n acme/b@v1 \n\xff\xfe\nacme/" + b"x" * 500 + b"\nlast"
    first, second, no_text, long, last = read_ids(body, 400)
    assert (first, second, last) == ("acme/a", "acme/b@v1", "last")
    assert isinstance(no_text, UnusableRequest) and isinstance(long, UnusableRequest)
    assert len(long.repo_id) <= 100 and count_lines(body) >= 7
    assert list(read_ids(b"", 400)) == []


def test_every_error_of_resolving_has_a_status() -> None:
    loading = (errors.ModelLoadError,)
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, ResolveError)]
    assert {kind.code for kind in kinds if not issubclass(kind, loading)} == set(STATUSES)
    assert all(get_status(kind("x")) == STATUSES[kind.code] for kind in kinds if not issubclass(kind, loading))


def test_texts_that_may_name_what_is_the_operators_are_not_told() -> None:
    secret = "proxy.corp.example:3128"
    for error in (HubUnavailableError(secret), InternalError(secret), errors.SettingsError(secret)):
        row = build_row(build_failure("a/b", None, error), has_own_token=False)
        assert secret not in str(row) and row["error"]["code"] == error.code
    refused = build_failure("a/b", None, UnauthorizedError("the token is refused"))
    assert "send one of your own" in build_row(refused, has_own_token=False)["error"]["message"]
    assert "refused" in build_row(refused, has_own_token=True)["error"]["message"]


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(None, "30"), (0.01, "1"), (2.1, "3"), (1e9, "3600")],
    ids=["unknown", "short", "", "long"],
)
def test_waits_are_whole_seconds_within_bounds(seconds: float | None, expected: str) -> None:
    assert format_wait(seconds) == expected
    limited = build_error_headers(RateLimitedError("x", retry_after_s=seconds))
    assert limited["Retry-After"] == expected


def test_a_tag_names_what_an_answer_says_and_by_which_rules() -> None:
    def tag(answer: Any, digest: str = "rules") -> str:
        return compute_tag(build_row(answer, has_own_token=False), digest)

    same = replace(BASE, source=Source.STORE, checked_at_s=5, stale=not BASE.stale)
    assert tag(same) == tag(BASE)
    others = [replace(BASE, commit_hash="9" * 40), replace(BASE, pipeline_tag="other"), FULL]
    assert len({tag(BASE), tag(BASE, "other rules"), *map(tag, others)}) == 5


@pytest.mark.parametrize(
    ("address", "client", "loopback"),
    [
        ("127.0.0.1", "127.0.0.1", True),
        ("::ffff:127.0.0.1", "127.0.0.1", True),
        ("::1", "::/64", True),
        ("localhost", "unknown", True),
        ("2001:db8::1", "2001:db8::/64", False),
        ("2001:db8::2%eth0", "2001:db8::/64", False),
        ("10.0.0.1", "10.0.0.1", False),
        ("0.0.0.0", "0.0.0.0", False),
        (None, "unknown", False),
    ],
)
def test_clients_are_told_apart(address: str | None, client: str, loopback: bool) -> None:
    assert (name_client(address), is_loopback(address)) == (client, loopback)


def test_a_client_may_send_a_burst_and_then_at_its_rate() -> None:
    rate = RateLimit(per_s=2, burst=3, max_clients=10)
    assert [rate.take("a", 0) for _ in range(4)] == [0, 0, 0, 0.5]
    assert rate.take("b", 0) == 0
    assert [rate.take("a", 0.5), rate.take("a", 0.5)] == [0, 0.5]
    # A clock that goes back gives nothing.
    assert rate.take("a", 0.4) > 0
    assert [rate.take("a", 100) for _ in range(4)][-1] > 0


def test_clients_that_are_remembered_are_bounded() -> None:
    rate = RateLimit(per_s=1, burst=1, max_clients=2)
    for client in ("a", "b", "c"):
        assert rate.take(client, 0) == 0
    assert rate.take("c", 0) > 0 and rate.take("a", 0) == 0
    assert [RateLimit(0, 1, 1).take("a", 0) for _ in range(5)] == [0] * 5


def test_one_client_cannot_take_all_places() -> None:
    admission = Admission("requests", max_in_all=3, max_per_client=2)
    with admission.admit("a"), admission.admit("a"):
        with pytest.raises(FullError) as of_client, admission.admit("a"):
            pass
        with admission.admit("b"), pytest.raises(FullError) as in_all, admission.admit("c"):
            pass
    assert (of_client.value.is_of_client, in_all.value.is_of_client, admission.in_all) == (True, False, 0)
