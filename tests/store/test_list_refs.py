"""Listing the public refs of an endpoint, in SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import pytest

from store.keys import RefKey
from store.records import Record, StoredRef
from store.sql.ref_pages import ROWS_PER_PAGE
from store.store import MetadataStore
from tests.store.support import DECISION, DECISION_KEY, HUB, make_record

OTHER_HUB = "https://other.test"


def make_problem(name: str, problem: str = "repo_not_found") -> Record:
    return Record(ref_keys=(RefKey(HUB, name, "main"),), hints=make_record(name).hints, checked_at_s=1, problem=problem)


async def list_refs(store: MetadataStore, endpoint: str = HUB, author: str | None = None) -> list[StoredRef]:
    return [ref async for page in store.list_refs(endpoint, DECISION_KEY, author=author) for ref in page]


@pytest.mark.parametrize(
    ("author", "expected"),
    [
        (None, ["acme/a", "Acme/B", "one", "acme_/c", "old/name"]),
        ("acme", ["acme/a", "Acme/B"]),
        ("ACME", ["acme/a", "Acme/B"]),
        ("new", ["old/name"]),
        ("old", ["old/name"]),
        ("acm", []),
        ("%", []),
        ("acme/a", []),
    ],
)
async def test_public_refs_to_commits_are_listed(location: str, author: str | None, expected: Sequence[str]) -> None:
    renamed = make_record("new/name", "b" * 40)
    records = [
        make_record("acme/a"),
        make_record("acme/secret", scope="f" * 32),
        make_record("Acme/B"),
        make_record("one"),
        make_problem("acme/none"),
        make_record("acme_/c"),
        msgspec.structs.replace(renamed, ref_keys=(RefKey(HUB, "old/name", "main"),)),
    ]
    async with MetadataStore(location) as store:
        await store.put(records)
        refs = await list_refs(store, author=author)
        assert sorted(ref.repo_id for ref in refs) == sorted(expected)
        assert all(ref.decision() == DECISION for ref in refs)
        assert await list_refs(store, OTHER_HUB, author) == [] and await store.list_endpoints() == [HUB]


async def test_all_pages_are_of_one_state(location: str) -> None:
    names = [f"acme/r{number}" for number in range(ROWS_PER_PAGE + 5)]
    async with MetadataStore(location) as store, MetadataStore(location) as writer:
        await store.put([make_record(name) for name in names])
        found: list[str] = []
        async for page in store.list_refs(HUB, DECISION_KEY):
            found += [ref.repo_id for ref in page]
            await writer.put([make_record(f"acme/later{len(found)}")])
        assert sorted(found) == sorted(names)
        assert len(await list_refs(store)) == len(names) + 2
