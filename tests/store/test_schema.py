"""Schemas: older ones are upgraded in place, newer and foreign ones are refused and not changed."""

from __future__ import annotations

import asyncio
import itertools
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from msgspec.structs import replace
from sqlalchemy import create_engine, select, text
from sqlalchemy.ext.asyncio import create_async_engine

from registry.decision import Decision, Evidence
from store import codec, rows
from store.database import filling, latest_decisions
from store.errors import SchemaMismatchError, StoreError, StoreMissingError
from store.keys import ANONYMOUS, DecisionKey, derive_scope, hash_bytes
from store.maintenance.verify import verify
from store.rows import FactsRow, build_ref_row, has_valid_digest
from store.sql.postgres_dialect import PostgresDialect
from store.store import MetadataStore
from store.tables import ROWS_SCHEMA, SCHEMA_VERSION, metadata, refs
from store.views import EARLIER_SQLITE_VIEWS, POSTGRES_VIEWS
from tests.store import postgres
from tests.store.support import DATA, FACTS, HINTS, REGISTRY, ROOT, make_record, recall_one

SIZE = ("parameters", "weight_bytes")


@pytest.fixture
def old_path(tmp_path: Path) -> Path:
    """A store of schema 1, the first that was released."""
    path = tmp_path / "first.sqlite3"
    with sqlite3.connect(path) as connection:
        connection.executescript((DATA / "schema_1.sql").read_text("utf-8"))
        connection.execute("PRAGMA journal_mode=WAL")
    connection.close()
    return path


async def test_a_store_of_the_first_schema_keeps_its_refs_and_facts(old_path: Path) -> None:
    async with MetadataStore(old_path) as store:
        for name, canonical_id in (("org/a", "org/a"), ("old", "org/new"), ("org/new", "org/new")):
            found = await recall_one(store, name)
            assert found is not None and (found.canonical_id, found.decision()) == (canonical_id, None)
            (facts,) = (await store.get_repo_facts([found])).values()
            assert (facts.commit, facts.hints) == (FACTS, HINTS)
        gone = await recall_one(store, "org/gone", scope=ANONYMOUS)
        assert gone is not None and gone.problem == "repo_not_found"
        assert await recall_one(store, "org/private", scope=derive_scope("secret")) is not None
        await store.put([make_record("org/later")])
        assert (await store.get_info()).schema_version == SCHEMA_VERSION


