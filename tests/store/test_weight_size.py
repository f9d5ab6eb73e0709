"""The size of the weights in the store: kept with the ref, protected by its digest, and absent in earlier bundles."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from msgspec.structs import replace

from store.bundle.exporting import export_bundle
from store.bundle.format import BundleWriter, Header
from store.bundle.importing import import_bundle
from store.errors import BundleError
from store.maintenance.verify import verify
from store.records import StoredRef
from store.rows import Rows, build_rows
from store.store import MetadataStore
from store.tables import ROWS_SCHEMA, ROWS_SCHEMA_WITHOUT_SIZE
from tests.store.support import DATA, DECISION_KEY, HUB, REGISTRY, make_record, recall_one

A = "a" * 40
SIZED = replace(make_record("org/a", A), parameters=2**40, weight_bytes=2**42)
COUNTED = replace(make_record("org/counted", "b" * 40), parameters=7)
UNKNOWN = make_record("org/unknown", "c" * 40)


def size_of(ref: StoredRef | None) -> tuple[int | None, int | None] | None:
    return (ref.parameters, ref.weight_bytes) if ref is not None else None


async def test_sizes_are_recalled_listed_exported_and_imported(location: str, tmp_path: Path) -> None:
    expected = {"org/a": (2**40, 2**42), "org/counted": (7, None), "org/unknown": (None, None)}
    async with MetadataStore(location) as store:
        await store.put([SIZED, COUNTED, UNKNOWN])
        await export_bundle(store, tmp_path / "all.bundle")
        listed = [ref async for page in store.list_refs(HUB, DECISION_KEY) for ref in page]
        assert {ref.repo_id: size_of(ref) for ref in listed} == expected
    async with MetadataStore(tmp_path / "other.sqlite3") as other:
        await import_bundle(other, tmp_path / "all.bundle")
        assert {name: size_of(await recall_one(other, name)) for name in expected} == expected
        assert (await verify(other, REGISTRY)).problems == []


async def test_a_size_is_of_its_commit(location: str) -> None:
    async with MetadataStore(location) as store:
        await store.put([SIZED])
        await store.put([make_record("org/a", "d" * 40, checked_at_s=200)])
        assert size_of(await recall_one(store, "org/a")) == (None, None)
        past = [ref async for page in store.list_past_refs(HUB, DECISION_KEY, moment_s=150, since_s=0) for ref in page]
        assert [size_of(ref) for ref in past] == [(2**40, 2**42)]


async def test_a_size_that_is_learned_later_is_no_change_of_the_repo(location: str) -> None:
    async with MetadataStore(location) as store:
        await store.put([make_record("org/a", A)])
        await store.put([replace(SIZED, checked_at_s=200)])
        assert size_of(await recall_one(store, "org/a")) == (2**40, 2**42)
        changed = store.list_past_refs(HUB, DECISION_KEY, moment_s=300, since_s=150)
        assert [ref async for page in changed for ref in page] == []


@pytest.mark.parametrize(
    "damage",
    ["parameters = 5", "weight_bytes = NULL", "parameters = 'x'", "parameters = NULL, weight_bytes = NULL"],
)
async def test_a_changed_size_is_damage(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "store.sqlite3"
    async with MetadataStore(path) as store:
        await store.put([SIZED, UNKNOWN])
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(f"UPDATE refs SET {damage} WHERE repo_id = 'org/a'")
    async with MetadataStore(path) as store:
        assert await recall_one(store, "org/a") is None
        assert await recall_one(store, "org/unknown") is not None
        assert len((await verify(store, REGISTRY)).problems) == 1


async def test_a_negative_size_is_not_used_though_its_digest_is_right(tmp_path: Path) -> None:
    path, bundle = tmp_path / "store.sqlite3", tmp_path / "wrong.bundle"
    wrong = build_rows([replace(SIZED, parameters=-1)])
    with BundleWriter(bundle, Header(schema=ROWS_SCHEMA, made_at_s=0, with_private=False)) as writer:
        writer.write(wrong)
    async with MetadataStore(path) as store:
        with pytest.raises(BundleError, match="a ref has a negative size; nothing was imported"):
            await import_bundle(store, bundle)
        await store.merge(wrong)
        assert await recall_one(store, "org/a") is None
        assert len((await verify(store, REGISTRY)).problems) == 1


async def test_an_earlier_bundle_with_an_empty_ref_is_refused(tmp_path: Path) -> None:
    bundle = tmp_path / "wrong.bundle"
    with BundleWriter(bundle, Header(schema=ROWS_SCHEMA_WITHOUT_SIZE, made_at_s=0, with_private=False)) as writer:
        writer.write(Rows(refs=[()]))  # type: ignore[list-item]
    async with MetadataStore(tmp_path / "store.sqlite3") as store:
        with pytest.raises(BundleError, match="is damaged"):
            await import_bundle(store, bundle)


async def test_a_bundle_of_an_earlier_release_is_imported(location: str) -> None:
    # Written by the release before schema 8.
    async with MetadataStore(location) as store:
        report = await import_bundle(store, DATA / "bundle_2.bundle")
        assert (report.refs, report.facts, report.decisions) == (2, 2, 2)
        assert [size_of(await recall_one(store, name)) for name in ("org/a", "org/b")] == [(None, None)] * 2
        assert (await verify(store, REGISTRY)).problems == []
