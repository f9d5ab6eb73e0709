"""`resolve_many`: order, bounded memory, every kind of input, and nothing left behind."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from pathlib import Path

import pytest

from resolver.answer import Failure
from resolver.concurrency.ordered_pool import DEFAULT_LIMITS, PoolLimits
from resolver.limits import Limits
from resolver.local_hub import LocalHub, faults
from resolver.lookup.request import Request
from resolver.resolution import Resolution, Source
from tests.resolver.support import (
    answers,
    bert_row,
    catalog_of,
    open_resolver,
    settings_for,
    wait_until,
    wait_until_settled,
)

MOST_AHEAD = 2 * DEFAULT_LIMITS.max_unfinished + 3 * DEFAULT_LIMITS.max_batch
IDS = [f"org{number:03}/m" for number in range(100)]


@pytest.fixture
def many() -> list[dict[str, object]]:
    """A hundred ordinary repos."""
    return [bert_row(repo_id) for repo_id in IDS]


async def as_stream(ids: list[str], pause_s: float = 0.0) -> AsyncIterator[str]:
    for repo_id in ids:
        await asyncio.sleep(pause_s)
        yield repo_id


def own_tasks() -> set[asyncio.Task[object]]:
    """Tasks of the resolver that are still there, besides the test's own and the servers'."""
    return {task for task in asyncio.all_tasks() if "/resolver/" in repr(task) and "/local_hub/" not in repr(task)
            and "/tests/" not in repr(task)}  # fmt: skip


@pytest.mark.parametrize("streamed", [False, True])
async def test_answers_come_in_the_order_asked_for(many: list[dict[str, object]], store: Path, streamed: bool) -> None:
    async with LocalHub(catalog_of(*many)) as hub:
        hub.faults.add(faults.Stall(0.1), f"/api/models/{IDS[0]}/*")
        found = await answers(settings_for(hub, store), as_stream(IDS) if streamed else IDS)
    assert [item.repo_id for item in found] == IDS


@pytest.mark.parametrize("streamed", [False, True])
async def test_unordered_answers_come_as_they_are_there(
    many: list[dict[str, object]], store: Path, streamed: bool
) -> None:
    async with LocalHub(catalog_of(*many)) as hub:
        release = asyncio.Event()
        hub.faults.add(faults.Hold(release.wait), f"/api/models/{IDS[0]}/*")
        found = []
        async with open_resolver(settings_for(hub, store)) as resolver:
            async for item in resolver.resolve_many(as_stream(IDS) if streamed else IDS, ordered=False):
                found.append(item.repo_id)
                if len(found) == len(IDS) - 1:
                    release.set()
    assert sorted(found) == IDS and found[-1] == IDS[0]


async def test_an_answer_does_not_wait_for_input_that_is_still_to_come(hub: LocalHub, store: Path) -> None:
    release = asyncio.Event()

    async def slow() -> AsyncIterator[str]:
        yield "acme/bert"
        await release.wait()
        yield "acme/sd"

    async with open_resolver(settings_for(hub, store)) as resolver:
        async with aclosing(resolver.resolve_many(slow())) as stream:
            first = await anext(stream)
            release.set()
            rest = [item async for item in stream]
    assert (first.repo_id, [item.repo_id for item in rest]) == ("acme/bert", ["acme/sd"])


@pytest.mark.parametrize("ordered", [False, True])
@pytest.mark.parametrize("known", [False, True], ids=["asked", "known"])
async def test_endless_input_is_read_only_as_far_ahead_as_there_is_work(
    hub: LocalHub, store: Path, ordered: bool, known: bool
) -> None:
    read = taken = farthest = 0

    def endless() -> Iterator[str]:
        nonlocal read
        while True:
            read += 1
            yield "acme/bert" if known else f"acme/none--{read}" if read % 2 else "acme/bert"

    async with open_resolver(settings_for(hub, store)) as resolver:
        await resolver.resolve("acme/bert")
        async with aclosing(resolver.resolve_many(endless(), ordered=ordered)) as stream:
            async for _ in stream:
                taken += 1
                farthest = max(farthest, read - taken)
                if taken == 12_000:
                    break
    assert farthest <= MOST_AHEAD


async def test_input_is_not_read_while_nobody_takes_answers(hub: LocalHub, store: Path) -> None:
    read = 0

    async def endless() -> AsyncIterator[str]:
        nonlocal read
        while True:
            read += 1
            yield "acme/bert"
            await asyncio.sleep(0)

    async with open_resolver(settings_for(hub, store)) as resolver:
        async with aclosing(resolver.resolve_many(endless())) as stream:
            await anext(stream)
            assert await wait_until_settled(lambda: min(read, MOST_AHEAD + 1)) <= MOST_AHEAD


async def test_a_slow_repo_holds_up_no_more_than_the_window(many: list[dict[str, object]], store: Path) -> None:
    limits = Limits(pool=PoolLimits(max_batch=30, max_unfinished=30))
    async with LocalHub(catalog_of(*many), latency_s=0.005) as hub:
        release = asyncio.Event()
        hub.faults.add(faults.Hold(release.wait), f"/api/models/{IDS[20]}/*")
        settings = settings_for(hub, store, lean=True, concurrency=4)
        batch = asyncio.create_task(answers(settings, IDS, limits=limits))
        # Twenty come before it, and thirty are under way beside it while it is waited for: of the next chunk too.
        await wait_until(lambda: hub.count.total >= 49)
        assert await wait_until_settled(lambda: hub.count.total) <= 52
        release.set()
        assert [item.repo_id for item in await batch] == IDS


async def test_ids_come_in_every_form(hub: LocalHub, store: Path, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_text('{"model_type": "bert", "architectures": ["BertModel"]}')
    ids: list[Request] = [
        *("acme/bert", "acme/bert@main", ("acme/bert", "main"), ("acme/bert", None), ("acme/bert", "a" * 40)),
        *(folder, str(folder)),
    ]
    found = await answers(settings_for(hub, store), iter(ids))
    assert all(isinstance(item, Resolution) for item in found)
    assert [item.revision for item in found[:5]] == ["main", "main", "main", "main", "a" * 40]
    assert [item.source for item in found[5:] if isinstance(item, Resolution)] == [Source.LOCAL] * 2


async def test_a_revision_for_all_counts_for_those_that_name_none(hub: LocalHub, store: Path) -> None:
    ids: list[Request] = ["acme/bert", "acme/bert@main", ("acme/bert", "main"), ("acme/bert", None)]
    found = await answers(settings_for(hub, store), ids, revision="a" * 40)
    assert [item.revision for item in found] == ["a" * 40, "main", "main", "a" * 40]


@pytest.mark.parametrize("empty", [[], iter(()), as_stream([])], ids=["list", "iterator", "stream"])
async def test_no_ids_give_no_answers(hub: LocalHub, store: Path, empty: list[str]) -> None:
    assert await answers(settings_for(hub, store), empty) == []


class BrokenInputError(Exception):
    pass


def broken() -> Iterator[str]:
    yield "acme/bert"
    raise BrokenInputError


async def broken_stream() -> AsyncIterator[str]:
    yield "acme/bert"
    await asyncio.sleep(0.05)
    raise BrokenInputError


@pytest.mark.parametrize("ordered", [False, True])
@pytest.mark.parametrize("make", [broken, broken_stream])
async def test_an_input_that_fails_fails_the_batch_with_its_own_error(
    hub: LocalHub, store: Path, make: type, ordered: bool
) -> None:
    with pytest.raises(BrokenInputError):
        await answers(settings_for(hub, store), make(), ordered=ordered)
    await asyncio.sleep(0)
    assert not own_tasks()


@pytest.mark.parametrize("ordered", [False, True])
async def test_a_batch_that_is_closed_early_leaves_nothing_running(
    many: list[dict[str, object]], store: Path, ordered: bool, caplog: pytest.LogCaptureFixture
) -> None:
    async with LocalHub(catalog_of(*many), latency_s=0.02) as hub:
        async with open_resolver(settings_for(hub, store, concurrency=4)) as resolver:
            async with aclosing(resolver.resolve_many(IDS, ordered=ordered)) as stream:
                await anext(stream)
            await wait_until(lambda: not own_tasks())
            assert await wait_until_settled(lambda: hub.count.total) < len(IDS)
            assert isinstance(await resolver.resolve(IDS[-1]), Resolution)
    assert not caplog.records


async def test_a_batch_that_is_cancelled_leaves_nothing_running(
    many: list[dict[str, object]], store: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with LocalHub(catalog_of(*many), latency_s=0.02) as hub:
        task = asyncio.create_task(answers(settings_for(hub, store, concurrency=4), IDS))
        while hub.count.kind["resolve_cache"] < 20:
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not own_tasks() and not caplog.records
        # What had been answered is remembered.
        again = await answers(settings_for(hub, store, offline=True), IDS)
    assert not all(isinstance(item, Failure) for item in again)


async def test_two_batches_of_one_resolver_do_not_disturb_each_other(
    many: list[dict[str, object]], store: Path
) -> None:
    async with LocalHub(catalog_of(*many)) as hub:
        async with open_resolver(settings_for(hub, store)) as resolver:

            async def collect(ids: list[str]) -> list[str]:
                return [item.repo_id async for item in resolver.resolve_many(ids)]

            forward, backward = await asyncio.gather(collect(IDS), collect(IDS[::-1]))
    assert forward == IDS and backward == IDS[::-1]


async def test_no_more_requests_are_under_way_than_allowed(many: list[dict[str, object]], store: Path) -> None:
    under_way = most = 0
    async with LocalHub(catalog_of(*many), latency_s=0.01) as hub:
        app = hub._app
        handle = app.handle

        async def counting(request: object) -> object:
            nonlocal under_way, most
            under_way += 1
            most = max(most, under_way)
            try:
                return await handle(request)  # type: ignore[arg-type]
            finally:
                under_way -= 1

        app.handle = counting  # type: ignore[method-assign, assignment]
        await answers(settings_for(hub, store, concurrency=3), IDS[:30])
    assert most <= 2 * 3
