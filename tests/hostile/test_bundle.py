"""Whatever a bundle holds, an import adds what is in it or refuses the whole file, in bounded memory."""

from __future__ import annotations

import hashlib
import os
import random
import subprocess
import sys
import tracemalloc
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from registry.facts import CommitFacts
from store import codec
from store.bundle.exporting import export_bundle
from store.bundle.format import MAGIC
from store.bundle.importing import import_bundle
from store.errors import BundleError, StoreError
from store.keys import TOMBSTONE, FactsKey, RefKey
from store.maintenance.verify import verify
from store.rows import DecisionRow, FactsRow, RefRow, add_digest, build_rows
from store.store import MetadataStore
from tests.hostile.damage import REGISTRY, ROUNDS, flip_bit, read_blocks, write_blocks
from tests.hostile.test_store import build_bomb, build_nest
from tests.resolver.support import environment
from tests.store.support import HUB, make_record, recall_one

NAMES = ["org/a", "org/b", "org/c"]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.sqlite3"


@pytest.fixture
async def bundle(tmp_path: Path) -> Path:
    """A bundle of three repos."""
    made = tmp_path / "good.bundle"
    async with MetadataStore(tmp_path / "source.sqlite3") as store:
        await store.put([make_record(name, commit=letter * 40) for name, letter in zip(NAMES, "abc", strict=True)])
        await export_bundle(store, made)
    return made


def change_row(row: list[Any], kind: Any, **changes: Any) -> None:
    """Change a row in place, with a valid digest."""
    changed = kind._make(row)._replace(**changes)
    row[:] = add_digest(changed[:-1])


def aim_elsewhere(header: Any, facts: Any, refs: Any, decisions: Any) -> None:
    key = FactsKey(HUB, "org/z", "9" * 40)
    change_row(refs[0], RefRow, canonical_id="org/z", commit_hash="9" * 40, facts_key=key.key)


def make_path(header: Any, facts: Any, refs: Any, decisions: Any) -> None:
    key = FactsKey(HUB, "../../etc", "a" * 40)
    change_row(facts[0], FactsRow, canonical_id=key.canonical_id, key=key.key)
    change_row(refs[0], RefRow, canonical_id=key.canonical_id, facts_key=key.key)


def make_commit_a_path(header: Any, facts: Any, refs: Any, decisions: Any) -> None:
    key = FactsKey(HUB, "org/a", "../../../x")
    change_row(facts[0], FactsRow, commit_hash=key.commit_hash, key=key.key)
    change_row(refs[0], RefRow, commit_hash=key.commit_hash, facts_key=key.key)


def pin_another_commit(header: Any, facts: Any, refs: Any, decisions: Any) -> None:
    revision = "9" * 40
    change_row(refs[0], RefRow, revision=revision, key=RefKey(HUB, "org/a", revision).key)


def add_tombstone(header: Any, facts: Any, refs: Any, decisions: Any) -> None:
    change_row(refs[0], RefRow, problem=TOMBSTONE, facts_key=None, commit_hash=None, canonical_id=None)


def set_in(table: int, kind: Any, **changes: Any) -> Callable[..., None]:
    return lambda header, *tables: change_row(tables[table][0], kind, **changes)


def set_header(**changes: Any) -> Callable[..., None]:
    return lambda header, *tables: header.update(changes)


LIES: dict[str, Callable[..., None]] = {
    "a ref about facts of others": aim_elsewhere,
    "a decision about facts of others": set_in(2, DecisionRow, facts_key=FactsKey(HUB, "org/z", "9" * 40).key),
    "an id that is a path": make_path,
    "a commit that is a path": make_commit_a_path,
    "a pinned revision at another commit": pin_another_commit,
    "a tombstone": add_tombstone,
    "more files than there are": set_in(0, FactsRow, files_asked=10**9),
    "a private row in a public bundle": set_in(1, RefRow, scope="mine", key=RefKey(HUB, "org/a", "main", "mine").key),
    "a tag that the hints do not have": set_in(1, RefRow, pipeline_tag="text-generation"),
    "a number that no database holds": set_in(2, DecisionRow, registry_digest=2**63),
    "a check before 1970": set_in(1, RefRow, checked_at=-1),
    "a text with a zero": set_in(2, DecisionRow, asked="\0/"),
    "a body without end": set_in(0, FactsRow, body=build_bomb(2**24)),
    "a deep body": set_in(0, FactsRow, body=build_nest(100_000)),
    "a decision that cannot be read": set_in(2, DecisionRow, body=b"\xff"),
    "an impossible time": set_header(made_at_s=10**15),
    "a time before 1970": set_header(made_at_s=-1),
    "another schema": set_header(schema=99),
}


