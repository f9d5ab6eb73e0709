"""Who may be told what was learned, and that it is learned only once."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from resolver.local_hub import LocalHub
from resolver.resolution import Resolution
from tests.resolver.support import READER, answers, codes, open_resolver, settings_for


async def test_a_repo_missing_for_others_is_asked_for_with_a_token(hub: LocalHub, store: Path) -> None:
    assert await codes(settings_for(hub, store), ["acme/private"]) == ["repo_not_found"]
    assert await codes(settings_for(hub, store, token=READER), ["acme/private"]) == [None]


async def test_a_gated_repo_seen_from_outside_is_asked_for_with_a_token(hub: LocalHub, store: Path) -> None:
    hub.catalog.change("acme/gated", extract={}, pipeline_tag="text-ranking")
    await codes(settings_for(hub, store), ["acme/gated"])
    (inside,) = await answers(settings_for(hub, store, token=READER), ["acme/gated"])
    assert isinstance(inside, Resolution) and inside.architecture == "BertForMaskedLM"


async def test_a_gated_repo_that_was_opened_is_read_at_the_next_check(hub: LocalHub, store: Path) -> None:
    hub.catalog.change("acme/gated", extract={}, pipeline_tag="text-ranking", gated="manual")
    await codes(settings_for(hub, store), ["acme/gated"])
    hub.catalog.change("acme/gated", gated=None)
    (inside,) = await answers(settings_for(hub, store, refresh=True), ["acme/gated"])
    assert isinstance(inside, Resolution) and inside.architecture == "BertForMaskedLM"


async def test_a_repo_that_turned_private_is_known_to_its_token_with_all_its_facts(hub: LocalHub, store: Path) -> None:
    await codes(settings_for(hub, store), ["acme/bert"])
    hub.catalog.change("acme/bert", private=True)
    await codes(settings_for(hub, store, token=READER, refresh=True), ["acme/bert"])
    hub.reset_counts()
    assert await codes(settings_for(hub, store, token=READER), ["acme/bert"]) == [None]
    assert hub.count.total == 0
    (offline,) = await answers(settings_for(hub, store, token=READER, offline=True), ["acme/bert"])
    assert isinstance(offline, Resolution)


async def test_what_was_seen_without_a_token_answers_offline_with_one(hub: LocalHub, store: Path) -> None:
    await codes(settings_for(hub, store), ["acme/gated"])
    assert await codes(settings_for(hub, store, token=READER, offline=True), ["acme/gated"]) == [None]


async def test_fifty_callers_of_a_fast_hub_cost_one_look_up(hub: LocalHub, store: Path) -> None:
    async with open_resolver(settings_for(hub, store)) as resolver:
        await asyncio.gather(*(resolver.resolve("acme/bert") for _ in range(50)))
        assert resolver.requests == {"api": 1, "resolvers": 2}


async def test_a_repo_wanted_in_many_chunks_of_a_batch_costs_one_look_up(hub: LocalHub, store: Path) -> None:
    async with open_resolver(settings_for(hub, store)) as resolver:
        async for item in resolver.resolve_many(["acme/bert"] * 3_000):
            assert isinstance(item, Resolution)
        assert resolver.requests == {"api": 1, "resolvers": 2}


async def test_leaving_a_batch_early_leaves_no_trace(
    hub: LocalHub, store: Path, caplog: pytest.LogCaptureFixture
) -> None:
    hub.latency_s = 0.02
    async with open_resolver(settings_for(hub, store)) as resolver:
        async for _ in resolver.resolve_many(["acme/bert", "acme/sd", "acme/st", "legacy", "single"]):
            break
    await asyncio.sleep(0.1)
    assert not caplog.records
