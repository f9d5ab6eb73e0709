"""A server that asks for a wait, by a number or by a date, with 429 or 503, is not asked before."""

from __future__ import annotations

import datetime
import email.utils
from pathlib import Path

import pytest

from resolver.errors import HubUnavailableError, RateLimitedError
from resolver.hub.retry import RetryPolicy
from resolver.limits import Limits
from resolver.local_hub import LocalHub, faults
from tests.resolver.support import answer, open_resolver, settings_for

BOUND_S = 0.06
LIMITS = Limits(retry=RetryPolicy(first_wait_s=0.0, max_wait_s=0.0, max_retry_after_s=BOUND_S))
"""Other waits take no time: what is waited is what the server asked for, up to the bound."""


def in_ten_minutes() -> str:
    return email.utils.format_datetime(datetime.datetime.now(datetime.UTC) + datetime.timedelta(minutes=10), True)


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("form", ["seconds", "date"])
async def test_the_wait_that_is_asked_for_is_kept_and_said(
    hub: LocalHub,
    store: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    status: int,
    form: str,
) -> None:
    monkeypatch.setattr("resolver.hub.transport.MIN_SAID_WAIT_S", 0.0)
    header = {"Retry-After": "600" if form == "seconds" else in_ten_minutes()}
    hub.faults.add(faults.Reply(status=status, headers=header, drop=faults.RATE_LIMIT_HEADERS), "/api/models/*")
    async with open_resolver(settings_for(hub, store, lean=True), limits=LIMITS) as resolver:
        found = await resolver.resolve("acme/bert")
        assert resolver.longest_wait_s == BOUND_S
    assert found.task == "fill-mask" and hub.count.kind["model_info"] == 2
    said = {
        429: "the Hub's quota of API requests is used up",
        503: "the Hub fails with status 503, and asks for a wait",
    }
    assert said[status] in caplog.text


async def test_a_503_without_a_wait_is_tried_again_as_ever(hub: LocalHub, store: Path) -> None:
    hub.faults.add(faults.failing(503), "/api/models/*")
    async with open_resolver(settings_for(hub, store, lean=True), limits=LIMITS) as resolver:
        assert (await resolver.resolve("acme/bert")).task == "fill-mask"
        assert resolver.longest_wait_s == 0.0


@pytest.mark.parametrize(("status", "kind"), [(429, RateLimitedError), (503, HubUnavailableError)])
async def test_the_error_tells_the_wait(
    hub: LocalHub, store: Path, status: int, kind: type[RateLimitedError | HubUnavailableError]
) -> None:
    reply = faults.Reply(status=status, headers={"Retry-After": "7"}, drop=faults.RATE_LIMIT_HEADERS)
    hub.faults.add(reply, "*", times=None)
    with pytest.raises(kind) as caught:
        await answer(settings_for(hub, store), "acme/bert")
    assert isinstance(caught.value, (RateLimitedError, HubUnavailableError)) and caught.value.retry_after_s == 7.0
