"""Quotas: what is sent when, as a table for the pure part, and against a Hub that keeps one."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import pytest

from resolver.answer import Failure
from resolver.hub.pacing.circuit_breaker import DEFAULT_BREAKER, BreakerPolicy, CircuitBreaker
from resolver.hub.pacing.concurrency_limit import AdaptiveConcurrencyLimit
from resolver.hub.pacing.quota_headers import Quota
from resolver.hub.pacing.quota_pacer import RESET_MARGIN_S, QuotaPacer, SentRequest
from resolver.hub.retry import RetryPolicy
from resolver.limits import Limits
from resolver.local_hub import HubOptions, LocalHub, faults
from resolver.resolution import Resolution
from tests.resolver.support import answers, bert_row, catalog_of, settings_for

pytestmark = pytest.mark.pure
SHORT = Limits(retry=RetryPolicy(first_wait_s=0.002, max_wait_s=0.004))
"""Short waits between attempts, and waits for the quota as long as the Hub says."""

FIRST = SentRequest(cost=1, number=0, in_flight=0)


def quota(remaining: int, reset_s: float, total: int | None = 500) -> Quota:
    return Quota(name="api", remaining=remaining, reset_after_s=reset_s, quota=total, window_s=300)


def test_an_unknown_quota_holds_nothing_back() -> None:
    assert QuotaPacer().wait_s(0) == 0


def test_most_of_a_window_is_used_without_waiting() -> None:
    pacer = QuotaPacer()
    pacer.record_response(quota(499, 300), 0, FIRST)
    for _ in range(300):
        assert pacer.wait_s(1) == 0
        pacer.record_sent(1)
        pacer.record_ended()


def test_the_last_part_of_a_window_is_spread_out() -> None:
    pacer = QuotaPacer()
    pacer.record_response(quota(100, 200), 0, FIRST)
    pacer.record_sent(0)
    assert 0 < pacer.wait_s(0) <= 200 / 100


def test_an_empty_window_is_waited_out_and_then_tried_by_one() -> None:
    pacer = QuotaPacer()
    pacer.record_response(quota(0, 10), 0, FIRST)
    assert pacer.wait_s(3) == pytest.approx(7 + RESET_MARGIN_S)
    after_s = 10 + RESET_MARGIN_S
    assert pacer.wait_s(after_s) == 0
    sent = pacer.record_sent(after_s)
    assert pacer.wait_s(after_s) > 0
    pacer.record_response(quota(499, 300), after_s, sent)
    pacer.record_ended()
    assert pacer.wait_s(after_s) == 0


def test_a_refusal_for_a_finer_limit_blocks_for_as_long_as_it_says() -> None:
    pacer = QuotaPacer()
    pacer.record_response(quota(400, 300), 0, FIRST)
    pacer.record_refusal(4.0, quota(399, 299), 1)
    assert pacer.wait_s(1) == 4.0 and pacer.wait_s(5) == 0


def test_answers_out_of_order_never_make_more_of_a_quota_than_there_is() -> None:
    """A server that counts requests as they arrive, whose answers come back shuffled."""
    generator = random.Random(3)
    pacer, left, flying = QuotaPacer(), 50, list[tuple[SentRequest, int]]()
    pacer.record_response(quota(50, 10, 50), 0, FIRST)
    refused = 0
    for _ in range(400):
        pacer.next_at_s = 0.0
        if pacer.wait_s(1) == 0 and len(flying) < 16:
            sent = pacer.record_sent(1)
            refused += left <= 0
            left -= 1
            flying.append((sent, left))
        elif flying:
            sent, told = flying.pop(generator.randrange(len(flying)))
            pacer.record_response(quota(max(0, told), 9, 50), 1, sent)
            pacer.record_ended()
    assert left == 0 and refused == 0


async def test_a_limit_shrinks_with_failures_and_grows_back() -> None:
    limit = AdaptiveConcurrencyLimit(8)
    limit.record_failure()
    assert limit.limit == 4
    for _ in range(100):
        limit.record_success()
    assert limit.limit == 8
    running = most = 0

    async def work() -> None:
        nonlocal running, most
        await limit.acquire()
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        running -= 1
        limit.release()

    await asyncio.gather(*(work() for _ in range(50)))
    assert most == 8


async def test_a_cancelled_waiter_passes_its_turn_on() -> None:
    limit = AdaptiveConcurrencyLimit(1)
    await limit.acquire()
    waiting = [asyncio.create_task(limit.acquire()) for _ in range(2)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    limit.release()
    await waiting[1]


async def test_those_who_wait_longest_are_next() -> None:
    limit = AdaptiveConcurrencyLimit(2)
    order: list[int] = []
    work = iter(range(40))

    async def worker() -> None:
        for number in work:
            await limit.acquire()
            order.append(number)
            await asyncio.sleep(0)
            limit.release()

    await asyncio.gather(*(worker() for _ in range(6)))
    assert order == sorted(order)


async def test_a_run_longer_than_its_quota_is_hardly_ever_refused(store: Path) -> None:
    ids = [f"org{number}/m" for number in range(150)]
    options = HubOptions(quota_api=40, window_s=1.0)
    async with LocalHub(catalog_of(*map(bert_row, ids)), options) as hub:
        found = await answers(settings_for(hub, store, lean=True), ids, limits=SHORT)
        assert all(isinstance(item, Resolution) for item in found)
        assert hub.count.status[429] <= 0.05 * hub.count.bucket["api"]


async def test_one_bucket_that_is_used_up_does_not_stop_the_other(store: Path) -> None:
    ids = [f"org{number}/m" for number in range(30)]
    options = HubOptions(quota_resolvers=20, window_s=1.0)
    async with LocalHub(catalog_of(*map(bert_row, ids)), options) as hub:
        found = await answers(settings_for(hub, store), ids, limits=SHORT)
        assert all(isinstance(item, Resolution) for item in found)
        assert hub.count.kind["model_info"] == len(ids)


def test_a_silent_hub_is_tried_by_one_at_a_time_and_refused_in_the_end() -> None:
    breaker = CircuitBreaker()
    for _ in range(DEFAULT_BREAKER.failure_threshold):
        assert breaker.wait_s(10) == 0 and not breaker.is_open(10)
        breaker.record_failure(10)
    assert breaker.wait_s(10) == 0, "one tries"
    assert 0 < breaker.wait_s(10) <= DEFAULT_BREAKER.probe_interval_s and not breaker.is_open(10)
    late_s = 10 + DEFAULT_BREAKER.open_after_s + 1
    assert not breaker.is_open(late_s) and breaker.wait_s(late_s) == 0, "one still tries"
    assert breaker.is_open(late_s)
    breaker.record_success()
    assert not breaker.is_open(late_s) and breaker.wait_s(late_s) == 0


async def test_a_hub_that_is_gone_does_not_hold_up_thousands(store: Path) -> None:
    limits = Limits(breaker=BreakerPolicy(open_after_s=0.3), retry=RetryPolicy(first_wait_s=0.01, max_wait_s=0.004))
    ids = [f"org{number}/m" for number in range(2_000)]
    async with LocalHub(catalog_of(*map(bert_row, ids[:1]))) as hub:
        settings = settings_for(hub, store)
    found = await answers(settings, ids, limits=limits)
    assert {item.error.code for item in found if isinstance(item, Failure)} == {"hub_unavailable"}
    assert len(found) == len(ids)


async def test_a_hub_that_is_gone_for_a_moment_fails_nobody(store: Path) -> None:
    limits = Limits(breaker=BreakerPolicy(probe_interval_s=0.05), retry=RetryPolicy(first_wait_s=0.3, max_wait_s=0.004))
    ids = [f"org{number}/m" for number in range(200)]
    async with LocalHub(catalog_of(*map(bert_row, ids))) as hub:
        hub.faults.add(faults.Cut(0), "*", times=100)
        found = await answers(settings_for(hub, store, lean=True), ids, limits=limits)
    assert all(isinstance(item, Resolution) for item in found)
