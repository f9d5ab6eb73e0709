"""Quotas: what is sent when, as a table for the pure part, and against a Hub that keeps one."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import pytest

from resolver.hub.bucket import AFTER_RESET_S, BucketState, Ticket
from resolver.hub.limit import AdaptiveLimit
from resolver.hub.quota import Quota
from resolver.hub.silence import PATIENCE_S, SILENT_AFTER, TRY_EVERY_S, Silence
from resolver.local_hub import HubOptions, LocalHub, faults
from resolver.resolution import Failure, Resolution
from tests.resolver.support import answers, bert_row, catalog_of, settings_for

FIRST = Ticket(cost=1, number=0, under_way=0)


def quota(remaining: int, reset_s: float, total: int | None = 500) -> Quota:
    return Quota(name="api", remaining=remaining, reset_after_s=reset_s, quota=total, window_s=300)


def test_an_unknown_quota_holds_nothing_back() -> None:
    assert BucketState().wait_s(0) == 0


def test_most_of_a_window_is_used_without_waiting() -> None:
    state = BucketState()
    state.answered(quota(499, 300), 0, FIRST)
    for _ in range(300):
        assert state.wait_s(1) == 0
        state.sent(1)
        state.ended()


def test_the_last_part_of_a_window_is_spread_out() -> None:
    state = BucketState()
    state.answered(quota(100, 200), 0, FIRST)
    state.sent(0)
    assert 0 < state.wait_s(0) <= 200 / 100


def test_an_empty_window_is_waited_out_and_then_tried_by_one() -> None:
    state = BucketState()
    state.answered(quota(0, 10), 0, FIRST)
    assert state.wait_s(3) == pytest.approx(7 + AFTER_RESET_S)
    after_s = 10 + AFTER_RESET_S
    assert state.wait_s(after_s) == 0
    ticket = state.sent(after_s)
    assert state.wait_s(after_s) > 0
    state.answered(quota(499, 300), after_s, ticket)
    state.ended()
    assert state.wait_s(after_s) == 0


def test_a_refusal_for_a_finer_limit_blocks_for_as_long_as_it_says() -> None:
    state = BucketState()
    state.answered(quota(400, 300), 0, FIRST)
    state.refused(4.0, quota(399, 299), 1)
    assert state.wait_s(1) == 4.0 and state.wait_s(5) == 0


def test_answers_out_of_order_never_make_more_of_a_quota_than_there_is() -> None:
    """A server that counts requests as they arrive, whose answers come back shuffled."""
    generator = random.Random(3)
    state, left, flying = BucketState(), 50, list[tuple[Ticket, int]]()
    state.answered(quota(50, 10, 50), 0, FIRST)
    refused = 0
    for _ in range(400):
        state.next_at_s = 0.0
        if state.wait_s(1) == 0 and len(flying) < 16:
            ticket = state.sent(1)
            refused += left <= 0
            left -= 1
            flying.append((ticket, left))
        elif flying:
            ticket, told = flying.pop(generator.randrange(len(flying)))
            state.answered(quota(max(0, told), 9, 50), 1, ticket)
            state.ended()
    assert left == 0 and refused == 0


async def test_a_limit_shrinks_with_failures_and_grows_back() -> None:
    limit = AdaptiveLimit(8)
    limit.failed()
    assert limit.limit == 4
    for _ in range(100):
        limit.succeeded()
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
    limit = AdaptiveLimit(1)
    await limit.acquire()
    waiting = [asyncio.create_task(limit.acquire()) for _ in range(2)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    limit.release()
    await asyncio.wait_for(waiting[1], 5)


async def test_those_who_wait_longest_are_next() -> None:
    limit = AdaptiveLimit(2)
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
        found = await answers(settings_for(hub, store, lean=True), ids)
        assert all(isinstance(item, Resolution) for item in found)
        assert hub.count.status[429] <= 0.05 * hub.count.bucket["api"]


async def test_one_bucket_that_is_used_up_does_not_stop_the_other(store: Path) -> None:
    ids = [f"org{number}/m" for number in range(30)]
    options = HubOptions(quota_resolvers=20, window_s=1.0)
    async with LocalHub(catalog_of(*map(bert_row, ids)), options) as hub:
        found = await answers(settings_for(hub, store), ids)
        assert all(isinstance(item, Resolution) for item in found)
        assert hub.count.kind["model_info"] == len(ids)


def test_a_silent_hub_is_tried_by_one_at_a_time_and_refused_in_the_end() -> None:
    silence = Silence()
    for _ in range(SILENT_AFTER):
        assert silence.wait_s(10) == 0 and not silence.refuses(10)
        silence.failed(10)
    assert silence.wait_s(10) == 0, "one tries"
    assert 0 < silence.wait_s(10) <= TRY_EVERY_S and not silence.refuses(10)
    late_s = 10 + PATIENCE_S + 1
    assert not silence.refuses(late_s) and silence.wait_s(late_s) == 0, "one still tries"
    assert silence.refuses(late_s)
    silence.answered()
    assert not silence.refuses(late_s) and silence.wait_s(late_s) == 0


async def test_a_hub_that_is_gone_does_not_hold_up_thousands(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("resolver.hub.silence.PATIENCE_S", 0.3)
    monkeypatch.setattr("resolver.hub.retry.FIRST_WAIT_S", 0.01)
    ids = [f"org{number}/m" for number in range(2_000)]
    async with LocalHub(catalog_of(*map(bert_row, ids[:1]))) as hub:
        settings = settings_for(hub, store)
    found = await answers(settings, ids)
    assert {item.error.code for item in found if isinstance(item, Failure)} == {"hub_unavailable"}
    assert len(found) == len(ids)


async def test_a_hub_that_is_gone_for_a_moment_fails_nobody(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("resolver.hub.silence.TRY_EVERY_S", 0.05)
    monkeypatch.setattr("resolver.hub.retry.FIRST_WAIT_S", 0.3)
    ids = [f"org{number}/m" for number in range(200)]
    async with LocalHub(catalog_of(*map(bert_row, ids))) as hub:
        hub.faults.add(faults.Cut(0), "*", times=100)
        found = await answers(settings_for(hub, store, lean=True), ids)
    assert all(isinstance(item, Resolution) for item in found)
