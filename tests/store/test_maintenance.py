"""Verifying finds damaged rows and wrong decisions; pruning removes matching refs and what they leave unreferenced."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from registry.decision import Decision
from store.keys import DecisionKey, FactsKey, RefKey
from store.maintenance.prune import prune
from store.maintenance.verify import verify
from store.rows import build_rows
from store.store import MetadataStore
from tests.store.support import DECISION, DECISION_KEY, HUB, REGISTRY, make_record, recall_one


async def change(store: MetadataStore, statement: str) -> None:
    """Change rows without updating their digests."""
    async with store.connect() as connection:
        await connection.exec_driver_sql(statement)


async def test_a_store_as_it_was_written_has_no_problem(location: str) -> None:
    async with MetadataStore(location) as store:
        assert (await verify(store, REGISTRY)).problems == []
        await store.put([make_record(f"org/m{number}") for number in range(1_234)])
        await store.put([replace(make_record("org/m1"), decision_key=DecisionKey("older rules"))])
        report = await verify(store, REGISTRY)
    assert report.problems == []
    assert (report.facts, report.refs, report.decisions, report.decided, report.outdated) == (
        1_234,
        1_234,
        1_235,
        1_234,
        1,
    )


DAMAGES = (
    "UPDATE facts SET body = substr(body, 1, 5) WHERE canonical_id = 'org/a'",
    "UPDATE facts SET commit_hash = '1234' WHERE canonical_id = 'org/a'",
    "UPDATE facts SET digest = 1 WHERE canonical_id = 'org/a'",
    "UPDATE refs SET pipeline_tag = 'text-generation' WHERE repo_id = 'org/a'",
    "UPDATE refs SET hints = substr(hints, 1, 5) WHERE repo_id = 'org/a'",
    "UPDATE refs SET checked_at = checked_at + 1 WHERE repo_id = 'org/a'",
    "UPDATE refs SET commit_hash = '1234' WHERE repo_id = 'org/a'",
    "UPDATE refs SET scope = '' WHERE repo_id = 'org/private'",
    "UPDATE refs SET facts_id = (SELECT facts_id FROM refs r WHERE r.repo_id = 'org/b') WHERE repo_id = 'org/a'",
    "UPDATE refs SET facts_id = 77 WHERE repo_id = 'org/a'",
    "UPDATE decisions SET body = substr(body, 1, 5) WHERE facts_id = 1",
    "UPDATE decisions SET facts_id = 77 WHERE facts_id = 1",
)


@pytest.mark.parametrize("damage", DAMAGES)
async def test_every_changed_row_is_found_and_can_be_dropped(location: str, damage: str) -> None:
    async with MetadataStore(location) as store:
        await store.put([make_record("org/a"), make_record("org/b"), make_record("org/private", scope="s")])
        await change(store, damage)
        assert (await verify(store, REGISTRY)).problems
        await verify(store, REGISTRY, drop=True)
        assert (await verify(store, REGISTRY)).problems == []
        assert await recall_one(store, "org/b") is not None
        await store.put([make_record("org/a")])
        found = await recall_one(store, "org/a")
        assert found is not None and found.decision() == DECISION and await store.get_repo_facts([found])


async def test_a_decision_that_the_same_rules_do_not_make_is_a_problem(location: str) -> None:
    async with MetadataStore(location) as store:
        await store.put(
            [replace(make_record("org/a"), decision=Decision(task="text-generation")), make_record("org/b")]
        )
        report = await verify(store, REGISTRY, drop=True)
        assert len(report.problems) == 1 and "org/a@main" in report.problems[0]
        first, second = await recall_one(store, "org/a"), await recall_one(store, "org/b")
        assert first is not None and first.decision() is None
        assert second is not None and second.decision() == DECISION


OTHER = "https://other.test"
OTHER_HUB = replace(
    make_record("org/a"), ref_keys=(RefKey(OTHER, "org/a", "main"),), facts_key=FactsKey(OTHER, "org/a", "c" * 40)
)


@pytest.mark.parametrize(
    ("criteria", "left"),
    [
        ({"checked_before_s": 150}, ["org/new"]),
        ({"endpoint": HUB}, ["elsewhere"]),
        ({"repo_ids": ["org/old"]}, ["elsewhere", "name", "org/new"]),
        ({"repo_ids": ["org/renamed", "org/nobody"]}, ["elsewhere", "org/new", "org/old"]),
        ({"repo_ids": ["org/old", "org/new"], "checked_before_s": 150}, ["elsewhere", "name", "org/new"]),
        ({}, ["elsewhere", "name", "org/new", "org/old"]),
    ],
    ids=str,
)
async def test_pruning_removes_the_refs_that_match_all_criteria(
    location: str, criteria: dict[str, object], left: list[str]
) -> None:
    renamed = replace(make_record("org/renamed"), ref_keys=(RefKey(HUB, "name", "main"),))
    async with MetadataStore(location) as store:
        await store.put([make_record("org/new", checked_at_s=200), make_record("org/old"), renamed, OTHER_HUB])
        await prune(store, **criteria)  # type: ignore[arg-type]
        names = {name for name in ("org/new", "org/old", "name") if await recall_one(store, name) is not None}
        (other,) = await store.recall(OTHER, "", [("org/a", "main")], DECISION_KEY)
        assert sorted(names | ({"elsewhere"} if other is not None else set())) == left
        info = await store.get_info()
        assert (info.refs, info.facts, info.decisions) == (len(left),) * 3
        assert (await verify(store, REGISTRY)).problems == []


@pytest.mark.parametrize(
    ("criteria", "is_forgotten"),
    [
        ({"checked_before_s": 10_000}, False),
        ({"repo_ids": ["org/a"]}, False),
        ({"endpoint": HUB, "checked_before_s": 10_000}, False),
        ({"endpoint": OTHER}, False),
        ({"endpoint": HUB}, True),
    ],
    ids=str,
)
async def test_pruning_leaves_what_withdraws_a_repo(
    location: str, criteria: dict[str, object], is_forgotten: bool
) -> None:
    earlier = build_rows([make_record("org/a"), make_record("Org/A"), make_record("org/b")])
    async with MetadataStore(location) as store:
        await store.put([make_record("org/a"), make_record("org/b")])
        await store.put([replace(make_record("org/a", checked_at_s=200, scope="mine"), is_hidden=True)])
        await prune(store, **criteria)  # type: ignore[arg-type]
        await store.merge(earlier)
        found = [await recall_one(store, name) for name in ("org/a", "Org/A", "org/b")]
        assert [item is not None for item in found] == [is_forgotten, is_forgotten, True]


async def test_unreferenced_rows_are_removed_and_reused_row_ids_refer_to_their_own_facts(location: str) -> None:
    async with MetadataStore(location) as store:
        await store.put([make_record(f"org/m{number}") for number in range(2_500)])
        await store.put([make_record("org/m1", "b" * 40, checked_at_s=200)])
        pruned = await prune(store, checked_before_s=150)
        assert (pruned.refs, pruned.facts, pruned.decisions) == (2_499, 2_500, 2_500)
        await store.put([make_record(f"org/n{number}") for number in range(10)])
        assert (await verify(store, REGISTRY)).problems == []
        assert (await store.get_info()).refs == 11
