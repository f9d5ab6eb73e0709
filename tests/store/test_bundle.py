"""Bundles: which rows are exported and imported, and which files are refused."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest
from msgspec.structs import replace

from registry.facts import CommitFacts
from store.bundle.exporting import export_bundle
from store.bundle.format import MAGIC, BundleWriter, Header, read_rows
from store.bundle.importing import import_bundle
from store.errors import BundleError, StoreError
from store.keys import ANONYMOUS, RefKey, derive_scope
from store.records import Record
from store.rows import FactsRow, RefRow, Rows, add_digest, build_rows
from store.store import MetadataStore
from store.tables import ROWS_SCHEMA
from tests.store.support import DECISION, DECISION_KEY, FACTS, HINTS, HUB, make_record, recall_one

T = TypeVar("T", FactsRow, RefRow)

SECRET = derive_scope("secret")
RENAMED = replace(make_record("org/new"), ref_keys=(RefKey(HUB, "old", "main"), RefKey(HUB, "org/new", "main")))
MISSING = Record(
    ref_keys=(RefKey(HUB, "org/gone", "main", ANONYMOUS),), hints=HINTS, checked_at_s=7, problem="repo_not_found"
)
ALL = [make_record("org/a"), RENAMED, MISSING, make_record("org/private", "b" * 40, scope=SECRET)]


async def are_known(store: MetadataStore, *names: str, scope: str = "") -> list[bool]:
    return [await recall_one(store, name, scope=scope) is not None for name in names]


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return tmp_path / "knowledge.bundle"


async def test_a_bundle_holds_all_public_rows(location: str, bundle: Path, tmp_path: Path) -> None:
    async with MetadataStore(location) as store:
        await store.put(ALL)
        exported = await export_bundle(store, bundle)
    assert (exported.refs, exported.facts, exported.decisions, exported.damaged) == (3, 2, 2, 0)
    async with MetadataStore(tmp_path / "other.sqlite3") as other:
        imported = await import_bundle(other, bundle)
        assert (imported.refs, imported.facts, imported.decisions) == (3, 2, 2)
        assert await are_known(other, "org/a", "old", "org/new") == [True] * 3
        found = await recall_one(other, "old")
        assert found is not None and (found.canonical_id, found.decision()) == ("org/new", DECISION)
        (facts,) = (await other.get_repo_facts([found])).values()
        assert (facts.commit, facts.hints) == (FACTS, HINTS)
        assert await are_known(other, "org/private", scope=SECRET) == [False]
        assert await are_known(other, "org/gone", scope=ANONYMOUS) == [False]


async def test_a_bundle_of_sqlite_is_imported_by_either_database_and_exported_again(
    location: str, bundle: Path, tmp_path: Path
) -> None:
    async with MetadataStore(tmp_path / "one.sqlite3") as store:
        await store.put(ALL)
        await export_bundle(store, bundle, with_private=True)
    async with MetadataStore(location) as other:
        await import_bundle(other, bundle)
        await import_bundle(other, bundle)
        again = await export_bundle(other, tmp_path / "again", with_private=True)
        info = await other.get_info()
    assert (again.refs, again.facts, again.decisions) == (4, 3, 3) == (info.refs, info.facts, info.decisions)
    rows = [sorted(row for block in read_rows(path) for row in block.refs) for path in (bundle, tmp_path / "again")]
    assert rows[0] == rows[1]


async def test_private_rows_are_exported_only_when_requested(location: str, bundle: Path, tmp_path: Path) -> None:
    async with MetadataStore(location) as store, MetadataStore(tmp_path / "other.sqlite3") as other:
        await store.put(ALL)
        await export_bundle(store, bundle, with_private=True)
        await import_bundle(other, bundle)
        assert await are_known(other, "org/private", scope=SECRET) == [True]
        assert await are_known(other, "org/private") == [False]


@pytest.mark.parametrize("requested", ["old", "org/new"])
async def test_requested_repos_are_exported_under_all_their_names(
    location: str, bundle: Path, tmp_path: Path, requested: str
) -> None:
    async with MetadataStore(location) as store, MetadataStore(tmp_path / "other.sqlite3") as other:
        await store.put([*ALL, *(make_record(f"org/m{number}") for number in range(20))])
        exported = await export_bundle(store, bundle, [requested, "org/m7", "org/unknown", "org/private"])
        assert sorted(exported.unknown) == ["org/private", "org/unknown"]
        await import_bundle(other, bundle)
        assert await are_known(other, "old", "org/new", "org/m7", "org/a", "org/m8") == [True, True, True, False, False]


async def test_the_later_check_wins_and_facts_never_lose_files(location: str, bundle: Path, tmp_path: Path) -> None:
    smaller = replace(
        make_record("org/facts", checked_at_s=300), facts=CommitFacts(filenames=("config.json",)), decision=None
    )
    async with MetadataStore(tmp_path / "exported.sqlite3") as exported:
        await exported.put([make_record("org/a", "c" * 40, checked_at_s=200), make_record("org/b", "c" * 40), smaller])
        await export_bundle(exported, bundle)
    async with MetadataStore(location) as store:
        await store.put(
            [make_record("org/a"), make_record("org/b", "d" * 40, checked_at_s=150), make_record("org/facts")]
        )
        await import_bundle(store, bundle)
        first, second = await recall_one(store, "org/a"), await recall_one(store, "org/b")
        assert first is not None and second is not None
        assert (first.commit_hash, second.commit_hash) == ("c" * 40, "d" * 40)
        found = await recall_one(store, "org/facts")
        assert found is not None and found.checked_at_s == 300
        (facts,) = (await store.get_repo_facts([found])).values()
        assert facts.commit == FACTS


async def test_many_repos_are_exported_while_others_write(location: str, bundle: Path, tmp_path: Path) -> None:
    names = [f"org/m{number}" for number in range(2_345)]
    async with MetadataStore(location) as store, MetadataStore(location) as busy:
        await store.put([make_record(name) for name in names])
        stop = asyncio.Event()

        async def write() -> int:
            number = 0
            while not stop.is_set():
                # One transaction for two records: a bundle has both or neither.
                await busy.put([make_record(f"org/x{number}"), make_record(f"org/y{number}")])
                number += 1
            return number

        writing = asyncio.create_task(write())
        await export_bundle(store, bundle)
        stop.set()
        assert await writing > 0
    async with MetadataStore(tmp_path / "other.sqlite3") as other:
        await import_bundle(other, bundle)
        assert all(await other.recall(HUB, "", [(name, "main") for name in names], DECISION_KEY))
        for number in range(50):
            first, second = await are_known(other, f"org/x{number}", f"org/y{number}")
            assert first == second


async def test_a_check_in_the_future_is_imported_as_checked_now(location: str, bundle: Path, tmp_path: Path) -> None:
    async with MetadataStore(tmp_path / "ahead.sqlite3") as ahead:
        await ahead.put([make_record("org/a", checked_at_s=2**40)])
        await export_bundle(ahead, bundle)
    async with MetadataStore(location) as store:
        await import_bundle(store, bundle)
        found = await recall_one(store, "org/a")
        assert found is not None and found.checked_at_s < 2**33


def cut(content: bytes) -> bytes:
    return content[: len(content) // 2]


def cut_by_one(content: bytes) -> bytes:
    return content[:-1]


def lengthen(content: bytes) -> bytes:
    return content + b"x"


def flip_bit(content: bytes) -> bytes:
    place = random.Random(3).randrange(len(MAGIC), len(content) - 40)
    return content[:place] + bytes([content[place] ^ 4]) + content[place + 1 :]


def keep_magic_only(_: bytes) -> bytes:
    return MAGIC


def change_magic(content: bytes) -> bytes:
    return b"x" + content[1:]


def erase(_: bytes) -> bytes:
    return b""


@pytest.mark.parametrize(
    "damage",
    [cut, cut_by_one, lengthen, flip_bit, keep_magic_only, change_magic, erase],
    ids=lambda item: item.__name__,
)
async def test_a_damaged_bundle_is_refused_whole(location: str, bundle: Path, damage: Callable[[bytes], bytes]) -> None:
    async with MetadataStore(location) as store:
        await store.put([make_record(f"org/m{number}") for number in range(50)])
        await export_bundle(store, bundle)
        bundle.write_bytes(damage(bundle.read_bytes()))
    async with MetadataStore(location) as store:
        before = await store.get_info()
        with pytest.raises(BundleError, match=bundle.name):
            await import_bundle(store, bundle)
        assert await store.get_info() == before


def forge(rows: Rows) -> list[Rows]:
    """Wrong rows, for a bundle whose own digest is right."""
    (facts,), (ref,), (decision,) = rows.facts, rows.refs, rows.decisions
    return [
        Rows([facts._replace(body=b"other")]),
        Rows([with_new_digest(facts._replace(canonical_id="org/other"))]),
        Rows([facts], [with_new_digest(ref._replace(repo_id="org/other"))]),
        Rows([facts], [with_new_digest(ref._replace(facts_key=7))]),
        Rows([facts], [ref], [decision._replace(body=b"other")]),
        Rows([facts], [RefRow._make((ref.key, 7, *ref[2:]))]),
    ]


def with_new_digest(row: T) -> T:
    return type(row)(*add_digest(row[:-1]))


@pytest.mark.parametrize("number", range(6))
async def test_a_row_that_does_not_match_its_digest_or_key_is_refused_with_all_others(
    location: str, bundle: Path, number: int
) -> None:
    good, bad = build_rows([make_record("org/good")]), forge(build_rows([make_record("org/a")]))[number]
    with BundleWriter(bundle, Header(schema=ROWS_SCHEMA, made_at_s=0, with_private=False)) as writer:
        writer.write(good)
        writer.write(bad)
    async with MetadataStore(location) as store:
        with pytest.raises(BundleError):
            await import_bundle(store, bundle)
        assert (await store.get_info()).facts == 0


async def test_a_bundle_of_another_schema_is_refused(bundle: Path, tmp_path: Path) -> None:
    with BundleWriter(bundle, Header(schema=99, made_at_s=0, with_private=False)):
        pass
    async with MetadataStore(tmp_path / "store.sqlite3") as store:
        with pytest.raises(BundleError, match="99"):
            await import_bundle(store, bundle)


async def test_a_bundle_is_written_completely_or_not_at_all(bundle: Path, tmp_path: Path) -> None:
    bundle.write_text("an earlier one")
    async with MetadataStore(tmp_path / "store.sqlite3") as store:
        await store.put(ALL)
        task = asyncio.create_task(export_bundle(store, bundle))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert bundle.read_text() == "an earlier one"
        for place in (tmp_path / "none" / "x", tmp_path):
            with pytest.raises(StoreError, match="cannot be written"):
                await export_bundle(store, place)
        with pytest.raises(StoreError):
            await import_bundle(store, tmp_path / "none")
        with pytest.raises(StoreError):
            await import_bundle(store, tmp_path)
    assert [item.name for item in tmp_path.iterdir() if item.name.startswith(".")] == []


async def test_damaged_rows_are_not_exported(bundle: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with MetadataStore(tmp_path / "store.sqlite3") as store:
        await store.put([make_record("org/a"), make_record("org/b"), make_record("org/c")])
        async with store.connect() as connection:
            await connection.exec_driver_sql("UPDATE facts SET commit_hash = 'x' WHERE canonical_id = 'org/a'")
            await connection.exec_driver_sql("UPDATE refs SET pipeline_tag = 'x' WHERE repo_id = 'org/b'")
        exported = await export_bundle(store, bundle)
    assert (exported.refs, exported.damaged) == (1, 4) and "verify" in caplog.text
    async with MetadataStore(tmp_path / "other.sqlite3") as other:
        await import_bundle(other, bundle)
        assert await are_known(other, "org/a", "org/b", "org/c") == [False, False, True]
