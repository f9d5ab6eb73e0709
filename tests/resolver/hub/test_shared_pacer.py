"""One quota for many resolvers of a store: nearly nothing is refused, and nothing hangs where the store fails."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from resolver.answer import Failure
from resolver.hub.pacing.quota_headers import Quota
from resolver.hub.pacing.shared_pacer import POLL_S, SharedPacer
from resolver.local_hub import HubOptions, LocalHub
from resolver.resolver import Resolver
from store.errors import StoreBusyError, StoreUnavailableError
from store.quotas import LeaseRequest, QuotaLease
from tests.resolver.hub.test_pacing import SHORT
from tests.resolver.support import bert_row, catalog_of, settings_for, wait_until

IDS = [f"org{number}/m" for number in range(160)]


async def resolve_all(store: Path | str, hub: LocalHub, workers: int) -> int:
    """How many repos failed that several resolvers shared."""

    async def work(part: list[str]) -> int:
        async with Resolver(settings_for(hub, store, lean=True), limits=SHORT) as resolver:
            return sum([isinstance(item, Failure) async for item in resolver.resolve_many(part)])

    return sum(await asyncio.gather(*(work(IDS[number::workers]) for number in range(workers))))


async def test_workers_with_one_quota_are_hardly_ever_refused(store: Path) -> None:
    options = HubOptions(quota_api=40, window_s=1.0)
    async with LocalHub(catalog_of(*map(bert_row, IDS)), options) as hub:
        assert await resolve_all(store, hub, workers=4) == 0
        assert hub.count.status[429] <= 0.05 * hub.count.bucket["api"]


class Ledger:
    """A store that gives `granted` requests, or raises `error`."""

    def __init__(self, granted: int = 10, *, error: Exception | None = None) -> None:
        self.granted = granted
        self.error = error
        self.requests: list[LeaseRequest] = []

    async def take(self, request: LeaseRequest) -> QuotaLease:
        self.requests.append(request)
        if self.error is not None:
            raise self.error
        granted = min(self.granted, request.wanted)
        self.granted -= granted
        return QuotaLease(granted=granted, remaining=self.granted, ends_in_s=30.0, retry_in_s=30.0)


async def test_a_lease_is_taken_before_the_first_request_and_given_back_in_the_end() -> None:
    ledger = Ledger()
    pacer = SharedPacer(ledger.take)
    now_s = asyncio.get_running_loop().time()
    assert pacer.wait_s(now_s) == POLL_S and pacer.awaits_response(now_s)
    await wait_until(lambda: pacer.wait_s(now_s) == 0)
    sent = pacer.record_sent(now_s)
    pacer.record_response(Quota(name="api", remaining=9, reset_after_s=30, quota=10, window_s=30), now_s, sent)
    pacer.record_ended(sent)
    await pacer.close()
    assert sum(request.wanted for request in ledger.requests) > 0
    assert ledger.requests[-1].returned > 0 and ledger.requests[-1].wanted == 0


async def test_where_all_is_granted_to_others_the_end_of_the_window_is_waited_for() -> None:
    pacer = SharedPacer(Ledger(0).take)
    now_s = asyncio.get_running_loop().time()
    pacer.wait_s(now_s)
    await wait_until(lambda: pacer.wait_s(now_s) > 20)
    assert not pacer.awaits_response(now_s)


@pytest.mark.parametrize("error", [StoreUnavailableError("no disk"), ValueError("a bug")], ids=["store", "bug"])
async def test_where_the_store_fails_a_process_goes_on_alone(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    pacer = SharedPacer(Ledger(error=error).take)
    now_s = asyncio.get_running_loop().time()
    pacer.wait_s(now_s)
    await wait_until(lambda: pacer.wait_s(now_s) == 0)
    assert "quota is not shared" in caplog.text


async def test_a_busy_store_is_asked_again_and_not_for_ever() -> None:
    ledger = Ledger(error=StoreBusyError("locked"))
    pacer = SharedPacer(ledger.take)
    now_s = asyncio.get_running_loop().time()
    for tries in range(1, 4):
        pacer.wait_s(now_s)
        await wait_until(lambda tries=tries: len(ledger.requests) == tries)  # type: ignore[misc]
        await asyncio.sleep(0)
    assert pacer.wait_s(now_s) == POLL_S
    late_s = now_s + 100
    await wait_until(lambda: pacer.wait_s(late_s) == 0)
    await pacer.close()