def read_indexes(path: Path) -> list[tuple[str, str]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql != ''").fetchall()


# SQLite shows an index of an expression only by its SQL.
@pytest.mark.filterwarnings("ignore:Skipped unsupported reflection of expression-based index")
@pytest.mark.filterwarnings("ignore:autogenerate skipping metadata-specified expression-based index")
async def test_an_upgraded_store_has_the_schema_and_the_digests_of_a_new_one(old_path: Path, tmp_path: Path) -> None:
    async with MetadataStore(old_path), MetadataStore(tmp_path / "new.sqlite3"):
        pass
    assert sorted(read_indexes(old_path)) == sorted(read_indexes(tmp_path / "new.sqlite3"))
    engine = create_engine(f"sqlite:///{old_path}")
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": "schema_version"})
        assert compare_metadata(context, metadata) == []
        assert context.get_current_revision() == str(SCHEMA_VERSION)
        assert connection.exec_driver_sql("PRAGMA user_version").scalar_one() == SCHEMA_VERSION
        tables = {
            name: connection.exec_driver_sql(f"SELECT * FROM {name}").mappings().all() for name in ("facts", "refs")
        }
    engine.dispose()
    assert all(has_valid_digest(FactsRow._make(row[name] for name in FactsRow._fields)) for row in tables["facts"])
    assert all(has_valid_digest(build_ref_row(row)) for row in tables["refs"])
    assert (len(tables["facts"]), len(tables["refs"])) == (3, 5)


def downgrade(path: Path, version: int) -> None:
    """Make a store of schema 2 to 7 of a store of today: its rows have the same bodies."""
    schema_8 = (
        *(f"DROP VIEW {name}" for name in EARLIER_SQLITE_VIEWS),
        *(f"ALTER TABLE {table} DROP COLUMN {name}" for table in ("refs", "ref_history") for name in SIZE),
        *EARLIER_SQLITE_VIEWS.values(),
    )
    schema_4 = (
        *(f"DROP VIEW {name}" for name in EARLIER_SQLITE_VIEWS),
        "DROP TABLE latest_decisions",
        "DROP TABLE decision_columns",
        "DROP TABLE ref_history",
        "ALTER TABLE refs DROP COLUMN changed_at",
    )
    with closing(sqlite3.connect(path)) as connection:
        for statement in (
            *schema_8,
            *(("DROP TABLE listings",) if version < 6 else ()),
            *(("DROP TABLE quotas",) if version < 5 else ()),
            *(schema_4 if version < 4 else ()),
            *(("DROP TABLE registry_updates",) if version < 3 else ()),
            f"UPDATE schema_version SET version_num = '{version}'",
            f"PRAGMA user_version = {version}",
        ):
            connection.execute(statement)
        connection.commit()


def read_answers(path: Path) -> list[Any]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("SELECT * FROM answers ORDER BY repo_id").fetchall()


@pytest.mark.parametrize("version", [2, 3, 4, 5, 6, 7])
async def test_a_later_schema_is_upgraded_to_the_same_store(tmp_path: Path, version: int) -> None:
    path = tmp_path / "store.sqlite3"
    async with MetadataStore(path) as store:
        await store.put([make_record(f"org/r{number}", commit=f"{number:040x}") for number in range(30)])
        await store.put([replace(make_record("org/r1", commit=f"{1:040x}"), decision_key=DecisionKey("older rules"))])
        await store.put(
            [replace(make_record("org/r1", commit=f"{1:040x}"), decision_key=DecisionKey("x", "fill-mask"))]
        )
    before = read_answers(path)
    downgrade(path, version)
    async with MetadataStore(path) as store:
        assert (await verify(store, REGISTRY)).problems == []
        await store.put([make_record("org/later")])
    after = read_answers(path)
    assert [row[:-1] for row in after[1:]] == [row[:-1] for row in before]
    if version < 4:
        # Which of two rules decided last was not stored: that of the newest facts.
        assert {row[-1] for row in after} == {before[0][-1]}
    else:
        assert [row[-1] for row in after[1:]] == [row[-1] for row in before]


async def test_an_interrupted_upgrade_says_how_far_it_is_and_goes_on_where_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "store.sqlite3"
    async with MetadataStore(path) as store:
        await store.put([make_record(f"org/r{number:03}", commit=f"{number:040x}") for number in range(100)])
    before = read_answers(path)
    downgrade(path, 3)
    monkeypatch.setattr(latest_decisions, "FACTS_PER_PAGE", 10)
    monkeypatch.setattr(filling, "REPORT_EVERY_S", 0)
    fill_page, pages = latest_decisions.fill_page, list[float]()

    def fill_three_pages(connection: Any, after: float, ranks: Any) -> float | None:
        if len(pages) == 3:
            raise asyncio.CancelledError
        pages.append(after)
        return fill_page(connection, after, ranks)

    monkeypatch.setattr(filling, "fill_page", fill_three_pages)
    with pytest.raises(asyncio.CancelledError):
        async with MetadataStore(path):
            pass
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT count(*) FROM latest_decisions").fetchone() == (30,)
        assert connection.execute("PRAGMA user_version").fetchone() == (3,)
    assert "30 % is done; an upgrade that is interrupted goes on" in caplog.text
    rest: list[float] = []

    def fill_rest(connection: Any, after: float, ranks: Any) -> float | None:
        rest.append(after)
        return fill_page(connection, after, ranks)

    monkeypatch.setattr(filling, "fill_page", fill_rest)
    async with MetadataStore(path) as store:
        assert (await verify(store, REGISTRY)).problems == []
    assert min(rest) >= 29 and read_answers(path) == before


async def test_many_rows_are_upgraded_page_by_page(old_path: Path) -> None:
    with sqlite3.connect(old_path) as connection:
        for number in range(2_500):
            connection.execute(
                "INSERT INTO facts SELECT id + ?, key + ?, endpoint, canonical_id, commit_hash, scope, files_asked, "
                "body FROM facts WHERE id = 1",
                (10 + 2 * number, 1 + number),
            )
    connection.close()
    async with MetadataStore(old_path):
        pass
    with sqlite3.connect(old_path) as connection:
        assert connection.execute("SELECT count(*), sum(digest = 0) FROM facts").fetchone() == (2_503, 0)
    connection.close()


async def test_of_many_processes_that_open_an_old_store_one_upgrades_it(old_path: Path) -> None:
    script = f"""
import asyncio, sys
sys.path.insert(0, {str(ROOT)!r})
from store.store import MetadataStore
from tests.store.support import recall_one

async def main():
    async with MetadataStore({str(old_path)!r}) as store:
        assert await recall_one(store, "org/a") is not None

asyncio.run(main())
"""
    processes = [await asyncio.create_subprocess_exec(sys.executable, "-c", script) for _ in range(4)]
    assert [await process.wait() for process in processes] == [0] * 4


async def test_a_current_store_is_opened_without_alembic(tmp_path: Path) -> None:
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


async def test_the_file_of_another_program_is_refused_and_not_changed(tmp_path: Path) -> None:
    foreign, newer, text = tmp_path / "foreign.db", tmp_path / "newer.db", tmp_path / "ids.txt"
    with sqlite3.connect(foreign) as connection:
        connection.execute("CREATE TABLE mine (a)")
    connection.close()
    async with MetadataStore(newer):
        pass
    with sqlite3.connect(newer) as connection:
        connection.execute("PRAGMA user_version = 99")
        connection.execute("UPDATE schema_version SET version_num = '99'")
    connection.close()
    text.write_text("not a database, but long enough to be examined as one\n" * 50)
    for path, error in ((foreign, SchemaMismatchError), (newer, SchemaMismatchError), (text, StoreError)):
        before = path.read_bytes()
        with pytest.raises(error, match=path.name):
            async with MetadataStore(path, is_optional=True):
                pass
        assert path.read_bytes() == before
        assert {item.name for item in tmp_path.iterdir() if path.name in item.name} <= {path.name, f"{path.name}.lock"}


async def test_reading_a_missing_store_does_not_create_one(tmp_path: Path) -> None:
    for name in ("store.sqlite3", "deep/store.sqlite3"):
        with pytest.raises(StoreMissingError, match="no store at"):
            async with MetadataStore(tmp_path / name, may_create=False):
                pass
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("value", "stored"),
    [
        (
            FACTS,
            "43732fb2936275c07240f16a147120175cd02b592915a526423d020ca112900cd8def892ca02903428c040419a9202343baf342747c75"
            "0cf5447e9f04aa0c5400000",
        ),
        (HINTS, "c30895b4cc9c1cdd5c906a848f1381ec249033901c8ee222686d0000"),
        (
            Decision(library="transformers", task="fill-mask", evidence=(Evidence(rule="r", saw="s", said="t"),)),
            "239c74d33273727473416cec49a3086e37722c83cc0600",
        ),
    ],
    ids=["facts", "hints", "decision"],
)
def test_bodies_of_this_schema_stay_readable(value: Any, stored: str) -> None:
    # A failure means that a dictionary was changed or a field renamed: this needs a new schema, with a migration.
    assert ROWS_SCHEMA == 8
    assert codec.decode(type(value), bytes.fromhex(stored)) == value


