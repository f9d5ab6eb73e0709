"""Damaged files are moved into quarantine; a store that cannot be created or written is reported."""

from __future__ import annotations

import asyncio
import os
import random
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from store.errors import StoreError, StoreUnavailableError
from store.store import MetadataStore
from tests.store.support import DECISION_KEY, HUB, ROOT, make_record, recall_one

MANY = 400


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.sqlite3"


async def fill(path: Path) -> None:
    """Put so many records that the file has many pages."""
    async with MetadataStore(path) as store:
        await store.put([make_record(f"org/m{number}") for number in range(MANY)])


def truncate(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def truncate_to_header(path: Path) -> None:
    os.truncate(path, 60)


def overwrite(path: Path) -> None:
    path.write_bytes(random.Random(7).randbytes(path.stat().st_size))


def blank_first_page(path: Path) -> None:
    path.write_bytes(bytes(4096) + path.read_bytes()[4096:])


def flip_many_bits(path: Path) -> None:
    content, chance = bytearray(path.read_bytes()), random.Random(7)
    for place in range(4096, len(content), 64):
        content[place] ^= 1 << chance.randrange(8)
    path.write_bytes(content)


DAMAGES = (truncate, truncate_to_header, overwrite, blank_first_page, flip_many_bits)


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
async def test_a_damaged_file_is_kept_and_a_new_store_is_created(
    path: Path, caplog: pytest.LogCaptureFixture, damage: Callable[[Path], None]
) -> None:
    await fill(path)
    damage(path)
    before = path.read_bytes()
    names = [(f"org/m{number}", "main") for number in range(MANY)]
    async with MetadataStore(path) as store:
        await store.recall(HUB, "", names, DECISION_KEY)
        await store.put([make_record("org/after"), *(make_record(name) for name, _ in names)])
        assert all(await store.recall(HUB, "", names, DECISION_KEY))
        assert await recall_one(store, "org/after") is not None
    moved = [
        item for item in path.parent.iterdir() if ".damaged-" in item.name and not item.name.endswith(("-wal", "-shm"))
    ]
    assert len(moved) == 1
    assert moved[0].read_bytes() == before
    assert len(caplog.records) == 1 and str(path) in caplog.text and str(moved[0]) in caplog.text
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    connection.close()


async def test_damage_found_by_many_at_once_leads_to_one_new_file(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    await fill(path)
    async with MetadataStore(path) as one, MetadataStore(path) as other:
        flip_many_bits(path)
        names = [(f"org/m{number}", "main") for number in range(MANY)]
        await asyncio.gather(*(store.recall(HUB, "", names, DECISION_KEY) for store in (one, other) for _ in range(8)))
        await asyncio.gather(*(store.put([make_record(f"org/{i}")]) for i, store in enumerate([one, other] * 8)))
        assert all([await recall_one(one, f"org/{i}") and await recall_one(other, f"org/{i}") for i in range(16)])
    assert len(caplog.records) == 1


OPEN_AND_PUT = """
import asyncio, sys
sys.path.insert(0, {root!r})
from store.store import MetadataStore
from tests.store.support import recall_one, make_record

async def main(name):
    async with MetadataStore({path!r}) as store:
        await store.put([make_record(name)])
        assert await recall_one(store, name) is not None

asyncio.run(main(sys.argv[1]))
"""


async def test_processes_that_find_the_damage_at_once_keep_the_records_of_each_other(path: Path) -> None:
    await fill(path)
    overwrite(path)
    script = OPEN_AND_PUT.format(root=str(ROOT), path=str(path))
    names = [f"org/p{number}" for number in range(5)]
    processes = [await asyncio.create_subprocess_exec(sys.executable, "-c", script, name) for name in names]
    assert [await process.wait() for process in processes] == [0] * 5
    assert len([item for item in path.parent.iterdir() if ".damaged-" in item.name]) == 1
    async with MetadataStore(path) as store:
        assert all([await recall_one(store, name) for name in names])


async def test_damage_is_only_reported_where_no_store_may_be_created(path: Path) -> None:
    await fill(path)
    overwrite(path)
    before = path.read_bytes()
    with pytest.raises(StoreError, match="damaged"):
        async with MetadataStore(path, may_create=False):
            pass
    assert path.read_bytes() == before


@pytest.mark.parametrize("location", ["/proc/store.sqlite3", "/proc/deep/store.sqlite3"])
async def test_an_optional_store_that_cannot_be_created_is_empty_and_warns_once(
    location: str, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(StoreUnavailableError, match=location):
        async with MetadataStore(location):
            pass
    async with MetadataStore(location, is_optional=True) as store:
        for _ in range(3):
            await store.put([make_record("org/a")])
            assert await recall_one(store, "org/a") is None
            assert await store.get_repo_facts([]) == {}
    assert len(caplog.records) == 1 and "without a store" in caplog.text


FILL_DISK = """
import asyncio, logging, resource, sys
sys.path.insert(0, {root!r})
from store.errors import StoreUnavailableError
from store.store import MetadataStore
from tests.store.support import recall_one, make_record

async def main():
    async with MetadataStore({path!r}) as store:
        await store.put([make_record("org/before")])
        # From here on the system refuses to extend any file, as a full disk does.
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
        refused = 0
        for number in range(200):
            try:
                await store.put([make_record(f"org/m{{number}}-{{i}}") for i in range(20)])
            except StoreUnavailableError:
                refused += 1
        assert refused > 100, refused
        assert await recall_one(store, "org/before") is not None

asyncio.run(main())
"""


async def test_a_full_disk_fails_the_write_and_leaves_a_valid_file(path: Path) -> None:
    script = FILL_DISK.format(root=str(ROOT), path=str(path))
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    connection.close()
    async with MetadataStore(path) as store:
        assert await recall_one(store, "org/before") is not None
        await store.put([make_record("org/space-again")])
        assert await recall_one(store, "org/space-again") is not None