@pytest.mark.parametrize("lie", LIES)
async def test_a_bundle_that_claims_what_is_not_in_it_is_refused_whole(path: Path, bundle: Path, lie: str) -> None:
    header, *blocks = read_blocks(bundle)
    tables: tuple[list[Any], ...] = ([], [], [])
    for block in blocks:
        for table, rows in zip(tables, block, strict=True):
            table.extend(rows)
    LIES[lie](header, *tables)
    write_blocks(bundle, [header, list(tables)])
    async with MetadataStore(path) as store:
        stored = [
            make_record(name, commit=letter * 40, checked_at_s=50) for name, letter in (("org/a", "a"), ("org/z", "9"))
        ]
        await store.put(stored)
        before = [await recall_one(store, name) for name in (*NAMES, "org/z")]
        with pytest.raises(BundleError):
            await import_bundle(store, bundle)
        assert [await recall_one(store, name) for name in (*NAMES, "org/z")] == before


async def test_an_import_adds_decisions_and_replaces_none(path: Path, bundle: Path) -> None:
    async with MetadataStore(path) as store:
        await store.put(
            [make_record(name, commit=letter * 40, checked_at_s=50) for name, letter in zip(NAMES, "abc", strict=True)]
        )
        good = await recall_one(store, "org/a")
        assert good is not None
        header, *blocks = read_blocks(bundle)
        for block in blocks:
            for row in block[2]:
                change_row(row, DecisionRow, body=codec.encode(replace(codec.decode_decision(row[4]), task="lied")))
        write_blocks(bundle, [header, *blocks])
        await import_bundle(store, bundle)
        found = await recall_one(store, "org/a")
        assert found is not None and found.checked_at_s == 100 and found.decision() == good.decision()


HUGE = 256 * 2**20


