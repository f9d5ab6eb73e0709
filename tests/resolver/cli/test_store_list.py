"""`hubresolve store list`: the rows of a store, as an offline run gives them, and no others."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from registry.defaults import default_registry
from registry.extension import Extension
from resolver.answer import Answer
from resolver.local_hub import Catalog, LocalHub
from resolver.lookup.stored import list_stored
from resolver.resolution import Resolution
from store.sql.ref_pages import ROWS_PER_PAGE
from store.store import MetadataStore
from tests.resolver.cli.test_command import run_in_thread
from tests.resolver.support import BERT_SHA, READER, answers, bert_row, catalog_of, settings_for

IDS = ["acme/bert", "legacy", f"acme/bert@{BERT_SHA}", "acme/sd", "ACME/st", "acme/gguf", "single", "acme/none"]


async def list_rows(*arguments: str | Path, code: int = 0) -> list[dict[str, Any]]:
    done = await run_in_thread("store", "list", "--format", "jsonl", *arguments)
    assert done.returncode == code, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


async def test_the_rows_are_those_of_an_offline_run(hub: LocalHub, store: Path) -> None:
    await answers(settings_for(hub, store, token=READER), [*IDS, "acme/private"])
    place = ("--endpoint", hub.endpoint, "--store", store)
    found = await list_rows(*place)
    names = [f"{row['repo_id']}@{row['revision']}" for row in found]
    assert "acme/private@main" not in names and "acme/none@main" not in names and len(set(names)) == len(names)
    offline = await answers(settings_for(hub, store, offline=True), names)
    assert found == [item.to_dict() for item in offline]
    assert {"acme/bert@main", f"acme/bert@{BERT_SHA}", "acme/sd@main", "ACME/st@main", "single@main"} <= set(names)
    assert all(row["error"] is None and row["source"] == "store" and row["stale"] is False for row in found)
    assert all(row["stale"] for row in await list_rows(*place, "--max-age", "0") if len(row["revision"]) < 40)


async def test_rows_columns_order_and_author_are_chosen(hub: LocalHub, store: Path, tmp_path: Path) -> None:
    await answers(settings_for(hub, store), IDS)
    place = ("--endpoint", hub.endpoint, "--store", store)
    chosen = await list_rows(*place, "--where", "library=diffusers", "--columns", "repo_id,task")
    assert chosen == [{"repo_id": "acme/sd", "task": "text-to-image"}]
    order = [row["repo_id"] for row in await list_rows(*place, "--sort=-repo_id", "--author", "Acme")]
    assert order == sorted(order, key=str.casefold, reverse=True) and "single" not in order and "ACME/st" in order
    table = await run_in_thread("store", "list", *place)
    assert table.stdout.startswith("repo_id\tcommit_hash\t") and table.stderr == ""
    output = tmp_path / "rows.parquet"
    assert (await run_in_thread("store", "list", *place, "--format", "parquet", "--output", output)).returncode == 0
    assert (await run_in_thread("diff", output, output)).returncode == 0
    summary = await run_in_thread("store", "list", *place, "--format", "summary", "--where", "library=diffusers")
    assert "diffusers 1" in summary.stdout and " repos\n" in summary.stdout


async def test_nothing_found_is_exit_code_three_and_says_where_there_is_something(hub: LocalHub, store: Path) -> None:
    await answers(settings_for(hub, store), ["acme/bert"])
    for arguments, message in (
        (("--endpoint", "https://hub.example"), f"it has some from {hub.endpoint}: use --endpoint"),
        (("--endpoint", hub.endpoint, "--author", "acm"), "no public repo of acm"),
        (("--endpoint", hub.endpoint, "--where", "library=timm"), "none of the 1 repos"),
    ):
        done = await run_in_thread("store", "list", "--store", store, *arguments)
        assert done.returncode == 3 and message in done.stderr
    missing = await run_in_thread("store", "list", "--store", store.with_name("none"))
    assert missing.returncode == 2 and not store.with_name("none").exists()
    assert (await run_in_thread("store", "list", "--store", store, "--where", "x=y")).returncode == 2
    assert (await run_in_thread("store", "list", "--store", store, "--csv-safe")).returncode == 2


async def test_a_repo_that_became_private_is_not_listed(catalog: Catalog, hub: LocalHub, store: Path) -> None:
    await answers(settings_for(hub, store), ["acme/bert", "acme/sd"])
    catalog.change("acme/bert", private=True)
    await answers(settings_for(hub, store, refresh=True), ["acme/bert"])
    assert [row["repo_id"] for row in await list_rows("--endpoint", hub.endpoint, "--store", store)] == ["acme/sd"]


async def list_all(store: Path, endpoint: str, **more: Any) -> list[Answer]:
    async with MetadataStore(store, may_create=False) as opened:
        asked = {"registry": default_registry(), "endpoint": endpoint, "max_age_s": 1e9, "now_s": 2e9, **more}
        return [item async for item in list_stored(opened, **asked)]


async def test_decisions_of_other_rules_are_made_again_and_not_stored(hub: LocalHub, store: Path) -> None:
    await answers(settings_for(hub, store), ["acme/bert"], task="feature-extraction")
    await answers(settings_for(hub, store), ["acme/sd"])
    before = count_decisions(store)
    other = default_registry().extended(Extension(name="ours", aliases={"chat": "text-generation"}))
    for registry in (default_registry(), other):
        found = await list_all(store, hub.endpoint, registry=registry)
        assert [item.task for item in found if isinstance(item, Resolution)] == ["fill-mask", "text-to-image"]
    assert count_decisions(store) == before


def count_decisions(store: Path) -> int:
    with closing(sqlite3.connect(store)) as connection:
        return int(connection.execute("SELECT count(*) FROM decisions").fetchone()[0])


async def test_more_rows_than_a_page_are_all_listed_once(store: Path) -> None:
    names = [f"acme/r{number}" for number in range(ROWS_PER_PAGE + 1)]
    async with LocalHub(catalog_of(*(bert_row(name) for name in names))) as hub:
        await answers(settings_for(hub, store), names)
        assert sorted(item.repo_id for item in await list_all(store, hub.endpoint)) == sorted(names)


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE refs SET library_name = 'x' WHERE repo_id = 'acme/bert'",
        "UPDATE refs SET repo_id = '../x' WHERE repo_id = 'acme/bert'",
        "UPDATE refs SET key = 'x' WHERE repo_id = 'acme/bert'",
        "UPDATE refs SET key = 7 WHERE repo_id = 'acme/bert'",
        "UPDATE refs SET revision = x'00ff' WHERE repo_id = 'acme/bert'",
        "UPDATE facts SET body = x'00', digest = 0 WHERE canonical_id = 'acme/bert'; DELETE FROM decisions",
    ],
)
async def test_damaged_rows_are_left_out_and_counted(hub: LocalHub, store: Path, damage: str) -> None:
    await answers(settings_for(hub, store), ["acme/bert", "acme/sd"])
    with closing(sqlite3.connect(store)) as connection:
        connection.executescript(damage)
    done = await run_in_thread("store", "list", "--store", store, "--endpoint", hub.endpoint, "--columns", "repo_id")
    assert done.stdout == "repo_id\nacme/sd\n" and done.returncode == 0
    assert "store verify" in done.stderr


async def test_a_damaged_decision_is_made_again(hub: LocalHub, store: Path) -> None:
    await answers(settings_for(hub, store), ["acme/bert"])
    with closing(sqlite3.connect(store)) as connection:
        connection.executescript("UPDATE decisions SET body = x'00'")
    (row,) = await list_rows("--store", store, "--endpoint", hub.endpoint)
    assert row["task"] == "fill-mask"
