"""Whatever a store's file holds, every repo is answered rightly, and no row that is wrong is used."""

from __future__ import annotations

import asyncio
import os
import random
import sqlite3
import subprocess
import sys
import time
import tracemalloc
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from registry.facts import CommitFacts
from resolver.cache.write_behind import WriteBehindLimits
from resolver.limits import Limits
from resolver.local_hub import HubOptions, LocalHub, faults
from resolver.resolver import Resolver
from resolver.settings import Settings
from store import codec
from store.bundle.exporting import export_bundle
from store.bundle.importing import import_bundle
from store.errors import SchemaMismatchError, StoreError
from store.keys import FactsKey, RefKey
from store.maintenance.verify import verify
from store.records import Record
from store.rows import Rows, build_rows, compute_digest
from store.store import MetadataStore
from tests.hostile.damage import (
    IDS,
    REGISTRY,
    ROUNDS,
    build_hub,
    close_log,
    copy_store,
    flip_bit,
    list_answers,
    resolve_all,
)
from tests.resolver.support import (
    BERT_SHA,
    READER,
    STRANGER,
    TOKENS,
    catalog_of,
    code_of,
    codes,
    environment,
    open_resolver,
    settings_for,
)
from tests.store.support import DECISION_KEY, HUB, make_record, recall_one

NOW_S = 1_800_000_000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.sqlite3"


# Rows of any type


VALUES: dict[str, str] = {
    "null": "NULL",
    "negative": "-7",
    "huge": str(2**62),
    "fraction": "1.5",
    "infinite": "9e999",
    "text": "'x'",
    "empty": "''",
    "long": "printf('%.*c', 100000, 'x')",
    "not_utf8": "CAST(x'41ff00fe' AS TEXT)",
    "bytes": "x'00ff'",
    "path": "'../../../etc/passwd'",
}
QUICK = ("huge", "not_utf8")


def list_columns(path: Path) -> list[tuple[str, str]]:
    """All columns of all tables; the row id of a ref says nothing about it."""
    connection = sqlite3.connect(path)
    query = (
        "SELECT item.name, column.name FROM sqlite_master AS item, pragma_table_info(item.name) AS column "
        "WHERE item.type = 'table' ORDER BY 1, column.cid"
    )
    columns = [row for row in connection.execute(query).fetchall() if row != ("refs", "id")]
    connection.close()
    return columns


def set_value(path: Path, table: str, column: str, value: str) -> bool:
    """Set a column of one row; whether SQLite let it."""
    connection = sqlite3.connect(path)
    try:
        first = f"(SELECT max({column}) FROM {table})"
        changed = connection.execute(f"UPDATE {table} SET {column} = {value} WHERE {column} IS {first}").rowcount
        connection.commit()
    except sqlite3.IntegrityError:
        return False
    finally:
        connection.close()
    return changed > 0


@pytest.mark.parametrize(
    "value", [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in VALUES]
)
async def test_a_value_of_any_type_in_any_column_is_found_and_repaired(path: Path, tmp_path: Path, value: str) -> None:
    names = ["org/a", "org/b", "org/c"]
    async with MetadataStore(path) as store:
        await store.put([make_record(name, commit=letter * 40) for name, letter in zip(names, "abc", strict=True)])
        await store.add_lookups(3, 1, now_s=NOW_S)
        good = {name: found for name in names if (found := await recall_one(store, name)) is not None}
    assert list(good) == names
    close_log(path)
    columns = list_columns(path)
    assert len(columns) > 30
    for table, column in columns:
        damaged = copy_store(path, tmp_path / "damaged.sqlite3")
        if not set_value(damaged, table, column, VALUES[value]):
            continue
        async with MetadataStore(damaged) as store:
            for name in names:
                found = await recall_one(store, name)
                assert found is None or found._replace(decision_body=None) == good[name]._replace(decision_body=None), (
                    column
                )
                if found is not None:
                    assert found.decision() in (None, good[name].decision())
                    await store.get_repo_facts([found])
            await store.get_info()
            await verify(store, REGISTRY)
            await verify(store, REGISTRY, drop=True)
            assert (await verify(store, REGISTRY)).problems == [], (table, column)
            await store.put([make_record(name, commit=letter * 40) for name, letter in zip(names, "abc", strict=True)])
            for name in names:
                found = await recall_one(store, name)
                assert found is not None and found.decision() == good[name].decision()
                assert await store.get_repo_facts([found])


