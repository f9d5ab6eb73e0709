"""What is carried from store to store, and what is refused."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import pytest
from msgspec.structs import replace

from registry.facts import CommitFacts
from store.bundle.exporting import export_bundle
from store.bundle.format import MAGIC, BundleWriter, Header, read_rows
from store.bundle.importing import import_bundle
from store.errors import BundleError, StoreError
from store.keys import ANONYMOUS, RefKey, scope_of_token
from store.records import Record
from store.rows import Rows, rows_of, with_digest
from store.store import MetadataStore
from store.tables import SCHEMA_VERSION
from tests.store.support import DECISION, FACTS, HINTS, HUB, RULES, recall_one, record

SECRET = scope_of_token("secret")
RENAMED = replace(record("org/new"), ref_keys=(RefKey(HUB, "old", "main"), RefKey(HUB, "org/new", "main")))
MISSING = Record(
    ref_keys=(RefKey(HUB, "org/gone", "main", ANONYMOUS),), hints=HINTS, checked_at_s=7, problem="repo_not_found"
)
ALL = [record("org/a"), RENAMED, MISSING, record("org/private", "b" * 40, scope=SECRET)]


async def known(store: MetadataStore, *names: str, scope: str = "") -> list[bool]:
    return [await recall_one(store, name, scope=scope) is not None for name in names]


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return tmp_path / "knowledge.bundle"


async def test_a_bundle_tells_another_store_all_that_is_public(location: str, bundle: Path, tmp_path: Path) -> None:
    async with MetadataStore(location) as store:
        await store.put(ALL)
        exported = await export_bundle(store, bundle)
    assert (exported.refs, exported.facts, exported.decisions, exported.damaged) == (3, 2, 2, 0)
    async with MetadataStore(tmp_path / "other.sqlite3") as other:
        imported = await import_bundle(other, bundle)
        assert (imported.refs, imported.facts, imported.decisions) == (3, 2, 2)
        assert await known(other, "org/a", "old", "org/new") == [True] * 3
        found = await recall_one(other, "old")
        assert found is not None and (found.canonical_id, found.decision()) == ("org/new", DECISION)
        (facts,) = (await other.get_repo_facts([found])).values()
        assert (facts.commit, facts.hints) == (FACTS, HINTS)
        assert await known(other, "org/private", scope=SECRET) == [False]
        assert await known(other, "org/gone", scope=ANONYMOUS) == [False]


async def test_a_bundle_from_a_file_is_understood_by_a_server_and_back(
    location: str, bundle: Path, tmp_path: Path
) -> None:
    async with MetadataStore(tmp_path / "one.sqlite3") as store:
        await store.put(ALL)
        await export_bundle(store, bundle, with_private=True)
    async with MetadataStore(location) as other:
        await import_bundle(other, bundle)
        await import_bundle(other, bundle)
        again = await export_bundle(other, tmp_path / "again", with_private=True)
        info = await other.info()
    assert (again.refs, again.facts, again.decisions) == (4, 3, 3) == (info.refs, info.facts, info.decisions)
    rows = [sorted(row for block in read_rows(path) for row in block.refs) for path in (bundle, tmp_path / "again")]
    assert rows[0] == rows[1]


async def test_what_only_a_token_may_see_goes_along_only_when_asked_for(
    location: str, bundle: Path, tmp_path: Path
) -> None:
    async with MetadataStore(location) as store, MetadataStore(tmp_path / "other.sqlite3") as other:
        await store.put(ALL)
        await export_bundle(store, bundle, with_private=True)
        await import_bundle(other, bundle)
        assert await known(other, "org/private", scope=SECRET) == [True]
        assert await known(other, "org/private") == [False]


@pytest.mark.parametrize("asked", ["old", "org/new"])
async def test_chosen_repos_go_along_under_all_their_names(
    location: str, bundle: Path, tmp_path: Path, asked: str
) -> None:
    async with MetadataStore(location) as store, MetadataStore(tmp_path / "other.sqlite3") as other:
        await store.put([*ALL, *(record(f"org/m{number}") for number in range(20))])
        exported = await export_bundle(store, bundle, [asked, "org/m7", "org/unknown", "org/private"])
        assert sorted(exported.unknown) == ["org/private", "org/unknown"]
        await import_bundle(other, bundle)
        assert await known(other, "old", "org/new", "org/m7", "org/a", "org/m8") == [True, True, True, False, False]


async def test_the_later_check_wins_and_facts_are_never_lessened(location: str, bundle: Path, tmp_path: Path) -> None:
    lesser = replace(
        record("org/facts", checked_at_s=300), facts=CommitFacts(filenames=("config.json",)), decision=None
    )
    async with MetadataStore(tmp_path / "carried.sqlite3") as carried:
        await carried.put([record("org/a", "c" * 40, checked_at_s=200), record("org/b", "c" * 40), lesser])
        await export_bundle(carried, bundle)
    async with MetadataStore(location) as store:
        await store.put([record("org/a"), record("org/b", "d" * 40, checked_at_s=150), record("org/facts")])
        await import_bundle(store, bundle)
        first, second = await recall_one(store, "org/a"), await recall_one(store, "org/b")
        assert first is not None and second is not None
        assert (first.commit_hash, second.commit_hash) == ("c" * 40, "d" * 40)
        found = await recall_one(store, "org/facts")
        assert found is not None and found.checked_at_s == 300
        (facts,) = (await store.get_repo_facts([found])).values()
        assert facts.commit == FACTS


async def test_many_repos_are_carried_while_others_write(location: str, bundle: Path, tmp_path: Path) -> None:
    names = [f"org/m{number}" for number in range(2_345)]
    async with MetadataStore(location) as store, MetadataStore(location) as busy:
        await store.put([record(name) for name in names])
        stop = asyncio.Event()

        async def write() -> int:
            number = 0
            while not stop.is_set():
                # Each a pair: a bundle that holds one of them holds the other.
                await busy.put([record(f"org/x{number}"), record(f"org/y{number}")])
                number += 1
            return number

        writing = asyncio.create_task(write())
        await export_bundle(store, bundle)
        stop.set()
        assert await writing > 0
    async with MetadataStore(tmp_path / "other.sqlite3") as other:
        await import_bundle(other, bundle)
        assert all(await other.recall(HUB, "", [(name, "main") for name in names], RULES))
        for number in range(50):
            first, second = await known(other, f"org/x{number}", f"org/y{number}")
            assert first == second


async def test_a_check_from_the_future_is_taken_for_one_from_now(location: str, bundle: Path, tmp_path: Path) -> None:
    async with MetadataStore(tmp_path / "ahead.sqlite3") as ahead:
        await ahead.put([record("org/a", checked_at_s=2**40)])
        await export_bundle(ahead, bundle)
    async with MetadataStore(location) as store:
        await import_bundle(store, bundle)
        found = await recall_one(store, "org/a")
        assert found is not None and found.checked_at_s < 2**33


def cut(content: bytes) -> bytes:
    return content[: len(content) // 2]


def cut_by_one(content: bytes) -> bytes:
    return content[:-1]


def longer(content: bytes) -> bytes:
    return content + b"x"


def flipped(content: bytes) -> bytes:
    place = random.Random(3).randrange(len(MAGIC), len(content) - 40)
    return content[:place] + bytes([content[place] ^ 4]) + content[place + 1 :]


def only_the_head(_: bytes) -> bytes:
    return MAGIC


def another_magic(content: bytes) -> bytes:
    return b"x" + content[1:]


def empty(_: bytes) -> bytes:
    return b""


@pytest.mark.parametrize(
    "damage", [cut, cut_by_one, longer, flipped, only_the_head, another_magic, empty], ids=lambda item: item.__name__
)
async def test_a_damaged_bundle_is_refused_whole(location: str, bundle: Path, damage: object) -> None:
    assert callable(damage)
    async with MetadataStore(location) as store:
        await store.put([record(f"org/m{number}") for number in range(50)])
        await export_bundle(store, bundle)
        bundle.write_bytes(damage(bundle.read_bytes()))
    async with MetadataStore(location) as store:
        before = await store.info()
        with pytest.raises(BundleError, match=bundle.name):
            await import_bundle(store, bundle)
        assert await store.info() == before


def forged(rows: Rows) -> list[Rows]:
    """Rows that a bundle's digest says nothing against, and that are wrong all the same."""
    (facts,), (ref,), (decision,) = rows.facts, rows.refs, rows.decisions
    return [
        Rows([(*facts[:6], b"other", facts[7])], [], []),
        Rows([with_digest((*facts[:2], "org/other", *facts[3:7]))], [], []),
        Rows([facts], [with_digest((*ref[:2], "org/other", *ref[3:14]))], []),
        Rows([facts], [with_digest((*ref[:5], 7, *ref[6:14]))], []),
        Rows([facts], [ref], [(*decision[:4], b"other", decision[5])]),
        Rows([facts], [(*ref[:1], 7, *ref[2:])], []),
    ]


