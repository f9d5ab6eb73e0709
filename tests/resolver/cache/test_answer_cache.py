"""A repo seen in this process is answered without a look into the store, and never with what is known to be over."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from resolver.cache.answer_cache import AnswerCacheLimits
from resolver.errors import RepositoryNotFoundError
from resolver.limits import Limits
from resolver.local_hub import LocalHub
from resolver.resolution import Source
from store.store import MetadataStore
from tests.resolver.support import BERT, BERT_SHA, Clock, bert_row, catalog_of, open_resolver, settings_for

LooksForbidden = Callable[[], None]


@pytest.fixture
def no_looks(monkeypatch: pytest.MonkeyPatch) -> LooksForbidden:
    """From its call on, whoever looks into the store fails the test."""

    async def forbid(*_: Any) -> Any:
        raise AssertionError("the store was looked into")

    return lambda: monkeypatch.setattr(MetadataStore, "recall", forbid)


async def test_a_repo_seen_is_answered_without_a_look_into_the_store(
    hub: LocalHub, store: Path, clock: Clock, no_looks: LooksForbidden
) -> None:
    async with open_resolver(settings_for(hub, store, max_age_s=1000), clock=clock) as resolver:
        first = await resolver.resolve("acme/bert")
        await resolver.resolve("acme/bert", task="fill-mask")
        many = [item async for item in resolver.resolve_many(["acme/sd", ("acme/bert", BERT_SHA)])]
        no_looks()
        clock.now_s += 999
        for again in (
            await resolver.resolve("acme/bert"),
            await resolver.resolve("acme/bert@main"),
            await resolver.resolve("acme/bert", "main"),
            await resolver.resolve("acme/bert", task="fill-mask"),
        ):
            assert (again.source, again.task, again.checked_at_s) == (Source.STORE, first.task, first.checked_at_s)
        assert (await resolver.resolve("acme/sd")).decision == many[0].decision  # type: ignore[union-attr]
        assert (await resolver.resolve(f"acme/bert@{BERT_SHA}")).commit_hash == BERT_SHA


async def test_a_stale_ref_is_asked_for_and_then_answered_as_it_is_now(
    hub: LocalHub, store: Path, clock: Clock, no_looks: LooksForbidden
) -> None:
    async with open_resolver(settings_for(hub, store, max_age_s=1000), clock=clock) as resolver:
        await resolver.resolve("acme/bert")
        head = hub.catalog.push("acme/bert", {"config.json": BERT, "new": "x"})
        assert (await resolver.resolve("acme/bert")).commit_hash == BERT_SHA
        clock.now_s += 1000
        assert (await resolver.resolve("acme/bert")).commit_hash == head
        no_looks()
        assert (await resolver.resolve("acme/bert")).commit_hash == head


async def test_what_is_learned_on_another_way_is_known_here_at_once(hub: LocalHub, store: Path) -> None:
    async with open_resolver(settings_for(hub, store)) as resolver:
        await resolver.resolve("acme/bert")
        await resolver.resolve("acme/bert", task="fill-mask")
        head = hub.catalog.push("acme/bert", {"config.json": BERT, "new": "x"})
        assert [item async for item in resolver.resolve_listing(author="acme")]
        assert (await resolver.resolve("acme/bert")).commit_hash == head
        assert (await resolver.resolve("acme/bert", task="fill-mask")).commit_hash == head


async def test_a_repo_that_turned_private_is_answered_under_none_of_its_names(hub: LocalHub, store: Path) -> None:
    async with open_resolver(settings_for(hub, store)) as resolver:
        await resolver.resolve("legacy")
        await resolver.resolve("acme/bert", BERT_SHA)
        hub.catalog.change("acme/bert", private=True)
        for asked in (("acme/bert", "v1"), ("legacy", None), ("acme/bert", None), ("acme/bert", BERT_SHA)):
            with pytest.raises(RepositoryNotFoundError):
                await resolver.resolve(*asked)


async def test_refresh_asks_every_time(hub: LocalHub, store: Path) -> None:
    async with open_resolver(settings_for(hub, store, refresh=True)) as resolver:
        for _ in range(3):
            assert (await resolver.resolve("acme/bert")).source is Source.HUB


async def test_offline_the_age_does_not_count(
    hub: LocalHub, store: Path, clock: Clock, no_looks: LooksForbidden
) -> None:
    async with open_resolver(settings_for(hub, store), clock=clock) as resolver:
        await resolver.resolve("acme/bert")
    async with open_resolver(settings_for(hub, store, offline=True, max_age_s=0), clock=clock) as resolver:
        await resolver.resolve("acme/bert")
        clock.now_s += 10**9
        no_looks()
        assert (await resolver.resolve("acme/bert")).commit_hash == BERT_SHA


async def test_what_another_process_learned_is_known_here_after_a_while(hub: LocalHub, store: Path) -> None:
    limits = Limits(answer_cache=AnswerCacheLimits(ttl_s=-1.0))
    async with (
        open_resolver(settings_for(hub, store), limits=limits) as here,
        open_resolver(settings_for(hub, store, refresh=True), limits=limits) as there,
    ):
        await here.resolve("acme/bert")
        head = hub.catalog.push("acme/bert", {"config.json": BERT, "new": "x"})
        await there.resolve("acme/bert")
        assert (await here.resolve("acme/bert")).commit_hash == head


async def test_the_number_held_is_bounded_and_a_long_list_drives_nothing_out(
    store: Path, no_looks: LooksForbidden
) -> None:
    limits = Limits(answer_cache=AnswerCacheLimits(max_answers=10, max_from_batches=10))
    ids = [f"org{number}/m" for number in range(40)]
    async with (
        LocalHub(catalog_of(*map(bert_row, ids))) as hub,
        open_resolver(settings_for(hub, store), limits=limits) as resolver,
    ):
        for repo_id in ids[:10]:
            await resolver.resolve(repo_id)
        assert len([item async for item in resolver.resolve_many(ids)]) == 40
        await resolver.resolve(ids[0])
        await resolver.resolve(ids[20])
        assert len(resolver._answer_cache) == 10
        no_looks()
        for repo_id in (ids[0], ids[2], ids[20]):
            await resolver.resolve(repo_id)
        with pytest.raises(AssertionError):
            await resolver.resolve(ids[1])


async def test_many_who_ask_at_once_share_looks(hub: LocalHub, store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = ["acme/bert", "acme/sd", "acme/st", "single"]
    async with open_resolver(settings_for(hub, store)) as resolver:
        await asyncio.gather(*(resolver.resolve(repo_id) for repo_id in ids))
    looks = []
    recall = MetadataStore.recall

    async def counted(self: MetadataStore, *arguments: Any) -> Any:
        looks.append(arguments)
        return await recall(self, *arguments)

    monkeypatch.setattr(MetadataStore, "recall", counted)
    async with open_resolver(settings_for(hub, store)) as resolver:
        answers = await asyncio.gather(
            *(resolver.resolve(repo_id) for repo_id in ids for _ in range(20)),
            *(resolver.resolve("acme/bert", task=task) for task in ("fill-mask", "no such task")),
            resolver.resolve("acme/none"),
            return_exceptions=True,
        )
    assert [item.canonical_id for item in answers[:80]] == [repo_id for repo_id in ids for _ in range(20)]  # type: ignore[union-attr]
    assert [type(item).__name__ for item in answers[80:]] == [
        "Resolution",
        "UnknownTaskError",
        "RepositoryNotFoundError",
    ]
    # Two questions asked of the public scope, and what nobody knows looked for once more in the own one.
    assert len(looks) <= 4


async def test_hits_and_misses_are_counted(hub: LocalHub, store: Path) -> None:
    async with open_resolver(settings_for(hub, store)) as resolver:
        for _ in range(3):
            await resolver.resolve("acme/bert")
        assert [item async for item in resolver.resolve_many(["acme/bert", "acme/sd"])]
    async with open_resolver(settings_for(hub, store)) as resolver:
        await resolver.resolve("acme/bert")
    async with MetadataStore(store) as opened:
        info = await opened.get_info()
    assert (info.hits, info.misses) == (4, 2) == (info.recent_hits, info.recent_misses)
