"""What refs were before: kept for 90 days, read at any moment, never private."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from sqlalchemy import func, select

from registry.facts import HubHints
from store.keys import RefKey
from store.maintenance.prune import prune
from store.maintenance.verify import verify
from store.records import Record, StoredRef
from store.store import MetadataStore
from store.tables import HISTORY_S, facts, ref_history
from tests.store.support import DECISION_KEY, HINTS, HUB, REGISTRY, make_record

NOW_S = 1_800_000_000
A, B, C = "a" * 40, "b" * 40, "c" * 40


def make_hidden(name: str, checked_at_s: int) -> Record:
    key = RefKey(HUB, name, "main")
    return Record(ref_keys=(key,), hints=HINTS, checked_at_s=checked_at_s, problem="withdrawn", is_hidden=True)


async def list_at(store: MetadataStore, moment_s: int, since_s: int = 0) -> dict[str, StoredRef]:
    pages = store.list_past_refs(HUB, DECISION_KEY, moment_s=moment_s, since_s=since_s)
    return {ref.repo_id: ref async for page in pages for ref in page}


async def count_rows(store: MetadataStore, table: Any = ref_history) -> int:
    async with store.snapshot() as connection:
        return int((await connection.execute(select(func.count()).select_from(table))).scalar_one())


async def test_a_ref_is_read_as_it_was_at_each_moment(location: str) -> None:
    other_hints = HubHints(pipeline_tag="other")
    async with MetadataStore(location, clock=lambda: NOW_S) as store:
        for record in (
            make_record("org/a", A, checked_at_s=100),
            make_record("org/still", C, checked_at_s=100),
            make_record("org/a", A, checked_at_s=150),
            make_record("org/a", B, checked_at_s=200),
            make_record("org/still", C, checked_at_s=250),
            replace(make_record("org/a", B, checked_at_s=300), hints=other_hints),
            make_hidden("org/a", 400),
            make_record("org/a", A, checked_at_s=500),
        ):
            await store.put([record])
        expected = {99: None, 100: A, 199: A, 200: B, 299: B, 300: B, 399: B, 400: None, 499: None, 500: A, 900: A}
        for moment_s, commit_hash in expected.items():
            found = await list_at(store, moment_s)
            assert (found["org/a"].commit_hash if "org/a" in found else None) == commit_hash, moment_s
            assert ("org/still" in found) == (moment_s >= 100)
        assert (await list_at(store, 250))["org/a"].pipeline_tag == "fill-mask"
        assert (await list_at(store, 350))["org/a"].pipeline_tag == "other"
        # Facts and hints are those of the moment too.
        for moment_s, hints in ((250, HINTS), (350, other_hints)):
            ref = (await list_at(store, moment_s))["org/a"]
            assert (await store.get_past_facts([ref]))[ref.key].hints == hints
        # What is the same since then is left out.
        assert list(await list_at(store, 900, since_s=120)) == ["org/a"]
        assert await list_at(store, 900, since_s=500) == {}
        assert (await verify(store, REGISTRY)).problems == []


async def test_a_check_that_finds_the_same_and_a_private_ref_leave_nothing(location: str) -> None:
    async with MetadataStore(location, clock=lambda: NOW_S) as store:
        for checked_at_s, commit in ((100, A), (200, B), (300, C)):
            private = make_record("org/p", commit, checked_at_s=checked_at_s, scope="token")
            await store.put([private, make_record("org/a", A, checked_at_s=checked_at_s)])
        assert await count_rows(store) == 0


async def test_facts_of_the_past_are_kept_and_both_go_after_ninety_days(location: str) -> None:
    now_s = float(NOW_S)
    async with MetadataStore(location, clock=lambda: now_s) as store:
        for checked_at_s, commit in ((NOW_S - 50, A), (NOW_S, B)):
            await store.put([make_record("org/a", commit, checked_at_s=checked_at_s)])
        await prune(store, repo_ids=["org/none"])
        assert (await count_rows(store), await count_rows(store, facts)) == (1, 2)
        now_s += HISTORY_S + 1
        await prune(store, repo_ids=["org/none"])
        assert (await count_rows(store), await count_rows(store, facts)) == (0, 1)


async def test_old_rows_go_by_themselves_where_something_is_written(location: str) -> None:
    now_s = float(NOW_S)
    async with MetadataStore(location, clock=lambda: now_s) as store:
        for checked_at_s, commit in ((NOW_S - 50, A), (NOW_S, B)):
            await store.put([make_record("org/a", commit, checked_at_s=checked_at_s)])
        now_s += HISTORY_S + 1
        await store.put([make_record("org/b", C, checked_at_s=int(now_s))])
        assert await count_rows(store) == 0


async def test_the_past_of_a_pruned_ref_goes_with_it(location: str) -> None:
    async with MetadataStore(location, clock=lambda: NOW_S) as store:
        for checked_at_s, commit in ((NOW_S - 50, A), (NOW_S, B)):
            await store.put([make_record("org/a", commit, checked_at_s=checked_at_s)])
        await prune(store, repo_ids=["org/a"])
        assert (await count_rows(store), await count_rows(store, facts)) == (0, 0)


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE ref_history SET commit_hash = 'c0'",
        "UPDATE ref_history SET key = 7",
        "UPDATE ref_history SET hints = x'00'",
        "UPDATE ref_history SET changed_at = 'x'",
        "UPDATE ref_history SET replaced_at = -1",
    ],
)
async def test_a_damaged_row_of_the_past_is_not_used_and_is_removed(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "store.sqlite3"
    async with MetadataStore(path, clock=lambda: NOW_S) as store:
        for checked_at_s, commit in ((NOW_S - 50, A), (NOW_S, B)):
            await store.put([make_record("org/a", commit, checked_at_s=checked_at_s)])
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(damage)
    async with MetadataStore(path, clock=lambda: NOW_S) as store:
        found = await list_at(store, NOW_S - 10)
        assert all(ref.commit_hash == A for ref in found.values())
        assert len((await verify(store, REGISTRY)).problems) == 1
        await verify(store, REGISTRY, drop=True)
        assert (await verify(store, REGISTRY)).problems == [] and await count_rows(store) == 0