@pytest.mark.parametrize("number", range(6))
async def test_a_row_that_is_not_what_it_says_is_refused_with_all_others(
    location: str, bundle: Path, number: int
) -> None:
    good, bad = rows_of([record("org/good")]), forged(rows_of([record("org/a")]))[number]
    with BundleWriter(bundle, Header(schema=SCHEMA_VERSION, made_at_s=0, with_private=False)) as writer:
        writer.write(good)
        writer.write(bad)
    async with MetadataStore(location) as store:
        with pytest.raises(BundleError):
            await import_bundle(store, bundle)
        assert (await store.info()).facts == 0


async def test_a_bundle_of_another_schema_says_so(bundle: Path, tmp_path: Path) -> None:
    with BundleWriter(bundle, Header(schema=99, made_at_s=0, with_private=False)):
        pass
    async with MetadataStore(tmp_path / "store.sqlite3") as store:
        with pytest.raises(BundleError, match="99"):
            await import_bundle(store, bundle)


async def test_a_bundle_is_there_whole_or_not_at_all(bundle: Path, tmp_path: Path) -> None:
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


async def test_damaged_rows_are_not_carried_on(bundle: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with MetadataStore(tmp_path / "store.sqlite3") as store:
        await store.put([record("org/a"), record("org/b"), record("org/c")])
        async with store.connect() as connection:
            await connection.exec_driver_sql("UPDATE facts SET commit_hash = 'x' WHERE canonical_id = 'org/a'")
            await connection.exec_driver_sql("UPDATE refs SET pipeline_tag = 'x' WHERE repo_id = 'org/b'")
        exported = await export_bundle(store, bundle)
    assert (exported.refs, exported.damaged) == (1, 4) and "verify" in caplog.text
    async with MetadataStore(tmp_path / "other.sqlite3") as other:
        await import_bundle(other, bundle)
        assert await known(other, "org/a", "org/b", "org/c") == [False, False, True]