async def test_a_damaged_row_is_dropped_counted_and_fetched_again(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with build_hub() as hub:
        right = list_answers(await resolve_all(hub, path))
        connection = sqlite3.connect(path)
        connection.execute("UPDATE refs SET commit_hash = ? WHERE repo_id = ?", ("9" * 40, IDS[0]))
        # It would win over every check until the year 36812.
        connection.execute("UPDATE refs SET checked_at = 1099511627776 WHERE repo_id = ?", (IDS[1],))
        connection.execute("UPDATE refs SET pipeline_tag = 'x' WHERE repo_id = ?", (IDS[2],))
        connection.commit()
        connection.close()
        sent = hub.count.bucket["api"]
        assert list_answers(await resolve_all(hub, path)) == right
        assert hub.count.bucket["api"] == sent + 3
        assert "3 damaged rows" in caplog.text
        assert list_answers(await resolve_all(hub, path)) == right
        assert hub.count.bucket["api"] == sent + 3


# Bodies without end


def build_bomb(size_bytes: int) -> bytes:
    """A body of some kilobytes that inflates to `size_bytes`."""
    packer, piece = zlib.compressobj(9, zlib.DEFLATED, -15), b"a" * 2**20
    # In pieces: this process is not to take much memory either.
    parts = [b'{"filenames":["', *([piece] * (size_bytes // len(piece))), b'"]}']
    return b"".join(map(packer.compress, parts)) + packer.flush()


def build_nest(depth: int) -> bytes:
    """A body nested `depth` deep."""
    text = b'{"files":{"config.json":{"state":"read","content":' + b"[" * depth + b"]" * depth + b"}}}"
    return codec.deflate(text, codec._read_dictionary(CommitFacts))


def with_body(record: Record, body: bytes) -> Rows:
    """The rows of a record, with valid digests, whose facts have another body."""
    rows = build_rows([record])
    (facts,) = rows.facts
    changed = facts._replace(body=body)
    rows.facts[:] = [changed._replace(digest=compute_digest(changed[:-1]))]
    rows.decisions.clear()
    return rows


BODIES: dict[str, Callable[[], bytes]] = {
    "bomb": lambda: build_bomb(256 * 2**20),
    "deep": lambda: build_nest(100_000),
    "deeper_than_any_file": lambda: build_nest(300),
    "garbage": lambda: b"\xff" * 9,
}


@pytest.mark.parametrize("kind", BODIES)
async def test_a_body_without_end_is_not_read(path: Path, tmp_path: Path, kind: str) -> None:
    rows = with_body(make_record("org/a"), BODIES[kind]())
    async with MetadataStore(path) as store:
        await store.put_rows(rows)
        tracemalloc.start()
        try:
            found = await recall_one(store, "org/a")
            assert found is not None and await store.get_repo_facts([found]) == {}
            assert await store.get_commit_facts(FactsKey(HUB, "org/a", "a" * 40)) is None
            assert len((await verify(store, REGISTRY)).problems) == 1
            exported = await export_bundle(store, tmp_path / "bundle")
            assert (exported.facts, exported.refs, exported.damaged) == (0, 0, 2)
            assert tracemalloc.get_traced_memory()[1] < 64 * 2**20
        finally:
            tracemalloc.stop()
        await verify(store, REGISTRY, drop=True)
        assert (await verify(store, REGISTRY)).problems == []


async def test_a_commit_or_id_that_is_a_path_is_not_used(path: Path) -> None:
    names = [
        ("org/a", "../../../../etc", "a" * 40),
        ("org/b", "../../etc/x", "a" * 40),
        ("org/c", "org/c", "../" * 13 + "x"),
    ]
    async with MetadataStore(path) as store:
        for name, canonical_id, commit in names:
            record = make_record(name)
            await store.put([replace(record, facts_key=FactsKey(HUB, canonical_id, commit))])
        for name, _, _ in names:
            assert await recall_one(store, name) is None
            assert all(
                ".." not in ref.canonical_id + ref.commit_hash for ref in await store.find_known_refs(name, {""})
            )
        # A row of facts each, and a ref each.
        assert len((await verify(store, REGISTRY)).problems) >= 2 * len(names)
        await verify(store, REGISTRY, drop=True)
        assert (await verify(store, REGISTRY)).problems == []


# Files that are no stores


@pytest.mark.parametrize("sidecar", ["", "-wal"])
async def test_a_pipe_is_refused_and_not_waited_for(path: Path, sidecar: str) -> None:
    os.mkfifo(f"{path}{sidecar}")
    with pytest.raises(StoreError, match="a pipe"):
        async with MetadataStore(path, is_optional=True):
            pass


async def test_a_device_is_refused(path: Path) -> None:
    path.symlink_to("/dev/zero")
    with pytest.raises(StoreError, match="a device"):
        async with MetadataStore(path, is_optional=True):
            pass


ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT"


@pytest.mark.parametrize(
    "statements",
    [
        (
            "ALTER TABLE refs RENAME TO kept",
            f"CREATE VIEW refs AS {ENDLESS} i AS id, i AS key, '' AS endpoint, '' AS repo_id, '' AS revision, "
            "'' AS scope, 1 AS facts_id, NULL AS canonical_id, NULL AS commit_hash, NULL AS problem, 1 AS hints_id, "
            "NULL AS pipeline_tag, NULL AS library_name, x'' AS hints, 1 AS checked_at, 1 AS digest FROM n",
        ),
        (f"CREATE VIEW unused AS {ENDLESS} i FROM n",),
        ("CREATE TRIGGER late AFTER INSERT ON refs BEGIN DELETE FROM refs; END",),
        ("ALTER TABLE lookups ADD COLUMN more AS (zeroblob(1000000000))",),
    ],
    ids=["endless_view", "unused_view", "trigger", "computed_column"],
)
async def test_a_store_that_computes_its_rows_is_refused_and_not_changed(
    path: Path, statements: tuple[str, ...]
) -> None:
    async with MetadataStore(path):
        pass
    connection = sqlite3.connect(path)
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()
    with pytest.raises(SchemaMismatchError, match="not changed"):
        async with MetadataStore(path, is_optional=True):
            pass
    assert [item.name for item in path.parent.glob("*damaged*")] == []


@pytest.mark.parametrize(
    "statements",
    [
        ("DROP VIEW answers", f"CREATE VIEW answers AS {ENDLESS} i FROM n"),
        ("UPDATE sqlite_master SET sql = replace(sql, 'coalesce', 'coalescf') WHERE name = 'answers'",),
        ("UPDATE sqlite_master SET name = 'answerr', tbl_name = 'answerr' WHERE name = 'answers'",),
    ],
    ids=["endless", "another_text", "another_name"],
)
async def test_a_changed_view_of_ours_is_not_read(path: Path, statements: tuple[str, ...]) -> None:
    async with MetadataStore(path) as store:
        await store.put([make_record("org/a")])
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA writable_schema=ON")
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()
    async with MetadataStore(path, is_optional=True) as store:
        assert await recall_one(store, "org/a") is None
    assert len([item for item in path.parent.glob("*damaged*") if item.suffix.endswith("Z")]) == 1


# Withdrawn repos


@pytest.mark.parametrize(
    ("turned", "checker"),
    [({"private": True}, False), ({"private": True}, READER), ({"gated": "manual"}, READER)],
    ids=["private", "private_to_reader", "gated"],
)
@pytest.mark.parametrize("checked_as", ["acme/bert", "legacy", "ACME/Bert"])
async def test_a_withdrawn_repo_is_answered_under_no_name_spelling_or_commit(
    path: Path, tmp_path: Path, turned: dict[str, Any], checker: Any, checked_as: str
) -> None:
    catalog = catalog_of()
    catalog.alias("legacy", "acme/bert")
    wanted = [
        "acme/bert",
        "legacy",
        "Acme/BERT",
        *(f"{name}@{BERT_SHA}" for name in ("acme/bert", "legacy", "ACME/bert")),
    ]
    async with LocalHub(catalog, HubOptions(tokens=TOKENS)) as hub:
        assert await codes(settings_for(hub, path), [*wanted, "acme/sd"]) == [None] * 7
        older = tmp_path / "older.bundle"
        async with MetadataStore(path) as store:
            await export_bundle(store, older)
        # A store that knows the repo under one of its names only.
        small = tmp_path / "small.sqlite3"
        await codes(settings_for(hub, small), ["acme/bert", "acme/sd"])
        hub.catalog.change("acme/bert", **turned)
        later_s = time.time() + 2
        for location in (path, small):
            settings = settings_for(hub, location, refresh=True, token=checker)
            async with open_resolver(settings, clock=lambda: later_s) as resolver:
                assert [item async for item in resolver.resolve_many([checked_as])]
            for is_imported in (False, True):
                if is_imported:
                    async with MetadataStore(location, clock=lambda: later_s) as store:
                        await import_bundle(store, older)
                offline = settings_for(hub, location, token=STRANGER, offline=True)
                # The small store cannot know whose old name it is, until the bundle tells it.
                known = wanted if is_imported or location == path or checked_as != "legacy" else wanted[1:2]
                assert None not in await codes(offline, known), (location.name, is_imported)
                assert await codes(offline, ["acme/sd"]) == [None]


async def test_a_late_writer_does_not_bring_a_withdrawn_repo_back(path: Path) -> None:
    async with MetadataStore(path, clock=lambda: NOW_S) as store:
        public = make_record("org/a", checked_at_s=NOW_S - 20)
        pinned = replace(public, ref_keys=(RefKey(HUB, "ORG/A", "a" * 40),))
        hidden = replace(make_record("org/a", checked_at_s=NOW_S - 10, scope="mine"), is_hidden=True)
        # In one transaction, and in a later one.
        await store.put([public, hidden, pinned])
        await store.put([public, pinned])
        assert await recall_one(store, "org/a") is None
        assert await store.recall(HUB, "", [("ORG/A", "a" * 40)], DECISION_KEY) == [None]
        await store.put([make_record("org/a", checked_at_s=NOW_S - 9)])
        assert await recall_one(store, "org/a") is not None


@pytest.mark.parametrize(
    ("refused", "token"),
    [
        (faults.failing(401, message="Proxy authentication is needed"), False),
        (faults.failing(403, message="Forbidden by the mirror"), False),
        (faults.failing(404, message="No such route"), False),
        (faults.failing(502, message="Bad gateway"), False),
        (faults.failing(401, message="Invalid credentials in Authorization header"), READER),
        (faults.failing(401, message="Invalid username or password."), READER),
    ],
    ids=["proxy", "mirror", "route", "gateway", "token", "token_as_anonymous"],
)
async def test_what_the_hub_itself_did_not_say_withdraws_nothing(path: Path, refused: Any, token: Any) -> None:
    async with LocalHub(catalog_of(), HubOptions(tokens=TOKENS)) as hub:
        assert await codes(settings_for(hub, path), ["acme/bert"]) == [None]
        hub.faults.add(refused, "*", times=None)
        assert None not in await codes(settings_for(hub, path, refresh=True, token=token), ["acme/bert"])
        assert await codes(settings_for(hub, path, offline=True), ["acme/bert"]) == [None]


async def test_answers_in_memory_are_withdrawn_with_the_other_names(path: Path) -> None:
    catalog = catalog_of()
    catalog.alias("legacy", "acme/bert")
    async with LocalHub(catalog, HubOptions(tokens=TOKENS)) as hub:
        async with open_resolver(settings_for(hub, path)) as resolver:
            for name in ("acme/bert", "legacy", "Acme/Bert"):
                await resolver.resolve(name)
            hub.catalog.change("acme/bert", private=True)
            async for _ in resolver.resolve_many(["legacy@v9"]):
                pass
            assert len(resolver._answer_cache) == 0


# Clocks


def test_the_command_shows_a_store_with_impossible_times(path: Path) -> None:
    asyncio.run(put_impossible_times(path))
    command = [sys.executable, "-m", "resolver", "store", "info", "--store", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment(), check=False)
    assert done.returncode == 0 and done.stderr == "" and "wrong clock" in done.stdout


async def put_impossible_times(path: Path) -> None:
    async with MetadataStore(path) as store:
        await store.put([make_record("org/a", checked_at_s=2**62), make_record("org/b", checked_at_s=-(2**62))])


async def test_a_row_from_the_future_does_not_win_for_ever(path: Path) -> None:
    now_s = NOW_S
    async with MetadataStore(path, clock=lambda: now_s) as store:
        await store.put([make_record("org/a", checked_at_s=NOW_S + 10 * 365 * 86_400)])
        await store.put([make_record("org/a", commit="b" * 40, checked_at_s=NOW_S)])
        found = await recall_one(store, "org/a")
        assert found is not None and (found.commit_hash, found.checked_at_s) == ("b" * 40, NOW_S)
        # A bundle may not undo what a wrong clock withdrew; a check may.
        far = replace(make_record("org/a", checked_at_s=NOW_S + 10 * 365 * 86_400, scope="mine"), is_hidden=True)
        await store.put([far])
        await store.merge(build_rows([make_record("org/a", checked_at_s=NOW_S)]))
        assert await recall_one(store, "org/a") is None
        await store.put([make_record("org/a", checked_at_s=NOW_S)])
        assert await recall_one(store, "org/a") is not None


async def test_a_clock_that_went_back_withdraws_for_good(path: Path) -> None:
    now_s = NOW_S
    async with MetadataStore(path, clock=lambda: now_s) as store:
        await store.put([make_record("org/a", checked_at_s=NOW_S)])
        now_s = NOW_S - 10 * 365 * 86_400
        await store.put([replace(make_record("org/a", checked_at_s=now_s, scope="mine"), is_hidden=True)])
        assert await recall_one(store, "org/a") is None
        now_s = NOW_S + 60
        await store.merge(build_rows([make_record("org/a", checked_at_s=NOW_S - 60)]))
        assert await recall_one(store, "org/a") is None


def _tell_time(jump_s: float) -> float:
    return time.time() + jump_s


async def test_lying_clocks_neither_lose_nor_keep_a_row(path: Path) -> None:
    chosen = random.Random(16)
    async with LocalHub(catalog_of(), HubOptions(tokens=TOKENS)) as hub:
        is_private = False
        for _ in range(40 * ROUNDS):
            is_private = chosen.random() < 0.5
            hub.catalog.change("acme/bert", private=is_private)
            jump_s = chosen.choice([0, 1, 200, 400, 86_400, -86_400, 10**9, -(10**9)])
            settings = settings_for(hub, path, refresh=True)
            async with open_resolver(settings, clock=partial(_tell_time, jump_s)) as resolver:
                (item,) = [item async for item in resolver.resolve_many(["acme/bert"])]
                assert (code_of(item) is None) is not is_private
            if is_private:
                assert None not in await codes(settings_for(hub, path, offline=True), ["acme/bert"])
        hub.catalog.change("acme/bert", private=False)
        assert await codes(settings_for(hub, path, refresh=True), ["acme/bert"]) == [None]


# A stopped process


HOLDER = """
import os, signal, sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("held", flush=True)
os.kill(os.getpid(), signal.SIGSTOP)
"""


@pytest.mark.parametrize("is_released", [True, False], ids=["released", "never_released"])
async def test_a_stopped_process_with_the_lock_delays_neither_answers_nor_closing(
    path: Path, caplog: pytest.LogCaptureFixture, is_released: bool
) -> None:
    async with build_hub() as hub:
        right = list_answers(await resolve_all(hub, path, IDS[:4]))
        with subprocess.Popen([sys.executable, "-c", HOLDER, str(path)], stdout=subprocess.PIPE, text=True) as holder:
            assert holder.stdout is not None and holder.stdout.readline() == "held\n"
            settings = Settings(endpoint=hub.endpoint, store=path, token=False, offline=False)
            limits = Limits(write_behind=WriteBehindLimits(lock_wait_s=0.0, close_wait_s=60.0 if is_released else 0.0))
            try:
                async with Resolver(settings, limits=limits) as resolver:
                    # What is stored, and what is not.
                    found = [item async for item in resolver.resolve_many(IDS[:8])]
                    assert list_answers(found[:4]) == right and not any(map(code_of, found))
                    assert holder.poll() is None
                    if is_released:
                        holder.kill()
                        await asyncio.to_thread(holder.wait)
            finally:
                holder.kill()
        assert "stored later" in caplog.text
        assert ("are not stored" in caplog.text) is not is_released
        offline = await resolve_all(hub, path, IDS[:8], offline=True)
        assert [code_of(item) is None for item in offline] == [True] * 4 + [is_released] * 4


# Damaged files


async def resolve_damaged(
    path: Path, tmp_path: Path, damage: Callable[[Path, random.Random], None], seeds: range
) -> None:
    """For each seed: damage a good store, and compare all answers from it with the right ones."""
    async with build_hub() as hub:
        right = list_answers(await resolve_all(hub, path))
        close_log(path)
        for seed in seeds:
            damaged = copy_store(path, tmp_path / "damaged.sqlite3")
            damage(damaged, random.Random(seed))
            assert list_answers(await resolve_all(hub, damaged)) == right, seed


def truncate(path: Path, chosen: random.Random) -> None:
    os.truncate(path, chosen.randrange(path.stat().st_size))


async def test_a_flipped_bit_changes_no_answer(path: Path, tmp_path: Path) -> None:
    await resolve_damaged(path, tmp_path, flip_bit, range(10))


@pytest.mark.slow
async def test_five_hundred_flipped_bits_change_no_answer(path: Path, tmp_path: Path) -> None:
    await resolve_damaged(path, tmp_path, flip_bit, range(10, 10 + 500 * ROUNDS))


@pytest.mark.slow
async def test_a_truncated_file_changes_no_answer(path: Path, tmp_path: Path) -> None:
    await resolve_damaged(path, tmp_path, truncate, range(50 * ROUNDS))


@pytest.mark.parametrize("statement", ["PRAGMA application_id = 1752527475", "PRAGMA user_version = 65538"])
async def test_a_flipped_bit_of_the_header_is_not_taken_for_another_program(path: Path, statement: str) -> None:
    async with build_hub() as hub:
        right = list_answers(await resolve_all(hub, path))
        connection = sqlite3.connect(path)
        connection.execute(statement)
        connection.close()
        assert list_answers(await resolve_all(hub, path)) == right
        assert len([item for item in path.parent.glob("*damaged*") if item.suffix.endswith("Z")]) == 1


@pytest.mark.slow
async def test_verify_repairs_or_reports_a_flipped_bit(path: Path, tmp_path: Path) -> None:
    async with build_hub() as hub:
        await resolve_all(hub, path)
    close_log(path)
    for seed in range(100 * ROUNDS):
        damaged = copy_store(path, tmp_path / "damaged.sqlite3")
        flip_bit(damaged, random.Random(seed))
        try:
            async with MetadataStore(damaged, may_create=False) as store:
                await verify(store, REGISTRY, drop=True)
                assert (await verify(store, REGISTRY)).problems == [], seed
        except StoreError:
            # The next run moves the file aside, or does without it.
            continue
