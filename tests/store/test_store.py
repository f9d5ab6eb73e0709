"""The store's promises, kept by SQLite and by PostgreSQL."""

from __future__ import annotations

import asyncio

import pytest
from msgspec.structs import replace
from sqlalchemy import select

from registry.facts import CommitFacts
from store.errors import StoreClosedError
from store.keys import DecisionKey, RefKey, derive_scope
from store.records import Record
from store.rows import FactsRow, Rows
from store.store import MetadataStore
from store.tables import facts
from tests.store.support import DECISION, DECISION_KEY, FACTS, HINTS, HUB, make_record, recall_one


async def test_what_was_put_comes_back_after_reopening(location: str) -> None:
    async with MetadataStore(location) as store:
        await store.put([make_record("org/a")])
    async with MetadataStore(location) as store:
        found = await recall_one(store, "org/a")
        assert found is not None
        assert (found.canonical_id, found.commit_hash, found.pipeline_tag) == ("org/a", "a" * 40, "fill-mask")
        assert found.decision() == DECISION
        (facts,) = (await store.get_repo_facts([found])).values()
        assert (facts.commit, facts.hints) == (FACTS, HINTS)


async def test_any_text_in_a_record_comes_back_unchanged(location: str) -> None:
    texts = ['"', "\\", "'; DROP TABLE refs; --", "é😀\u2028", "$[0]", "[1, null]", "\x7f", "x" * 5_000]
    records = [
        replace(
            make_record(f"org/m{number}"),
            ref_keys=(RefKey(HUB, f"org/m{number}", text), RefKey(HUB, f"org/old{number}", text)),
            hints=replace(HINTS, pipeline_tag=text, library_name=text if number % 2 else None),
            facts=CommitFacts(filenames=(text,)),
        )
        for number, text in enumerate(texts)
    ]
    names = [(key.repo_id, key.revision) for item in records for key in item.ref_keys]
    async with MetadataStore(location) as store:
        await store.put(records)
        found = [ref for ref in await store.recall(HUB, "", names, DECISION_KEY) if ref is not None]
        repo_facts = await store.get_repo_facts(found)
    assert [(ref.repo_id, ref.revision) for ref in found] == names
    assert [ref.pipeline_tag for ref in found] == [text for text in texts for _ in range(2)]
    assert [ref.library_name for ref in found[::2]] == [text if n % 2 else None for n, text in enumerate(texts)]
    assert [repo_facts[ref.key].commit.filenames for ref in found[::2]] == [(text,) for text in texts]


async def test_numbers_at_the_ends_of_their_range_come_back(location: str) -> None:
    ends = (-(2**63), 2**63 - 1, 0, -1)
    rows = [FactsRow(end, HUB, f"org/m{place}", "a" * 40, "", 0, b"\0" * place, end) for place, end in enumerate(ends)]
    async with MetadataStore(location) as store:
        await store.merge(Rows(facts=rows))
        async with store.snapshot() as connection:
            query = select(*(facts.c[name] for name in FactsRow._fields)).order_by(facts.c.id)
            found = [tuple(row) for row in await connection.execute(query)]
    assert sorted(found) == sorted(rows)


async def test_refs_are_recalled_in_the_requested_order_with_none_for_the_unknown(location: str) -> None:
    async with MetadataStore(location) as store:
        await store.put([make_record(f"org/m{number}") for number in range(2_500)])
        names = [(f"org/m{number}", "main") for number in range(2_499, -1, -1)]
        found = await store.recall(HUB, "", [*names, ("org/none", "main"), names[0]], DECISION_KEY)
    assert [ref.repo_id if ref else None for ref in found] == [*(name for name, _ in names), None, names[0][0]]


async def test_a_decision_is_recalled_only_by_its_own_key(location: str) -> None:
    async with MetadataStore(location) as store:
        await store.put([make_record("org/a")])
        for key in (
            DecisionKey("other rules"),
            replace(DECISION_KEY, task="fill-mask"),
            replace(DECISION_KEY, library="timm"),
        ):
            found = await recall_one(store, "org/a", decision_key=key)
            assert found is not None and found.decision() is None


async def test_a_ref_is_not_recalled_in_another_scope_or_at_another_endpoint(location: str) -> None:
    async with MetadataStore(location) as store:
        await store.put([make_record("org/a", scope=derive_scope("secret"))])
        assert await recall_one(store, "org/a") is None
        assert await recall_one(store, "org/a", scope=derive_scope("other")) is None
        assert await recall_one(store, "org/a", scope=derive_scope("secret")) is not None
        assert await store.recall("https://other.test", derive_scope("secret"), [("org/a", "main")], DECISION_KEY) == [
            None
        ]


