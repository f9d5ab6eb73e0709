"""Listings: pages as a source of facts, and authors listed instead of asked for one by one."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from pathlib import Path

import pytest

from resolver.answer import Failure
from resolver.concurrency.ordered_pool import PoolLimits
from resolver.errors import HubResponseError, OfflineError
from resolver.limits import Limits
from resolver.local_hub import HubOptions, LocalHub, faults
from resolver.lookup.author_listings import ListingLimits
from resolver.resolution import Resolution, Source
from tests.resolver.support import (
    LIMITS,
    Clock,
    answers,
    bert_row,
    catalog_of,
    open_resolver,
    settings_for,
    wait_until,
    wait_until_settled,
)

PAGES_OF_TEN = Limits(listings=ListingLimits(max_page_size=10, first_wait_s=600))
MANY = [f"{author}/m{number:03}" for author in ("acme", "bolt", "corp") for number in range(60)]


async def listed(hub: LocalHub, store: Path, **asked: object) -> tuple[list[Resolution | Failure], dict[str, int]]:
    async with open_resolver(settings_for(hub, store)) as resolver:
        found = [item async for item in resolver.resolve_listing(**asked)]  # type: ignore[arg-type]
        return found, resolver.requests


async def test_a_listing_costs_one_request_a_page_and_is_remembered(store: Path) -> None:
    async with LocalHub(catalog_of(*map(bert_row, MANY)), HubOptions(listing_page_size=1000)) as hub:
        found, requests = await listed(hub, store)
        assert [item.repo_id for item in found] == MANY and requests == {"api": 1}
        hub.reset_counts()
        again = await answers(settings_for(hub, store), MANY)
        assert hub.count.total == 0
    assert all(isinstance(item, Resolution) and item.source is Source.STORE for item in again)
    assert [item.decision for item in found if isinstance(item, Resolution)] == [
        item.decision for item in again if isinstance(item, Resolution)
    ]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"author": "bolt"}, MANY[60:120]),
        ({"search": "m00"}, [name for name in MANY if "m00" in name]),
        ({"author": "bolt", "limit": 5}, MANY[60:65]),
        ({"filter": "no-such-tag"}, []),
        ({"author": "nobody"}, []),
    ],
)
async def test_a_listing_is_what_was_asked_for(store: Path, asked: dict[str, object], expected: list[str]) -> None:
    async with LocalHub(catalog_of(*map(bert_row, MANY))) as hub:
        found, _ = await listed(hub, store, **asked)
    assert [item.repo_id for item in found] == expected


async def test_what_the_extract_does_not_settle_is_read_from_the_files(store: Path) -> None:
    row = {**bert_row("acme/odd"), "extract": {}}
    async with LocalHub(catalog_of(row, bert_row("acme/bert"))) as hub:
        found, requests = await listed(hub, store)
    assert [item.architecture for item in found if isinstance(item, Resolution)] == ["BertForMaskedLM"] * 2
    assert requests["api"] == 1 and requests["resolvers"] == 2


async def test_many_repos_of_few_authors_cost_a_page_each(store: Path) -> None:
    async with LocalHub(catalog_of(*map(bert_row, MANY))) as hub:
        found = await answers(settings_for(hub, store), MANY[::-1])
        assert [item.repo_id for item in found] == MANY[::-1]
        assert hub.count.total == 3
    assert all(isinstance(item, Resolution) and item.source is Source.HUB for item in found)


async def test_repos_that_the_listing_does_not_bring_are_asked_for_singly(store: Path) -> None:
    async with LocalHub(catalog_of(*map(bert_row, MANY))) as hub:
        hub.catalog.change("acme/m007", private=True)
        found = await answers(settings_for(hub, store), [*MANY[:60], "acme/none"])
        codes = {item.repo_id: item.error.code for item in found if isinstance(item, Failure)}
    assert codes == {"acme/m007": "repo_not_found", "acme/none": "repo_not_found"}


async def test_stale_repos_of_one_author_are_checked_by_listing(store: Path) -> None:
    async with LocalHub(catalog_of(*map(bert_row, MANY))) as hub:
        await answers(settings_for(hub, store), MANY)
        moved = hub.catalog.push("acme/m003", {"new.txt": "x"})
        hub.reset_counts()
        found = await answers(settings_for(hub, store, refresh=True), MANY[:60])
        assert hub.count.total == 1
    assert isinstance(found[3], Resolution) and found[3].commit_hash == moved


async def test_a_hub_without_listings_is_asked_for_each(store: Path) -> None:
    async with LocalHub(catalog_of(*map(bert_row, MANY))) as hub:
        hub.faults.add(faults.failing(404), "/api/models", times=None)
        found = await answers(settings_for(hub, store), MANY)
        assert all(isinstance(item, Resolution) for item in found)
        assert hub.count.kind["model_info"] == len(MANY) and hub.count.kind["listing"] == 1
        with pytest.raises(HubResponseError):
            await listed(hub, store)


async def test_a_next_page_elsewhere_is_not_followed(store: Path) -> None:
    async with LocalHub(catalog_of(*map(bert_row, MANY)), HubOptions(listing_page_size=50)) as hub:
        link = '<https://elsewhere.test/api/models?cursor=1>; rel="next"'
        hub.faults.add(faults.Edit(headers={"Link": link}), "/api/models")
        found, _ = await listed(hub, store, author="acme")
    assert found and len(found) <= 60


async def test_a_listing_needs_the_hub(store: Path) -> None:
    async with LocalHub(catalog_of(bert_row("acme/bert"))) as hub:
        async with open_resolver(settings_for(hub, store, offline=True)) as resolver:
            with pytest.raises(OfflineError):
                await anext(resolver.resolve_listing(author="acme"))


async def test_a_page_that_says_too_little_of_a_repo_has_it_asked_for(store: Path) -> None:
    async with LocalHub(catalog_of(*map(bert_row, MANY[:3]))) as hub:
        hub.catalog.change(MANY[1], disabled=True)
        hub.faults.add(faults.Edit(change_body=lambda body: body.replace(b'"siblings"', b'"others"')), "/api/models")
        found, requests = await listed(hub, store)
    assert [item.repo_id for item in found] == MANY[:3] and requests["api"] == 4
    first, second, third = found
    assert isinstance(first, Resolution) and isinstance(third, Resolution) and first.framework == "pt"
    assert isinstance(second, Failure) and second.error.code == "disabled"


@pytest.mark.parametrize(
    ("insertion", "left_out"),
    [
        (b'"deep":' + b"[" * 300 + b"]" * 300, True),
        (b'"text":"\xff"', True),
        (b'"number":NaN', False),
    ],
    ids=lambda value: value[:12].decode("ascii", "replace") if isinstance(value, bytes) else None,
)
async def test_one_odd_item_of_a_page_spoils_no_other(store: Path, insertion: bytes, left_out: bool) -> None:
    def change(body: bytes) -> bytes:
        start = body.index(b"{", body.index(MANY[1].encode()) - 40)
        return body[: start + 1] + insertion + b"," + body[start + 1 :]

    async with LocalHub(catalog_of(*map(bert_row, MANY[:3]))) as hub:
        hub.faults.add(faults.Edit(change_body=change), "/api/models")
        found, _ = await listed(hub, store)
    expected = [MANY[0], MANY[2]] if left_out else MANY[:3]
    assert [item.repo_id for item in found] == expected
    assert all(isinstance(item, Resolution) for item in found)


@pytest.mark.parametrize("body", [b"{}", b"[", b"", b"nonsense", b"[1,", b'"text"'])
async def test_a_page_that_is_no_list_is_an_error(store: Path, body: bytes) -> None:
    async with LocalHub(catalog_of(*map(bert_row, MANY[:3]))) as hub:
        hub.faults.add(faults.Edit(change_body=lambda _: body), "/api/models", times=None)
        with pytest.raises(HubResponseError, match="listing"):
            await listed(hub, store)


async def test_a_listing_that_is_left_early_leaves_nothing_running(store: Path) -> None:
    async with LocalHub(catalog_of(*map(bert_row, MANY))) as hub:
        async with open_resolver(settings_for(hub, store), limits=PAGES_OF_TEN) as resolver:
            async with aclosing(resolver.resolve_listing(author="acme")) as stream:
                await anext(stream)
            await wait_until(lambda: not [task for task in asyncio.all_tasks() if "prefetch" in repr(task)])
            assert await wait_until_settled(lambda: hub.count.total) <= 5


async def test_a_listing_that_breaks_off_gives_what_came_before(store: Path) -> None:
    async with LocalHub(catalog_of(*map(bert_row, MANY))) as hub:
        hub.faults.add(faults.failing(404), "/api/models", skip=1, times=None)
        found: list[Resolution | Failure] = []

        async def listen() -> None:
            async with open_resolver(settings_for(hub, store), limits=PAGES_OF_TEN) as resolver:
                async for item in resolver.resolve_listing(author="acme"):
                    found.append(item)

        with pytest.raises(HubResponseError):
            await listen()
        assert len(found) == 10
        again = await answers(settings_for(hub, store, offline=True), [item.repo_id for item in found])
    assert all(isinstance(item, Resolution) for item in again)


async def test_what_a_page_left_open_costs_a_file_when_it_is_asked_for_soon(store: Path) -> None:
    limits = Limits(pool=PoolLimits(max_batch=32), listings=LIMITS.listings)
    rows = [{**bert_row(f"acme/odd{number:02}"), "extract": {}} for number in range(64)]
    ids = [str(row["id"]) for row in rows]
    async with LocalHub(catalog_of(*rows)) as hub:
        found = await answers(settings_for(hub, store, lean=True), ids, limits=limits)
        assert dict(hub.count.kind) == {"listing": 1, "resolve": 64, "resolve_cache": 64}
    assert [item.task for item in found if isinstance(item, Resolution)] == ["fill-mask"] * 64


@pytest.mark.parametrize("refresh", [False, True])
async def test_what_a_page_left_open_is_told_as_of_when_it_was_seen(store: Path, clock: Clock, refresh: bool) -> None:
    rows = [{**bert_row(f"acme/odd{number:02}"), "extract": {}} for number in range(40)]
    ids = [str(row["id"]) for row in rows]
    async with LocalHub(catalog_of(*rows)) as hub:
        async with open_resolver(settings_for(hub, store, refresh=refresh), clock=clock) as resolver:
            seen_at_s = int(clock.now_s)
            _ = [item async for item in resolver.resolve_many(ids[:20])]
            moved = hub.catalog.push(ids[20], {"new.txt": "x"})
            clock.now_s += 30
            (told,) = [item async for item in resolver.resolve_many(ids[20:21])]
            clock.now_s += 61
            (late,) = [item async for item in resolver.resolve_many(ids[21:22])]
    assert isinstance(told, Resolution) and isinstance(late, Resolution)
    assert (told.commit_hash == moved) is refresh
    assert told.checked_at_s == seen_at_s + (30 if refresh else 0) and late.checked_at_s == seen_at_s + 91


async def test_repos_nobody_asked_for_cost_nothing_beyond_the_page(store: Path) -> None:
    rows = [{**bert_row(f"acme/odd{number}"), "extract": {}} for number in range(50)]
    async with LocalHub(catalog_of(*rows, *map(bert_row, MANY[:60]))) as hub:
        await answers(settings_for(hub, store), MANY[:60])
        assert hub.count.total == 1


@pytest.mark.parametrize("held", [MANY[0], MANY[60]], ids=["its own author", "another author"])
async def test_the_first_answer_does_not_wait_for_a_slow_listing(store: Path, held: str) -> None:
    released = asyncio.Event()
    async with LocalHub(catalog_of(*map(bert_row, MANY))) as hub:
        hub.faults.add(faults.Hold(released.wait), "/api/models", times=None)
        limits = Limits(listings=ListingLimits(first_wait_s=0.01))
        async with open_resolver(settings_for(hub, store), limits=limits) as resolver:
            ids = [held, *(name for name in MANY if name != held)]
            async with aclosing(resolver.resolve_many(ids)) as stream:
                first = await anext(stream)
                assert isinstance(first, Resolution) and first.repo_id == held and hub.count.kind["model_info"] == 1
                released.set()
                rest = [item async for item in stream]
        assert [item.repo_id for item in rest] == ids[1:]
        assert hub.count.kind["model_info"] == 1 and hub.count.kind["listing"] == 3
