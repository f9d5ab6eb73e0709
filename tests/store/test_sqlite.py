"""Stores in a SQLite file: its URL, killed writers, and rows that were changed by hand."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from store.errors import StoreError
from store.store import MetadataStore
from tests.store.support import DECISION_KEY, HUB, ROOT, make_record, recall_one


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "store.sqlite3"


async def test_a_path_and_its_url_are_one_store(path: Path) -> None:
    async with MetadataStore(path) as store:
        await store.put([make_record("org/a")])
    for url in (f"sqlite+aiosqlite:///{path}", f"sqlite:///{path}"):
        async with MetadataStore(url) as store:
            assert await recall_one(store, "org/a") is not None


KILLED = """
import asyncio, sys
sys.path.insert(0, {root!r})
from tests.store.support import make_record
from store.store import MetadataStore

async def main():
    async with MetadataStore({path!r}) as store:
        for number in range(100_000):
            await store.put([make_record(f"org/k{{number}}-{{i}}") for i in range(20)])
            print(number, flush=True)

asyncio.run(main())
"""


async def test_a_killed_writer_leaves_a_valid_file_with_every_committed_record(path: Path) -> None:
    script = textwrap.dedent(KILLED).format(root=str(ROOT), path=str(path))
    for _ in range(3):
        with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as writer:
            assert writer.stdout is not None
            lines = [writer.stdout.readline() for _ in range(15)]
            os.kill(writer.pid, signal.SIGKILL)
        last = int(lines[-1])
        with sqlite3.connect(path) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        async with MetadataStore(path) as store:
            names = [(f"org/k{number}-{i}", "main") for number in range(last + 1) for i in range(20)]
            assert all(await store.recall(HUB, "", names, DECISION_KEY))


async def test_rows_that_cannot_be_read_are_treated_as_missing(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with MetadataStore(path) as store:
        await store.put([make_record("org/a")])
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE facts SET body = x'00ff'")
        connection.execute("UPDATE decisions SET body = substr(body, 1, 20)")
    async with MetadataStore(path) as store:
        found = await recall_one(store, "org/a")
        assert found is not None and found.decision() is None
        assert await store.get_repo_facts([found]) == {}
    assert "org/a" in caplog.text


@pytest.mark.parametrize("location", ["mysql://x/y", "postgresql+nothing://u:secret@h/d", "://"])
def test_an_unsupported_database_is_refused_without_naming_its_password(location: str) -> None:
    with pytest.raises(StoreError) as caught:
        MetadataStore(location)
    assert "secret" not in str(caught.value)
