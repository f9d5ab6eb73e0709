"""`hubresolve store query` and the exports that other programs read."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest

from resolver.local_hub import HubOptions, LocalHub
from resolver.row import ROW_KEYS
from tests.resolver.cli.test_command import run_in_thread
from tests.resolver.support import READER, TOKENS, answers, bert_row, catalog_of, settings_for

IDS = ["acme/bert", "acme/sd", "acme/st", "acme/gguf", "single"]
COLUMNS = ("endpoint", *ROW_KEYS, "decided_by")


async def fill(hub: LocalHub, store: Path) -> None:
    await answers(settings_for(hub, store), IDS)


async def query(store: Path, sql: str, *arguments: str, code: int = 0) -> str:
    done = await run_in_thread("store", "query", sql, "--store", store, *arguments)
    assert done.returncode == code, done.stderr
    return done.stdout if code in (0, 3) else done.stderr


async def test_a_query_is_written_in_each_format(hub: LocalHub, store: Path, tmp_path: Path) -> None:
    await fill(hub, store)
    sql = "SELECT library, count(*) AS repos FROM answers WHERE library IN ('diffusers', 'gguf') GROUP BY 1 ORDER BY 1"
    assert await query(store, sql) == "library\trepos\ndiffusers\t1\ngguf\t1\n"
    assert await query(store, sql, "--format", "csv") == "library,repos\ndiffusers,1\ngguf,1\n"
    output = tmp_path / "rows.jsonl"
    assert await query(store, sql, "--format", "jsonl", "--output", str(output)) == ""
    assert [json.loads(line) for line in output.read_text().splitlines()] == [
        {"library": "diffusers", "repos": 1},
        {"library": "gguf", "repos": 1},
    ]
    cell = "SELECT '=1+1' AS a, x'00ff' AS b, NULL AS c, 'x' || char(10) || char(27) AS d"
    assert await query(store, cell, "--format", "csv", "--csv-safe") == "a,b,c,d\n'=1+1,00ff,,x\\n\\x1b\n"
    done = await run_in_thread("store", "query", "-", "--store", store, stdin="SELECT 7 AS n")
    assert done.stdout == "n\n7\n"


async def test_what_a_query_cannot_do_is_said_in_one_line(hub: LocalHub, store: Path) -> None:
    await fill(hub, store)
    assert "can only read" in await query(store, "DELETE FROM refs", code=2)
    assert "syntax error" in await query(store, "SELEC 1", code=2)
    assert await query(store, "SELECT * FROM answers WHERE task = 'none'", "--format", "jsonl", code=3) == ""
    assert "no store at" in await query(store.with_name("none"), "SELECT 1", code=2)
    assert "--csv-safe" in await query(store, "SELECT 1", "--csv-safe", code=2)
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT 1 FROM n) SELECT count(*) FROM n"
    assert "longer than 1 s" in await query(store, endless, "--timeout", "1s", code=2)


def read_sqlite(path: Path, table: str) -> list[dict[str, Any]]:
    with closing(sqlite3.connect(path)) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute(f"SELECT * FROM {table} ORDER BY repo_id")]


async def test_an_export_has_the_rows_of_a_listing(hub: LocalHub, store: Path, tmp_path: Path) -> None:
    await fill(hub, store)
    done = await run_in_thread("store", "list", "--store", store, "--endpoint", hub.endpoint, "--format", "jsonl")
    listed = sorted(map(json.loads, done.stdout.splitlines()), key=lambda row: row["repo_id"])
    for name in ("a.parquet", "a.sqlite3"):
        done = await run_in_thread("store", "export", tmp_path / name, "--store", store)
        assert (done.returncode, done.stderr) == (0, f"{tmp_path / name}: {len(IDS)} answers\n")
    rows = pyarrow.parquet.read_table(tmp_path / "a.parquet").to_pylist()
    assert tuple(rows[0]) == COLUMNS and all(row["endpoint"] == hub.endpoint for row in rows)
    # When a row is stale only a request can say.
    exported = [{key: row[key] for key in ROW_KEYS} for row in sorted(rows, key=lambda row: row["repo_id"])]
    assert exported == [{**row, "stale": None} for row in listed]
    rows = read_sqlite(tmp_path / "a.sqlite3", "answers")
    assert tuple(rows[0]) == COLUMNS
    assert [json.loads(row["weights"]) for row in rows] == [row["weights"] for row in listed]
    # It is read as the output of a run.
    assert (await run_in_thread("diff", tmp_path / "a.parquet", tmp_path / "a.parquet")).returncode == 0
    assert sorted(item.name for item in tmp_path.glob("a.*")) == ["a.parquet", "a.sqlite3"]


async def test_duckdb_opens_its_export(hub: LocalHub, store: Path, tmp_path: Path) -> None:
    duckdb = pytest.importorskip("duckdb", reason="duckdb is not installed")
    await fill(hub, store)
    path = tmp_path / "a.duckdb"
    assert (await run_in_thread("store", "export", path, "--store", store, "--with-private")).returncode == 0
    with closing(duckdb.connect(str(path), read_only=True)) as connection:
        query = "SELECT repo_id, weights[1], len(candidates) >= 0, conflict FROM answers WHERE library = 'diffusers'"
        assert connection.execute(query).fetchall() == [("acme/sd", None, True, False)]
        assert connection.execute("SELECT count(*) FROM answers_private").fetchall() == [(0,)]


async def test_an_export_of_some_repos_and_of_private_ones(store: Path, tmp_path: Path) -> None:
    async with LocalHub(catalog_of(), HubOptions(tokens=TOKENS)) as hub:
        await answers(settings_for(hub, store, token=READER), [*IDS, "acme/private"])
    path = tmp_path / "some.db"
    done = await run_in_thread("store", "export", path, "acme/bert", "acme/none", "--store", store)
    assert done.returncode == 1 and "no answer to export for acme/none" in done.stderr
    assert [row["repo_id"] for row in read_sqlite(path, "answers")] == ["acme/bert"]
    done = await run_in_thread("store", "export", path, "--with-private", "--store", store)
    assert done.returncode == 0, done.stderr
    assert [row["repo_id"] for row in read_sqlite(path, "answers_private")] == ["acme/private"]
    assert "acme/private" not in {row["repo_id"] for row in read_sqlite(path, "answers")}
    for arguments, message in (
        ((tmp_path / "x.parquet", "--with-private"), "one table"),
        ((tmp_path, "--format", "sqlite"), "is a folder"),
        ((tmp_path / "no" / "x.sqlite3",), "cannot be written"),
        ((tmp_path / "no" / "x.parquet",), "cannot be written"),
    ):
        done = await run_in_thread("store", "export", *arguments, "--store", store)
        assert done.returncode == 2 and message in " ".join(done.stderr.split()), done.stderr


async def test_several_endpoints_are_listed_with_their_names(hub: LocalHub, store: Path, tmp_path: Path) -> None:
    await answers(settings_for(hub, store), ["acme/bert"])
    async with LocalHub(catalog_of(bert_row("other/bert"))) as other:
        await answers(settings_for(other, store), ["other/bert"])
        names = {"acme/bert": hub.endpoint, "other/bert": other.endpoint}
        for chosen in (("--all-endpoints",), ("--endpoint", hub.endpoint, "--endpoint", f"{other.endpoint}/")):
            done = await run_in_thread("store", "list", "--store", store, *chosen, "--format", "jsonl")
            rows = [json.loads(line) for line in done.stdout.splitlines()]
            assert {row["repo_id"]: row["endpoint"] for row in rows} == names
        for format_ in ("csv", "parquet"):
            output = tmp_path / f"rows.{format_}"
            await run_in_thread("store", "list", "--store", store, "--all-endpoints", "--output", output)
            assert output.stat().st_size
        assert (tmp_path / "rows.csv").read_text().startswith("endpoint,repo_id,")
        assert set(pyarrow.parquet.read_table(tmp_path / "rows.parquet")["endpoint"].to_pylist()) == set(names.values())
    table = await run_in_thread("store", "list", "--store", store, "--all-endpoints")
    assert table.stdout.startswith("endpoint\trepo_id\tcommit_hash\t")
    both = await run_in_thread("store", "list", "--store", store, "--all-endpoints", "--endpoint", hub.endpoint)
    assert both.returncode == 2
