"""`run_query`: SQL of others can read everything, change nothing, and does not run for ever."""

from __future__ import annotations

from typing import Any

import pytest

from store.errors import QueryError
from store.query import run_query
from store.store import MetadataStore
from tests.store.support import make_record

ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 - i % 2 FROM n) SELECT count(*) FROM n"


async def fetch(store: MetadataStore, sql: str, **more: Any) -> tuple[tuple[str, ...], list[tuple[Any, ...]]]:
    async with run_query(store, sql, **more) as found:
        return found.columns, [tuple(row) async for page in found.pages for row in page]


@pytest.mark.parametrize(
    ("sql", "columns", "rows"),
    [
        ("SELECT task, count(*) AS repos FROM answers GROUP BY task", ("task", "repos"), [("fill-mask", 1_500)]),
        ("SELECT 1 AS a, 2 AS a, 3 AS a", ("a", "a_2", "a_3"), [(1, 2, 3)]),
        # Neither a colon nor a percent sign is a parameter.
        ("SELECT ':x', '10:30', '%s %(x)s', '\\\\' AS d", None, [(":x", "10:30", "%s %(x)s", "\\\\")]),
        ("SELECT repo_id FROM answers WHERE repo_id = 'none'", ("repo_id",), []),
        ("SELECT max(checked_at) FROM answers -- a remark", None, [("1970-01-01T00:01:40Z",)]),
    ],
    ids=["count", "names", "colons", "none", "remark"],
)
async def test_a_query_reads(
    location: str, sql: str, columns: tuple[str, ...] | None, rows: list[tuple[Any, ...]]
) -> None:
    async with MetadataStore(location) as store:
        await store.put([make_record(f"org/r{number}", commit=f"{number:040x}") for number in range(1_500)])
        found = await fetch(store, sql)
        assert found[1] == rows and columns in (None, found[0])


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM refs",
        "INSERT INTO lookups VALUES (1, 1, 1)",
        "UPDATE refs SET repo_id = 'x'",
        "DROP VIEW answers",
        "CREATE TABLE t (a integer)",
        "CREATE TEMP TABLE t (a integer)",
        "COMMIT",
        "ROLLBACK",
        "BEGIN",
        "VACUUM",
        "ATTACH 'other.db' AS other",
        "PRAGMA journal_mode=DELETE",
        "PRAGMA query_only=0",
        "SELECT load_extension('x')",
        "SELECT 1; DELETE FROM refs",
        "SELECT * FROM nothing",
        "SELECT ?",
        "SELECT",
        "",
        "-- nothing",
        "no SQL",
    ],
)
async def test_what_is_no_reading_query_is_refused_and_changes_nothing(location: str, sql: str) -> None:
    async with MetadataStore(location) as store:
        await store.put([make_record("org/a")])
        with pytest.raises(QueryError):
            await fetch(store, sql)
        # The connection is as it was: it reads and writes.
        assert (await fetch(store, "SELECT count(*) FROM answers"))[1] == [(1,)]
        await store.put([make_record("org/b", commit="b" * 40)])
        assert (await fetch(store, "SELECT count(*) FROM answers"))[1] == [(2,)]


async def test_a_query_without_end_is_stopped(location: str) -> None:
    async with MetadataStore(location) as store:
        with pytest.raises(QueryError, match=r"longer than 0\.2 s"):
            await fetch(store, ENDLESS, timeout_s=0.2)
        assert (await fetch(store, "SELECT count(*) FROM answers"))[1] == [(0,)]


async def test_a_reader_may_leave_early(location: str) -> None:
    async with MetadataStore(location) as store:
        await store.put([make_record(f"org/r{number}", commit=f"{number:040x}") for number in range(1_500)])
        async with run_query(store, "SELECT repo_id FROM answers") as found:
            async for page in found.pages:
                assert len(page) == 1_000
                break
        await store.put([make_record("org/last", commit="b" * 40)])