def build_block(size_bytes: int) -> bytes:
    """A block of some kilobytes that inflates to `size_bytes`; made in pieces."""
    packer, piece = zlib.compressobj(9), bytes(2**20)
    return b"".join(packer.compress(piece) for _ in range(size_bytes // len(piece))) + packer.flush()


BLOCKS: dict[str, Callable[[], bytes]] = {
    "bomb": lambda: build_block(HUGE),
    "long": lambda: os.urandom(2**20),
    "deep": lambda: zlib.compress(b"\x91" * 1_000_000),
}


@pytest.mark.parametrize("kind", BLOCKS)
@pytest.mark.parametrize("is_header", [True, False], ids=["header", "rows"])
async def test_a_block_without_end_is_refused_in_bounded_memory(
    path: Path, tmp_path: Path, kind: str, is_header: bool
) -> None:
    block = BLOCKS[kind]()
    length = len(block) if kind != "long" else 2**32 - 1
    target = tmp_path / "bundle"
    first: list[Any] = [] if is_header else [{"schema": 2, "made_at_s": 1, "with_private": False}]
    write_blocks(target, first)
    content = target.read_bytes()[:-32] + length.to_bytes(4, "big") + block
    target.write_bytes(content + hashlib.sha256(content).digest())
    async with MetadataStore(path) as store:
        tracemalloc.start()
        try:
            with pytest.raises(BundleError):
                await import_bundle(store, target)
            assert tracemalloc.get_traced_memory()[1] < 100 * 2**20
        finally:
            tracemalloc.stop()


async def test_a_pipe_or_device_is_neither_read_nor_replaced(path: Path, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    async with MetadataStore(path) as store:
        for other in (pipe, Path("/dev/null")):
            with pytest.raises(BundleError, match="a pipe, a device"):
                await import_bundle(store, other)
            with pytest.raises(StoreError, match="cannot be written"):
                await export_bundle(store, other)
        assert pipe.is_fifo()


async def test_facts_too_long_to_be_read_back_are_not_stored(path: Path) -> None:
    facts = CommitFacts(filenames=("x" * codec.MAX_TEXT_BYTES[CommitFacts],))
    with pytest.raises(codec.OversizedValueError):
        build_rows([replace(make_record("org/a"), facts=facts)])


@pytest.mark.slow
async def test_many_long_facts_go_through_a_bundle(path: Path, tmp_path: Path) -> None:
    """Bodies that compression hardly shortens: blocks are cut by size."""
    # One at a time: this process is not to take much memory either.
    target = tmp_path / "long.bundle"
    async with MetadataStore(path) as store, MetadataStore(tmp_path / "other.sqlite3") as other:
        for number in range(36):
            facts = CommitFacts(filenames=(os.urandom(2**20).hex(),))
            record = make_record(f"org/{number}", commit=f"{number:040x}")
            await store.put([replace(record, facts=facts, decision=None)])
        await export_bundle(store, target)
        await import_bundle(other, target)
        for number in range(36):
            key = FactsKey(HUB, f"org/{number}", f"{number:040x}")
            assert await other.get_commit_facts(key) == await store.get_commit_facts(key) is not None


async def import_mutant(path: Path, mutant: Path, seed: int) -> bool:
    """Whether the mutant was imported; the store is as it should be in any case."""
    async with MetadataStore(path) as store:
        try:
            await import_bundle(store, mutant)
        except BundleError:
            return False
        # A digest does not prove who made a decision: only making it again shows that it is another one.
        problems = (await verify(store, REGISTRY)).problems
        assert [problem for problem in problems if "differs from today's" not in problem] == [], seed
        for name in NAMES:
            found = await recall_one(store, name)
            assert found is None or found.decision() is not None
    return True


def mutate(value: Any, chosen: random.Random) -> Any:
    """`value` with one part, at any depth, replaced by something else."""
    if isinstance(value, (list, dict)) and value and chosen.random() < 0.9:
        places = list(value) if isinstance(value, dict) else list(range(len(value)))
        place = chosen.choice(places)
        value[place] = mutate(value[place], chosen)
        return value
    others: tuple[Any, ...] = (
        None,
        0,
        -1,
        2**64 - 1,
        -(2**63),
        1.5,
        float("nan"),
        "",
        "../x",
        "x" * 9_999,
        b"",
        b"\xff",
        [],
        {},
        [[[]]],
        True,
    )
    return chosen.choice(others)


def list_rows(blocks: Any) -> list[list[Any]]:
    """The rows of mutated blocks, as far as they still are rows."""
    tables = [
        table for block in list(blocks)[1:] if isinstance(block, list) for table in block if isinstance(table, list)
    ]
    return [row for table in tables for row in table if isinstance(row, list)]


async def run_mutants(path: Path, bundle: Path, tmp_path: Path, seeds: range) -> None:
    original = read_blocks(bundle)
    mutant = tmp_path / "mutant.bundle"
    for seed in seeds:
        chosen = random.Random(seed)
        blocks = msgspec.msgpack.decode(msgspec.msgpack.encode(original))
        for _ in range(chosen.choice((1, 1, 3))):
            mutate(blocks, chosen)
        if chosen.random() < 0.5:
            # What anyone can compute is no defence: give rows a valid digest again.
            for row in list_rows(blocks):
                with suppress(TypeError, ValueError, OverflowError):
                    row[:] = add_digest(tuple(row[:-1]))
        write_blocks(mutant, blocks)
        await import_mutant(path, mutant, seed)


async def test_a_mutated_bundle_is_refused_or_right(path: Path, bundle: Path, tmp_path: Path) -> None:
    await run_mutants(path, bundle, tmp_path, range(60))


@pytest.mark.slow
async def test_thousands_of_mutated_bundles_are_refused_or_right(path: Path, bundle: Path, tmp_path: Path) -> None:
    await run_mutants(path, bundle, tmp_path, range(60, 60 + 3_000 * ROUNDS))


@pytest.mark.slow
async def test_a_flipped_bit_or_a_missing_end_refuses_the_bundle(path: Path, bundle: Path, tmp_path: Path) -> None:
    content = bundle.read_bytes()
    damaged = tmp_path / "damaged.bundle"
    for seed in range(500 * ROUNDS):
        chosen = random.Random(seed)
        damaged.write_bytes(content)
        if seed % 2:
            flip_bit(damaged, chosen)
        else:
            os.truncate(damaged, chosen.randrange(len(content)))
        assert not await import_mutant(path, damaged, seed)


def test_the_command_says_in_one_line_why_it_refuses(path: Path, tmp_path: Path) -> None:
    bad, pipe = tmp_path / "bad.bundle", tmp_path / "pipe"
    bad.write_bytes(MAGIC + b"\xff" * 100)
    os.mkfifo(pipe)
    for file in (str(bad), str(pipe), "/dev/zero"):
        command = [sys.executable, "-m", "resolver", "store", "import", file, "--store", str(path)]
        done = subprocess.run(command, capture_output=True, text=True, env=environment(), check=False)
        assert done.returncode != 0 and len(done.stderr.strip().splitlines()) == 1, done.stderr