async def test_the_later_check_of_a_ref_wins_whatever_the_order_of_writing(location: str) -> None:
    async with MetadataStore(location) as store:
        await store.put([make_record("org/a", "b" * 40, checked_at_s=200)])
        await store.put([make_record("org/a", "c" * 40, checked_at_s=150)])
        found = await recall_one(store, "org/a")
    assert found is not None and (found.commit_hash, found.checked_at_s) == ("b" * 40, 200)


async def test_facts_are_never_replaced_by_facts_with_fewer_files(location: str) -> None:
    smaller = replace(make_record("org/a"), facts=CommitFacts(filenames=("config.json",)))
    async with MetadataStore(location) as store:
        for records in ([smaller], [make_record("org/a")], [smaller]):
            await store.put(records)
        found = await recall_one(store, "org/a")
        assert found is not None
        (facts,) = (await store.get_repo_facts([found])).values()
    assert facts.commit == FACTS


async def test_two_stores_on_one_file_see_each_other_at_once(location: str) -> None:
    async with MetadataStore(location) as one, MetadataStore(location) as other:
        await asyncio.gather(
            *(
                store.put([make_record(f"org/{name}{number}")])
                for number in range(50)
                for name, store in (("a", one), ("b", other))
            )
        )
        names = [(f"org/{name}{number}", "main") for number in range(50) for name in "ab"]
        assert all(await one.recall(HUB, "", names, DECISION_KEY)) and all(
            await other.recall(HUB, "", names, DECISION_KEY)
        )


async def test_a_cancelled_write_leaves_all_or_nothing(location: str) -> None:
    async with MetadataStore(location) as store:
        for round_ in range(20):
            records = [make_record(f"org/r{round_}-{number}") for number in range(50)]
            task = asyncio.create_task(store.put(records))
            await asyncio.sleep(round_ * 0.0007)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            names = [(item.ref_keys[0].repo_id, "main") for item in records]
            assert sum(ref is not None for ref in await store.recall(HUB, "", names, DECISION_KEY)) in (0, 50)
        await store.put([make_record("org/after")])
        assert await recall_one(store, "org/after") is not None


async def test_a_store_that_is_not_open_raises_an_error(location: str) -> None:
    with pytest.raises(StoreClosedError):
        await MetadataStore(location).put([make_record("org/a")])


async def test_info_counts_the_rows(location: str) -> None:
    async with MetadataStore(location) as store:
        missing = Record(
            ref_keys=(RefKey(HUB, "org/x", "main"),), hints=HINTS, checked_at_s=7, problem="repo_not_found"
        )
        await store.put([make_record("org/a"), make_record("org/b"), missing])
        info = await store.get_info()
    assert (info.facts, info.refs, info.decisions, info.missing) == (2, 3, 2, 1)
    assert (info.oldest_check_s, info.newest_check_s, info.endpoints) == (7, 100, ((HUB, 3),))


async def test_a_hidden_repo_leaves_tombstones_under_every_name_and_revision(location: str) -> None:
    renamed = replace(make_record("org/a"), ref_keys=(RefKey(HUB, "old", "main"), RefKey(HUB, "org/a", "main")))
    pinned = replace(make_record("org/a"), ref_keys=(RefKey(HUB, "org/a", "a" * 40),))
    names = [("old", "main"), ("org/a", "main"), ("org/a", "a" * 40)]
    async with MetadataStore(location) as store:
        await store.put([renamed, pinned, make_record("org/b")])
        await store.put([replace(make_record("org/a", checked_at_s=200, scope="mine"), is_hidden=True)])
        assert await store.recall(HUB, "", names, DECISION_KEY) == [None] * 3
        assert await recall_one(store, "org/b") is not None
        assert await recall_one(store, "org/a", scope="mine") is not None
        # An earlier check that is stored later does not replace the tombstone; a later check does.
        await store.put([make_record("org/a", checked_at_s=199)])
        assert await recall_one(store, "org/a") is None
        await store.put([make_record("org/a", checked_at_s=201)])
        assert await recall_one(store, "org/a") is not None


async def test_the_counts_of_look_ups_add_up(location: str) -> None:
    async with MetadataStore(location) as store:
        for day in (0, 1, 1):
            await store.add_lookups(3, 2, now_s=day * 86_400)
        info = await store.get_info()
    assert (info.hits, info.misses, info.recent_hits) == (9, 6, 0)
