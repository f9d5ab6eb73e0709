"""How many requests an answer costs: cold, lean, warm, stale, pinned, and asked for by many at once."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from registry.facts import CONFIG
from resolver.errors import RepositoryNotFoundError
from resolver.local_hub import Catalog, LocalHub
from resolver.resolution import Resolution, Source
from tests.resolver.support import BERT, BERT_SHA, Clock, answer, answers, open_resolver, settings_for, wait_until

DAY_S = 24 * 3600


def spent(hub: LocalHub) -> dict[str, int]:
    """Requests by kind since this was last asked."""
    counted = dict(hub.count.kind)
    hub.reset_counts()
    return counted


async def test_a_cold_answer_costs_one_api_request_and_two_hops_for_the_config(hub: LocalHub, store: Path) -> None:
    found = await answer(settings_for(hub, store), "acme/bert")
    assert (found.commit_hash, found.library, found.task, found.framework) == (
        BERT_SHA,
        "transformers",
        "fill-mask",
        "pt",
    )
    assert (found.model_class, found.source) == ("AutoModelForMaskedLM", Source.HUB)
    assert spent(hub) == {"model_info": 1, "resolve": 1, "resolve_cache": 1}


@pytest.mark.parametrize(
    ("repo_id", "cost"),
    [
        ("acme/bert", {"model_info": 1}),
        ("acme/sd", {"model_info": 1}),
        ("acme/gguf", {"model_info": 1}),
        ("acme/st", {"model_info": 1}),
    ],
)
async def test_a_lean_answer_costs_one_request_where_the_extract_settles_it(
    hub: LocalHub, store: Path, tmp_path: Path, repo_id: str, cost: dict[str, int]
) -> None:
    lean = await answer(settings_for(hub, store, lean=True), repo_id)
    assert spent(hub) == cost
    eager = await answer(settings_for(hub, tmp_path / "other.sqlite3"), repo_id)
    assert (lean.library, lean.task, lean.model_class, lean.framework) == (
        eager.library,
        eager.task,
        eager.model_class,
        eager.framework,
    )


async def test_a_warm_answer_costs_nothing(hub: LocalHub, store: Path, clock: Clock) -> None:
    cold = await answer(settings_for(hub, store), "acme/bert", clock=clock)
    spent(hub)
    clock.now_s += DAY_S - 1
    warm = await answer(settings_for(hub, store), "acme/bert", clock=clock)
    assert spent(hub) == {} and warm.source is Source.STORE
    assert (warm.decision, warm.commit_hash) == (cold.decision, cold.commit_hash)


async def test_a_stale_answer_costs_one_request_while_the_commit_is_the_same(
    hub: LocalHub, catalog: Catalog, store: Path, clock: Clock
) -> None:
    await answer(settings_for(hub, store), "acme/bert", clock=clock)
    catalog.change("acme/bert", pipeline_tag="feature-extraction")
    spent(hub)
    clock.now_s += DAY_S + 1
    stale = await answer(settings_for(hub, store), "acme/bert", clock=clock)
    assert spent(hub) == {"model_info": 1}
    assert (stale.pipeline_tag, stale.source) == ("feature-extraction", Source.HUB)
    again = await answer(settings_for(hub, store), "acme/bert", clock=clock)
    assert spent(hub) == {} and again.decision == stale.decision


async def test_a_moved_branch_costs_its_new_files(hub: LocalHub, catalog: Catalog, store: Path, clock: Clock) -> None:
    await answer(settings_for(hub, store), "acme/bert", clock=clock)
    head = catalog.push("acme/bert", {CONFIG: {**BERT, "architectures": ["BertForTokenClassification"]}})
    catalog.change("acme/bert", pipeline_tag=None)
    spent(hub)
    clock.now_s += DAY_S + 1
    moved = await answer(settings_for(hub, store), "acme/bert", clock=clock)
    assert spent(hub) == {"model_info": 1, "resolve": 1, "resolve_cache": 1}
    assert (moved.commit_hash, moved.task) == (head, "token-classification")


@pytest.mark.parametrize("repo_id", ["acme/bert", "acme/sd", "acme/st", "acme/gguf"])
async def test_refreshing_an_unchanged_repo_costs_one_request(hub: LocalHub, store: Path, repo_id: str) -> None:
    first = await answer(settings_for(hub, store), repo_id)
    spent(hub)
    refreshed = await answer(settings_for(hub, store, refresh=True), repo_id)
    assert spent(hub) == {"model_info": 1} and refreshed.decision == first.decision


async def test_a_pinned_commit_is_asked_for_once_in_its_life(
    hub: LocalHub, catalog: Catalog, store: Path, clock: Clock
) -> None:
    await answer(settings_for(hub, store), "acme/bert", BERT_SHA, clock=clock)
    assert spent(hub) == {"model_info": 1, "resolve": 1, "resolve_cache": 1}
    catalog.delete("acme/bert")
    clock.now_s += 10 * 365 * DAY_S
    pinned = await answer(settings_for(hub, store), "acme/bert", BERT_SHA, clock=clock)
    assert spent(hub) == {} and pinned.commit_hash == BERT_SHA


async def test_a_commit_known_through_its_branch_is_not_asked_for(hub: LocalHub, store: Path, clock: Clock) -> None:
    await answer(settings_for(hub, store), "acme/bert", clock=clock)
    spent(hub)
    clock.now_s += 10 * DAY_S
    pinned = await answer(settings_for(hub, store), "acme/bert", BERT_SHA, clock=clock)
    assert spent(hub) == {} and (pinned.revision, pinned.commit_hash) == (BERT_SHA, BERT_SHA)


async def test_a_missing_repo_is_believed_for_minutes_only(hub: LocalHub, store: Path, clock: Clock) -> None:
    settings = settings_for(hub, store)
    # The second request asks whether it is a dataset; the file is asked for beside the first.
    for wait_s, cost in ((0, 2), (299, 0), (2, 2)):
        clock.now_s += wait_s
        with pytest.raises(RepositoryNotFoundError, match="acme/none"):
            await answer(settings, "acme/none", clock=clock)
        assert spent(hub).get("model_info", 0) == cost


async def test_fifty_callers_of_one_repo_share_its_requests(hub: LocalHub, store: Path) -> None:
    hub.latency_s = 0.1
    async with open_resolver(settings_for(hub, store)) as resolver:
        found = await asyncio.gather(*(resolver.resolve("acme/bert") for _ in range(50)))
        assert resolver.requests == {"api": 1, "resolvers": 2}
    assert spent(hub) == {"model_info": 1, "resolve": 1, "resolve_cache": 1}
    assert len({item.decision for item in found}) == 1


async def test_duplicates_in_a_batch_share_their_requests(hub: LocalHub, store: Path) -> None:
    found = await answers(settings_for(hub, store), ["acme/bert"] * 16 + ["acme/bert@main"] * 16)
    assert len(found) == 32 and spent(hub) == {"model_info": 1, "resolve": 1, "resolve_cache": 1}


async def test_a_repo_asked_for_again_before_it_is_stored_is_not_asked_for_twice(hub: LocalHub, store: Path) -> None:
    """Not even by a batch in which other work lies between the two."""
    others = [f"acme/none--{number}" for number in range(40)]
    found = await answers(settings_for(hub, store, concurrency=1), ["acme/bert", *others, "acme/bert", "acme/bert"])
    assert [item.repo_id for item in found if isinstance(item, Resolution)] == ["acme/bert"] * 3
    assert spent(hub)["model_info"] == 1


async def test_a_batch_that_is_closed_leaves_its_repo_to_those_who_share_it(hub: LocalHub, store: Path) -> None:
    hub.latency_s = 0.1
    async with open_resolver(settings_for(hub, store)) as resolver:
        batch = resolver.resolve_many(["acme/bert"])
        first = asyncio.ensure_future(anext(batch))
        await wait_until(lambda: resolver.requests.get("api") == 1)
        second = asyncio.create_task(resolver.resolve("acme/bert"))
        await asyncio.sleep(0.02)
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        assert (await second).task == "fill-mask"


async def test_a_caller_that_is_cancelled_takes_nobody_with_it(hub: LocalHub, store: Path) -> None:
    hub.latency_s = 0.1
    async with open_resolver(settings_for(hub, store)) as resolver:
        callers = [asyncio.create_task(resolver.resolve("acme/bert")) for _ in range(5)]
        await wait_until(lambda: resolver.requests.get("api") == 1)
        callers[0].cancel()
        ended = await asyncio.gather(*callers, return_exceptions=True)
    assert isinstance(ended[0], asyncio.CancelledError)
    assert not any(isinstance(item, BaseException) for item in ended[1:])
    assert spent(hub)["model_info"] == 1


async def test_the_work_ends_when_its_last_caller_is_cancelled(
    hub: LocalHub, store: Path, caplog: pytest.LogCaptureFixture
) -> None:
    hub.latency_s = 0.1
    async with open_resolver(settings_for(hub, store)) as resolver:
        callers = [asyncio.create_task(resolver.resolve("acme/bert")) for _ in range(3)]
        await wait_until(lambda: resolver.requests.get("api") == 1)
        for caller in callers:
            caller.cancel()
        ended = await asyncio.gather(*callers, return_exceptions=True)
        assert all(isinstance(item, asyncio.CancelledError) for item in ended)
        await wait_until(lambda: not [task for task in asyncio.all_tasks() if "single_flight" in repr(task)])
        # The same repo can be asked for again at once.
        assert (await resolver.resolve("acme/bert")).task == "fill-mask"
    assert not caplog.records


async def test_the_client_counts_every_hop_and_repetition(hub: LocalHub, store: Path) -> None:
    async with open_resolver(settings_for(hub, store)) as resolver:
        for repo_id in ("acme/bert", "legacy", "acme/sd"):
            await resolver.resolve(repo_id)
        counted = resolver.requests
    assert counted == {name: hub.count.bucket[name] for name in ("api", "resolvers")}


async def test_requests_name_this_package(hub: LocalHub, store: Path) -> None:
    await answer(settings_for(hub, store), "acme/bert")
    assert all(entry.headers["User-Agent"].startswith("hubresolve/") for entry in hub.requests)
