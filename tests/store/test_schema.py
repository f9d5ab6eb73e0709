"""Schemas: older ones are upgraded in place, newer and foreign ones refused untouched."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine

from store import codec
from store.errors import SchemaMismatchError, StoreError, StoreMissingError
from store.keys import ANONYMOUS, scope_of_token
from store.rows import FACTS, is_whole, ref_values
from store.store import MetadataStore
from store.tables import SCHEMA_VERSION, metadata
from tests.store.support import DATA, DECISION, FACTS as KNOWN, HINTS, ROOT, recall_one, record


@pytest.fixture
def first(tmp_path: Path) -> Path:
    """A store as the first released schema wrote it."""
    path = tmp_path / "first.sqlite3"
    with sqlite3.connect(path) as connection:
        connection.executescript((DATA / "schema_1.sql").read_text("utf-8"))
        connection.execute("PRAGMA journal_mode=WAL")
    connection.close()
    return path


async def test_a_store_of_the_first_schema_keeps_all_it_knew(first: Path) -> None:
    async with MetadataStore(first) as store:
        for name, canonical_id in (("org/a", "org/a"), ("old", "org/new"), ("org/new", "org/new")):
            found = await recall_one(store, name)
            assert found is not None and (found.canonical_id, found.decision()) == (canonical_id, None)
            (facts,) = (await store.get_repo_facts([found])).values()
            assert (facts.commit, facts.hints) == (KNOWN, HINTS)
        gone = await recall_one(store, "org/gone", scope=ANONYMOUS)
        assert gone is not None and gone.problem == "repo_not_found"
        assert await recall_one(store, "org/private", scope=scope_of_token("secret")) is not None
        await store.put([record("org/later")])
        assert (await store.info()).schema_version == SCHEMA_VERSION


def indexes(path: Path) -> list[tuple[str, str]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql != ''").fetchall()


# SQLite tells of the index of an expression only by its SQL.
@pytest.mark.filterwarnings("ignore:Skipped unsupported reflection of expression-based index")
@pytest.mark.filterwarnings("ignore:autogenerate skipping metadata-specified expression-based index")
async def test_an_upgraded_store_has_the_schema_and_the_digests_of_a_new_one(first: Path, tmp_path: Path) -> None:
    async with MetadataStore(first), MetadataStore(tmp_path / "new.sqlite3"):
        pass
    assert sorted(indexes(first)) == sorted(indexes(tmp_path / "new.sqlite3"))
    engine = create_engine(f"sqlite:///{first}")
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": "schema_version"})
        assert compare_metadata(context, metadata) == []
        assert context.get_current_revision() == str(SCHEMA_VERSION)
        assert connection.exec_driver_sql("PRAGMA user_version").scalar_one() == SCHEMA_VERSION
        tables = {
            name: connection.exec_driver_sql(f"SELECT * FROM {name}").mappings().all() for name in ("facts", "refs")
        }
    engine.dispose()
    assert all(is_whole(tuple(row[name] for name in FACTS)) for row in tables["facts"])
    assert all(is_whole(ref_values(row)) for row in tables["refs"])
    assert (len(tables["facts"]), len(tables["refs"])) == (3, 5)


async def test_many_rows_are_upgraded_page_by_page(first: Path) -> None:
    with sqlite3.connect(first) as connection:
        for number in range(2_500):
            connection.execute(
                "INSERT INTO facts SELECT id + ?, key + ?, endpoint, canonical_id, commit_hash, scope, files_asked, "
                "body FROM facts WHERE id = 1",
                (10 + 2 * number, 1 + number),
            )
    connection.close()
    async with MetadataStore(first):
        pass
    with sqlite3.connect(first) as connection:
        assert connection.execute("SELECT count(*), sum(digest = 0) FROM facts").fetchone() == (2_503, 0)
    connection.close()


async def test_of_many_who_open_an_old_store_one_upgrades_it(first: Path) -> None:
    script = f"""
import asyncio, sys
sys.path.insert(0, {str(ROOT)!r})
from store.store import MetadataStore
from tests.store.support import recall_one

async def main():
    async with MetadataStore({str(first)!r}) as store:
        assert await recall_one(store, "org/a") is not None

asyncio.run(main())
"""
    processes = [await asyncio.create_subprocess_exec(sys.executable, "-c", script) for _ in range(4)]
    assert [await process.wait() for process in processes] == [0] * 4


async def test_a_current_store_is_opened_without_the_migration_tool(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite3"
    async with MetadataStore(path):
        pass
    script = f"""
import asyncio, sys
sys.path.insert(0, {str(ROOT)!r})
from store.store import MetadataStore

async def main():
    async with MetadataStore({str(path)!r}):
        assert not [name for name in sys.modules if name.partition(".")[0] in ("alembic", "mako", "filelock")]

asyncio.run(main())
"""
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


async def test_another_programs_file_is_refused_untouched(tmp_path: Path) -> None:
    foreign, newer, text = tmp_path / "foreign.db", tmp_path / "newer.db", tmp_path / "ids.txt"
    with sqlite3.connect(foreign) as connection:
        connection.execute("CREATE TABLE mine (a)")
    connection.close()
    async with MetadataStore(newer):
        pass
    with sqlite3.connect(newer) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    text.write_text("not a database, but long enough to be looked at as one\n" * 50)
    for path, error in ((foreign, SchemaMismatchError), (newer, SchemaMismatchError), (text, StoreError)):
        before = path.read_bytes()
        with pytest.raises(error, match=path.name):
            async with MetadataStore(path, is_optional=True):
                pass
        assert path.read_bytes() == before
        assert {item.name for item in tmp_path.iterdir() if path.name in item.name} <= {path.name, f"{path.name}.lock"}


async def test_looking_into_a_store_makes_none(tmp_path: Path) -> None:
    for name in ("store.sqlite3", "deep/store.sqlite3"):
        with pytest.raises(StoreMissingError, match="no store at"):
            async with MetadataStore(tmp_path / name, may_create=False):
                pass
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("value", "stored"),
    [
        (
            KNOWN,
            "43732fb2936275c07240f16a147120175cd02b592915a526423d020ca112900cd8def892ca02903428c040419a9202343baf342747c75"
            "0cf5447e9f04aa0c5400000",
        ),
        (HINTS, "c30895b4cc9c1cdd5c906a848f1381ec249033901c8ee222686d0000"),
        (DECISION, "239c74d33273727473416cec49a3086e37722c83cc0600"),
    ],
    ids=["facts", "hints", "decision"],
)
def test_what_this_schema_wrote_before_is_read_now(value: Any, stored: str) -> None:
    # Where this fails, a dictionary was changed or a field renamed: that is a new schema, with a migration.
    assert SCHEMA_VERSION == 2
    assert codec.decode(type(value), bytes.fromhex(stored)) == value
