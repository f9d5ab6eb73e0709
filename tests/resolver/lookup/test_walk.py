"""Walks of the whole Hub: resumed, only what was changed, without requests for what is known, and the sweep."""

from __future__ import annotations

import math
from contextlib import aclosing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from registry.facts import NO_HINTS, CommitHash
from resolver.answer import Failure
from resolver.hub.payloads import ModelInfo
from resolver.limits import Limits
from resolver.local_hub import HubOptions, LocalHub, faults
from resolver.lookup.author_listings import ListingLimits
from resolver.lookup.listing import PageItem
from resolver.lookup.walk import select_changed
from resolver.repo_id import RepoRevision
from resolver.resolution import Resolution
from resolver.resolver import Resolver
from store.store import MetadataStore
from tests.resolver.support import LIMITS, Clock, bert_row, catalog_of, code_of, open_resolver, settings_for

PAGES_OF_TEN = Limits(retry=LIMITS.retry, listings=ListingLimits(max_page_size=10))
DAY_S = 86_400


def at(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def rows(count: int = 40, *, is_settled: bool = True) -> list[dict[str, object]]:
    """Repos of which each was made a second after the one before."""
    start_s = 1_700_000_000
    more: dict[str, object] = {} if is_settled else {"extract": {}}
    return [
        {**bert_row(f"org{n % 4}/m{n:03}"), "created_at": at(start_s + n).isoformat(), **more} for n in range(count)
    ]


async def walk(resolver: Resolver, **asked: object) -> list[Resolution | Failure]:
    return [item async for item in resolver.resolve_listing(**asked)]  # type: ignore[arg-type]


def ids(found: list[Resolution | Failure]) -> list[str]:
    return [item.repo_id for item in found]


async def test_all_repos_come_in_the_order_of_their_creation(store: Path) -> None:
    made = rows()
    async with LocalHub(catalog_of(*made)) as hub:
        async with open_resolver(settings_for(hub, store), limits=PAGES_OF_TEN) as resolver:
            found = await walk(resolver)
        assert hub.count.total == 4 and "sort=createdAt" in hub.requests[0].path
    assert ids(found) == [str(row["id"]) for row in reversed(made)]


@pytest.mark.parametrize("resume", [True, False])
async def test_an_interrupted_walk_goes_on_where_it_ended(store: Path, resume: bool) -> None:
    made = rows()
    expected = [str(row["id"]) for row in reversed(made)]
    async with LocalHub(catalog_of(*made)) as hub:
        async with open_resolver(settings_for(hub, store), limits=PAGES_OF_TEN) as resolver:
            async with aclosing(resolver.resolve_listing()) as stream:
                first = [await anext(stream) for _ in range(25)]
        hub.reset_counts()
        async with open_resolver(settings_for(hub, store), limits=PAGES_OF_TEN) as resolver:
            rest = await walk(resolver, resume=resume)
            hub.reset_counts()
            again = await walk(resolver, resume=resume)
    assert ids(first) == expected[:25]
    # The page whose answers were given in part is read again.
    assert ids(rest) == expected[20 if resume else 0 :]
    assert ids(again) == expected


async def test_a_page_to_go_on_with_that_is_refused_begins_the_walk_anew(store: Path) -> None:
    made = rows()
    async with LocalHub(catalog_of(*made)) as hub:
        async with open_resolver(settings_for(hub, store), limits=PAGES_OF_TEN) as resolver:
            async with aclosing(resolver.resolve_listing()) as stream:
                for _ in range(25):
                    await anext(stream)
        hub.faults.add(faults.failing(400), "/api/models", times=1)
        async with open_resolver(settings_for(hub, store), limits=PAGES_OF_TEN) as resolver:
            assert len(await walk(resolver, resume=True)) == 40


async def test_a_page_of_another_place_in_the_store_is_not_asked_for(store: Path) -> None:
    async with LocalHub(catalog_of(*rows())) as hub:
        async with open_resolver(settings_for(hub, store), limits=PAGES_OF_TEN) as resolver:
            async with aclosing(resolver.resolve_listing()) as stream:
                for _ in range(25):
                    await anext(stream)
        async with MetadataStore(store) as opened, opened.connect() as connection:
            await connection.exec_driver_sql("UPDATE listings SET next_url = 'http://127.0.0.1:9/api/models?x'")
        async with open_resolver(settings_for(hub, store), limits=PAGES_OF_TEN) as resolver:
            assert len(await walk(resolver, resume=True)) == 40


async def test_what_is_known_of_a_commit_costs_no_file_request(store: Path) -> None:
    made = rows(is_settled=False)
    async with LocalHub(catalog_of(*made)) as hub:
        async with open_resolver(settings_for(hub, store)) as resolver:
            first = await walk(resolver)
        assert hub.count.kind["resolve"] == 40
        moved = hub.catalog.push("org1/m001", {"config.json": {"architectures": ["BertModel"], "model_type": "bert"}})
        hub.catalog.change("org2/m002", pipeline_tag="fill-mask")
        hub.reset_counts()
        async with open_resolver(settings_for(hub, store)) as resolver:
            second = await walk(resolver)
        assert dict(hub.count.kind) == {"listing": 1, "resolve": 1, "resolve_cache": 1}
    by_id = {item.repo_id: item for item in second if isinstance(item, Resolution)}
    assert by_id["org1/m001"].commit_hash == moved and by_id["org1/m001"].task == "feature-extraction"
    assert by_id["org2/m002"].pipeline_tag == "fill-mask"
    before = {item.repo_id: item.decision for item in first if isinstance(item, Resolution)}
    assert all(by_id[name].decision == before[name] for name in before if name not in ("org1/m001", "org2/m002"))


async def test_a_page_alone_is_enough_where_partial_answers_are_wanted(store: Path) -> None:
    made = rows(4, is_settled=False)
    async with LocalHub(catalog_of(*made)) as hub:
        async with open_resolver(settings_for(hub, store, partial=True)) as resolver:
            found = await walk(resolver)
        assert dict(hub.count.kind) == {"listing": 1}
        assert {item.partial for item in found if isinstance(item, Resolution)} == {("config.json",)}
        hub.reset_counts()
        async with open_resolver(settings_for(hub, store)) as resolver:
            completed = [item async for item in resolver.resolve_many(ids(found))]
        # Everything but the file is known, and the file is asked for alone.
        assert dict(hub.count.kind) == {"resolve": 4, "resolve_cache": 4}
        hub.reset_counts()
        async with open_resolver(settings_for(hub, store)) as resolver:
            again = [item async for item in resolver.resolve_many(ids(found))]
        assert hub.count.total == 0
    for items in (completed, again):
        assert [(item.architecture, item.partial) for item in items if isinstance(item, Resolution)] == [
            ("BertForMaskedLM", ())
        ] * 4


async def test_a_later_night_reads_only_what_was_changed(store: Path, clock: Clock) -> None:
    async with LocalHub(catalog_of(*rows())) as hub:
        async with open_resolver(settings_for(hub, store), limits=PAGES_OF_TEN, clock=clock) as resolver:
            await walk(resolver)
        clock.now_s += DAY_S
        changed = ["org3/m003", "org1/m017", "org0/m020"]
        for number, name in enumerate(changed):
            hub.catalog.push(name, {"new.txt": "x"}, modified_at=at(clock.now_s - 3_600 - number))
        hub.reset_counts()
        async with open_resolver(settings_for(hub, store), limits=PAGES_OF_TEN, clock=clock) as resolver:
            found = await walk(resolver, since_s=math.inf)
        assert ids(found) == changed and hub.count.total == 1
        clock.now_s += 3 * DAY_S
        hub.catalog.push("org2/m002", {"new.txt": "y"}, modified_at=at(clock.now_s - 2 * DAY_S))
        async with open_resolver(settings_for(hub, store), limits=PAGES_OF_TEN, clock=clock) as resolver:
            # The last run was longer ago than what is asked for: nothing between them is lost.
            assert ids(await walk(resolver, since_s=clock.now_s - DAY_S)) == ["org2/m002"]
            assert await walk(resolver, since_s=clock.now_s - DAY_S) == []


async def test_a_run_with_failures_does_not_count_as_complete(store: Path, clock: Clock) -> None:
    async with LocalHub(catalog_of(*rows(is_settled=False))) as hub:
        hub.faults.add(faults.failing(500), "/org1/m001/resolve/*", times=None)
        hub.faults.add(faults.failing(500), "/api/models/org1/m001*", times=None)
        async with open_resolver(settings_for(hub, store), clock=clock) as resolver:
            found = await walk(resolver)
            assert [item.repo_id for item in found if isinstance(item, Failure)] == ["org1/m001"]
            hub.faults.clear()
            assert len(await walk(resolver, since_s=math.inf)) == 40


@pytest.mark.parametrize("author", [None, "org1"])
async def test_a_sweep_finds_what_vanished_or_turned_private(store: Path, clock: Clock, author: str | None) -> None:
    async with LocalHub(catalog_of(*rows()), HubOptions()) as hub:
        async with open_resolver(settings_for(hub, store), clock=clock) as resolver:
            await walk(resolver)
        clock.now_s += DAY_S
        hub.catalog.delete("org1/m001")
        hub.catalog.change("org2/m002", private=True)
        hub.reset_counts()
        async with open_resolver(settings_for(hub, store), clock=clock) as resolver:
            found = await walk(resolver, author=author, sweep=True)
        gone = {item.repo_id: code_of(item) for item in found if isinstance(item, Failure)}
        names = ["org1/m001"] if author else ["org1/m001", "org2/m002"]
        assert gone == dict.fromkeys(names, "repo_not_found")
        async with open_resolver(settings_for(hub, store, offline=True), clock=clock) as resolver:
            offline = [item async for item in resolver.resolve_many(names)]
    assert all(isinstance(item, Failure) for item in offline)


async def test_only_a_whole_listing_can_be_swept(store: Path) -> None:
    async with LocalHub(catalog_of(*rows(4))) as hub:
        async with open_resolver(settings_for(hub, store)) as resolver:
            with pytest.raises(ValueError, match="sweep"):
                await walk(resolver, sweep=True, search="m0")


def info(modified_at_s: int | None) -> PageItem:
    if modified_at_s is None:
        return RepoRevision("org/unknown")
    name = f"org/m{modified_at_s}"
    return ModelInfo(
        canonical_id=name, commit_hash=CommitHash("a" * 40), filenames=(), hints=NO_HINTS, modified_at_s=modified_at_s
    )


CUTS: tuple[tuple[list[int | None], list[int | None], bool], ...] = (
    ([], [], False),
    ([9, 8, 7], [9, 8, 7], False),
    ([9, 5, 4], [9, 5], True),
    ([4, 3], [], True),
    ([9, None, 6, None, 4, None], [9, None, 6, None], True),
    ([None], [None], False),
    # The server has sorted by a finer time than it tells, or not quite.
    ([9, 4, 6], [9, 6], False),
)


@pytest.mark.pure
@pytest.mark.parametrize(("page", "changed", "is_older"), CUTS)
def test_a_page_of_changes_is_cut(page: list[int | None], changed: list[int | None], is_older: bool) -> None:
    assert select_changed([info(time) for time in page], 5) == ([info(time) for time in changed], is_older)
