"""While the Hub does not answer: what is known, how old it is, and when it is the answer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from resolver.cache.freshness import may_stand_in
from resolver.errors import HubUnavailableError, ResolveError
from resolver.local_hub import Catalog, HubOptions, LocalHub, faults
from resolver.resolution import Source
from tests.resolver.support import (
    BERT_SHA,
    READER,
    TOKENS,
    Clock,
    answer,
    answers,
    catalog_of,
    code_of,
    run,
    settings_for,
)

DAY_S = 86_400.0


def fail(hub: LocalHub) -> None:
    hub.faults.clear()
    hub.faults.add(faults.failing(503), "*", times=None)


async def test_a_stale_answer_is_given_and_marked_as_far_as_the_setting_allows(
    hub: LocalHub, store: Path, clock: Clock
) -> None:
    await answer(settings_for(hub, store), "acme/bert", clock=clock)
    fail(hub)
    clock.now_s += 3 * DAY_S
    settings = settings_for(hub, store, max_stale_s=4 * DAY_S)
    found = await answer(settings, "acme/bert", clock=clock)
    assert (found.commit_hash, found.task, found.source) == (BERT_SHA, "fill-mask", Source.STORE)
    assert found.stale and found.checked_at_s == int(clock.now_s - 3 * DAY_S)
    clock.now_s += 2 * DAY_S
    with pytest.raises(HubUnavailableError) as caught:
        await answer(settings, "acme/bert", clock=clock)
    assert f"an answer for commit {BERT_SHA}, checked 5 days ago" in str(caught.value)
    assert "--max-stale" in str(caught.value) and caught.value.status == 503 and caught.value.attempts > 1


async def test_the_answer_is_fresh_again_once_the_hub_is_back(hub: LocalHub, store: Path, clock: Clock) -> None:
    settings = settings_for(hub, store, max_stale_s=4 * DAY_S)
    await answer(settings, "acme/bert", clock=clock)
    clock.now_s += 3 * DAY_S
    fail(hub)
    assert (await answer(settings, "acme/bert", clock=clock)).stale
    hub.faults.clear()
    found = await answer(settings, "acme/bert", clock=clock)
    assert not found.stale and found.checked_at_s == int(clock.now_s)


async def test_a_refresh_that_fails_is_marked_however_recent_the_check(
    hub: LocalHub, store: Path, clock: Clock
) -> None:
    await answer(settings_for(hub, store), "acme/bert", clock=clock)
    fail(hub)
    refresh = settings_for(hub, store, refresh=True, max_stale_s=60.0)
    assert (await answer(refresh, "acme/bert", clock=clock)).stale
    with pytest.raises(HubUnavailableError, match="checked just now"):
        await answer(settings_for(hub, store, refresh=True), "acme/bert", clock=clock)


@pytest.mark.parametrize("asked", [{"task": "feature-extraction"}, {"library": "transformers"}])
async def test_another_question_about_a_known_commit_is_answered_too(
    hub: LocalHub, store: Path, clock: Clock, asked: dict[str, Any]
) -> None:
    await answer(settings_for(hub, store), "acme/bert", clock=clock)
    fail(hub)
    clock.now_s += 3 * DAY_S
    found = await answer(settings_for(hub, store, max_stale_s=9 * DAY_S), "acme/bert", clock=clock, **asked)
    assert found.stale and found.task == asked.get("task", "fill-mask")


async def test_what_is_not_known_or_withdrawn_stays_an_error(
    hub: LocalHub, catalog: Catalog, store: Path, clock: Clock
) -> None:
    settings = settings_for(hub, store, max_stale_s=9 * DAY_S)
    await answer(settings, "acme/bert", clock=clock)
    catalog.change("acme/bert", private=True)
    clock.now_s += 2 * DAY_S
    with pytest.raises(ResolveError):
        await answer(settings, "acme/bert", clock=clock)
    fail(hub)
    clock.now_s += 2 * DAY_S
    for repo_id in ("acme/bert", "acme/st"):
        with pytest.raises(HubUnavailableError) as caught:
            await answer(settings, repo_id, clock=clock)
        assert "the store has" not in str(caught.value)


async def test_a_private_repo_is_answered_to_its_token_only(store: Path, clock: Clock) -> None:
    async with LocalHub(catalog_of(), HubOptions(tokens=TOKENS)) as hub:
        await answer(settings_for(hub, store, token=READER), "acme/private", clock=clock)
        fail(hub)
        clock.now_s += 2 * DAY_S
        own = settings_for(hub, store, token=READER, max_stale_s=9 * DAY_S)
        assert (await answer(own, "acme/private", clock=clock)).stale
        with pytest.raises(HubUnavailableError) as caught:
            await answer(settings_for(hub, store, max_stale_s=9 * DAY_S), "acme/private", clock=clock)
        assert "the store has" not in str(caught.value)


async def test_each_of_a_batch_has_its_own_error(hub: LocalHub, store: Path) -> None:
    settings = settings_for(hub, store, refresh=True)
    await answers(settings, ["acme/bert", "acme/st"])
    fail(hub)
    found = await answers(settings, ["acme/bert", "acme/bert", "acme/st", "acme/sd"])
    assert [code_of(item) for item in found] == ["hub_unavailable"] * 4
    told = [str(getattr(item, "error", "")).count("the store has an answer") for item in found]
    assert told == [1, 1, 1, 0]


@pytest.mark.slow
async def test_the_command_answers_with_what_is_stale(store: Path) -> None:
    async with LocalHub(catalog_of()) as hub:
        gone = hub.endpoint
        await answers(settings_for(hub, store), ["acme/bert"])
    common = ("resolve", "acme/bert", "--endpoint", gone, "--store", store, "--refresh", "--format", "jsonl")
    done = run(*common, "--max-stale", "100w", HF_HUB_DISABLE_IMPLICIT_TOKEN="1")
    row = json.loads(done.stdout)
    assert (done.returncode, row["stale"], row["commit_hash"]) == (0, True, BERT_SHA)
    refused = run(*common, HF_HUB_DISABLE_IMPLICIT_TOKEN="1")
    row = json.loads(refused.stdout)
    assert refused.returncode != 0 and row["error"]["code"] == "hub_unavailable"
    assert f"commit {BERT_SHA}" in row["error"]["message"]


@pytest.mark.pure
@pytest.mark.parametrize(
    ("age_s", "max_stale_s", "may"),
    [(0, 0, False), (0, 10, True), (10, 10, True), (11, 10, False), (-1, 10, True), (-(10**6), 10, False)],
)
def test_the_age_is_that_of_the_last_check(age_s: float, max_stale_s: float, may: bool) -> None:
    assert may_stand_in(1_000_000.0 - age_s, now_s=1_000_000.0, max_stale_s=max_stale_s) is may
