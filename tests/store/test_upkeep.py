"""Verifying finds what is wrong and nothing else; pruning removes what it was told to and what that leaves behind."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from registry.decision import Decision
from registry.facts import RepoFacts
from store.keys import DecisionKey, FactsKey, RefKey
from store.maintenance.prune import prune
from store.maintenance.verify import Verified, verify
from store.store import MetadataStore
from tests.store.support import DECISION, HUB, RULES, recall_one, record


def decide(_facts: RepoFacts, _task: str | None, _library: str | None) -> Decision:
    return DECISION


async def look(store: MetadataStore, *, drop: bool = False) -> Verified:
    return await verify(store, rules_id=RULES.rules_id, decide=decide, drop=drop)


async def change(store: MetadataStore, statement: str) -> None:
    """What no store does: a row changed behind its back."""
    async with store.connect() as connection:
        await connection.exec_driver_sql(statement)


async def test_a_store_as_it_was_written_has_no_problem(location: str) -> None:
    async with MetadataStore(location) as store:
        assert (await look(store)).problems == []
        await store.put([record(f"org/m{number}") for number in range(1_234)])
        await store.put([replace(record("org/m1"), decision_key=DecisionKey("older rules"))])
        found = await look(store)
    assert found.problems == []
    assert (found.facts, found.refs, found.decisions, found.decided, found.outdated) == (1_234, 1_234, 1_235, 1_234, 1)


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
        await store.put([record("org/a"), record("org/b"), record("org/private", scope="s")])
        await change(store, damage)
        assert (await look(store)).problems
        await look(store, drop=True)
        assert (await look(store)).problems == []
        assert await recall_one(store, "org/b") is not None
        await store.put([record("org/a")])
        found = await recall_one(store, "org/a")
        assert found is not None and found.decision() == DECISION and await store.get_repo_facts([found])


async def test_a_decision_that_the_same_rules_do_not_make_is_a_problem(location: str) -> None:
    async with MetadataStore(location) as store:
        await store.put([replace(record("org/a"), decision=Decision(task="text-generation")), record("org/b")])
        found = await look(store, drop=True)
        assert len(found.problems) == 1 and "org/a@main" in found.problems[0]
        first, second = await recall_one(store, "org/a"), await recall_one(store, "org/b")
        assert first is not None and first.decision() is None
        assert second is not None and second.decision() == DECISION


OTHER = "https://other.test"
OTHER_HUB = replace(
    record("org/a"), ref_keys=(RefKey(OTHER, "org/a", "main"),), facts_key=FactsKey(OTHER, "org/a", "c" * 40)
)


@pytest.mark.parametrize(
    ("criteria", "left"),
    [
        ({"checked_before_s": 150}, {"org/new"}),
        ({"endpoint": HUB}, {"elsewhere"}),
        ({"repo_ids": ["org/old"]}, {"org/new", "name", "elsewhere"}),
        ({"repo_ids": ["org/renamed", "org/nobody"]}, {"org/new", "org/old", "elsewhere"}),
        ({"repo_ids": ["org/old", "org/new"], "checked_before_s": 150}, {"org/new", "name", "elsewhere"}),
        ({}, {"org/new", "org/old", "name", "elsewhere"}),
    ],
    ids=str,
)
async def test_pruning_removes_what_all_criteria_are_true_of(
    location: str, criteria: dict[str, object], left: set[str]
) -> None:
    renamed = replace(record("org/renamed"), ref_keys=(RefKey(HUB, "name", "main"),))
    async with MetadataStore(location) as store:
        await store.put([record("org/new", checked_at_s=200), record("org/old"), renamed, OTHER_HUB])
        await prune(store, **criteria)  # type: ignore[arg-type]
        names = {name for name in ("org/new", "org/old", "name") if await recall_one(store, name) is not None}
        (other,) = await store.recall(OTHER, "", [("org/a", "main")], RULES)
        assert names | ({"elsewhere"} if other is not None else set()) == left
        info = await store.info()
        assert (info.refs, info.facts, info.decisions) == (len(left),) * 3
        assert (await look(store)).problems == []


async def test_what_nothing_leads_to_any_more_goes_too_and_ids_given_again_lead_to_their_own(location: str) -> None:
    async with MetadataStore(location) as store:
        await store.put([record(f"org/m{number}") for number in range(2_500)])
        await store.put([record("org/m1", "b" * 40, checked_at_s=200)])
        pruned = await prune(store, checked_before_s=150)
        assert (pruned.refs, pruned.facts, pruned.decisions) == (2_499, 2_500, 2_500)
        await store.put([record(f"org/n{number}") for number in range(10)])
        assert (await look(store)).problems == []
        assert (await store.info()).refs == 11