async def test_postgresql_finds_the_spellings_of_a_name_by_an_index_also_after_an_upgrade(postgres_server: str) -> None:
    async with postgres.create_database(postgres_server) as url:
        async with MetadataStore(url) as store:
            await store.put([make_record("Org/Model")])
        engine = create_async_engine(url)
        async with engine.begin() as connection:
            # As schema 6 left it.
            for view in POSTGRES_VIEWS:
                await connection.execute(text(f"DROP VIEW {view}"))
            for table, name in itertools.product(("refs", "ref_history"), SIZE):
                await connection.execute(text(f"ALTER TABLE {table} DROP COLUMN {name}"))
            await connection.execute(text("DROP INDEX refs_by_lower_repo_id"))
            await connection.execute(text("UPDATE schema_version SET version_num = '6'"))
        async with MetadataStore(url) as store:
            assert (await store.get_info()).schema_version == SCHEMA_VERSION
            assert await recall_one(store, "Org/Model") is not None
        async with engine.begin() as connection:
            # The planner prefers to read a table that is as small as this one.
            await connection.execute(text("SET LOCAL enable_seqscan = off"))
            is_spelling = PostgresDialect().build_spelling_filter(["org/model"])
            query = select(refs.c.repo_id).where(is_spelling)
            assert (await connection.scalars(query)).all() == ["Org/Model"]
            sql = query.compile(engine.sync_engine, compile_kwargs={"literal_binds": True})
            plan = "\n".join(await connection.scalars(text(f"EXPLAIN {sql}")))
        await engine.dispose()
    assert "refs_by_lower_repo_id" in plan


async def test_rows_with_the_64_bit_digests_of_earlier_releases_are_valid(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "store.sqlite3"
    with monkeypatch.context() as patch:
        patch.setattr(rows, "compute_digest", lambda values: hash_bytes(msgspec.msgpack.encode(values)))
        async with MetadataStore(path) as store:
            await store.put([make_record("org/a"), make_record("org/b")])
    async with MetadataStore(path) as store:
        found = await recall_one(store, "org/a")
        assert found is not None and found.decision() is not None
        assert (await store.get_repo_facts([found])).values()
        assert not [item for item in (await verify(store, REGISTRY)).problems if "digest" in item]
    with closing(sqlite3.connect(path)) as connection:
        assert all(abs(digest) >= 2**32 for (digest,) in connection.execute("SELECT digest FROM refs"))
        connection.execute("UPDATE refs SET checked_at = checked_at + 1 WHERE repo_id = 'org/a'")
        connection.commit()
    async with MetadataStore(path) as store:
        assert await recall_one(store, "org/a") is None and await recall_one(store, "org/b") is not None
    assert "1 damaged rows" in caplog.text
