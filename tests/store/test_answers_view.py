"""The view `answers`: every field of the latest decision in a column, read by sqlite3 and pandas as a store lies."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pandas
import pytest
from msgspec.structs import replace
from sqlalchemy import text

from registry.decision import Candidate, Decision
from resolver.row import ROW_KEYS
from store.bundle.exporting import export_bundle
from store.bundle.importing import import_bundle
from store.keys import DecisionKey, RefKey
from store.maintenance.prune import prune
from store.maintenance.verify import verify
from store.records import Record
from store.store import MetadataStore
from tests.store.support import DECISION, DECISION_KEY, HUB, REGISTRY, make_record

FULL = Decision(
    library="transformers",
    task="text-generation",
    framework="pt",
    weights=("pt", "onnx"),
    model_type="llama",
    architecture="LlamaForCausalLM",
    model_class="AutoModelForCausalLM",
    requires_remote_code=True,
    conflict=True,
    ambiguous=True,
    candidates=(Candidate(task="feature-extraction", model_class="AutoModel"), Candidate(task="other")),
    base_models=("org/base",),
    notes=("é; 'quoted'",),
)


async def read_rows(store: MetadataStore, view: str = "answers") -> list[dict[str, Any]]:
    async with store.snapshot() as connection:
        found = await connection.execute(text(f"SELECT * FROM {view} ORDER BY repo_id, revision"))
        return [dict(row) for row in found.mappings()]


async def test_a_row_has_every_field_of_an_answer(location: str) -> None:
    async with MetadataStore(location) as store:
        size = {"parameters": 110_106_428, "weight_bytes": 440_425_712}
        await store.put([replace(make_record("org/a", checked_at_s=1_769_860_800), decision=FULL, **size)])
        (row,) = await read_rows(store)
        assert (await verify(store, REGISTRY)).problems == ["the decision on org/a@main differs from today's"]
    assert tuple(row) == ("endpoint", *ROW_KEYS, "decided_by")
    lists = {name: json.loads(row[name]) for name in ("weights", "candidates", "base_models", "notes")}
    assert lists == {
        "weights": ["pt", "onnx"],
        "candidates": [
            {"task": "feature-extraction", "model_class": "AutoModel"},
            {"task": "other", "model_class": None},
        ],
        "base_models": ["org/base"],
        "notes": ["é; 'quoted'"],
    }
    assert all(row[name] in (True, 1) for name in ("requires_remote_code", "conflict", "ambiguous"))
    plain = {key: row[key] for key in row if key not in (*lists, "requires_remote_code", "conflict", "ambiguous")}
    assert plain == {
        "endpoint": HUB,
        "repo_id": "org/a",
        "canonical_id": "org/a",
        "revision": "main",
        "commit_hash": "a" * 40,
        "library": "transformers",
        "task": "text-generation",
        "framework": "pt",
        "model_type": "llama",
        "architecture": "LlamaForCausalLM",
        "model_class": "AutoModelForCausalLM",
        "pipeline_tag": "fill-mask",
        "library_name": None,
        "undecided": None,
        "source": "store",
        "error": None,
        "partial": None,
        "checked_at": "2026-01-31T12:00:00Z",
        "stale": None,
        "parameters": 110_106_428,
        "weight_bytes": 440_425_712,
        "decided_by": DECISION_KEY.decided_by,
    }


async def test_only_what_all_may_see_is_in_answers(location: str) -> None:
    async with MetadataStore(location) as store:
        missing = Record(
            ref_keys=(RefKey(HUB, "org/none", "main", "anonymous"),),
            hints=make_record("org/a").hints,
            checked_at_s=100,
            problem="repo_not_found",
        )
        hidden = Record(
            ref_keys=(RefKey(HUB, "org/hidden", "main"),), hints=missing.hints, checked_at_s=200, is_hidden=True,
            problem="withdrawn",
        )  # fmt: skip
        await store.put([make_record("org/a"), make_record("org/hidden"), make_record("org/p", scope="token"), missing])
        await store.put([hidden])
        assert [row["repo_id"] for row in await read_rows(store)] == ["org/a"]
        private = await read_rows(store, "answers_private")
        assert [(row["repo_id"], row["scope"], row["error"]) for row in private] == [
            ("org/none", "anonymous", "repo_not_found"),
            ("org/p", "token", None),
        ]


async def test_the_latest_decision_counts_and_what_was_requested_does_not(location: str) -> None:
    others = replace(make_record("org/a"), ref_keys=())
    async with MetadataStore(location) as store:
        await store.put([replace(others, ref_keys=make_record("org/a").ref_keys, decision=FULL)])
        for digest, task, decision in (
            ("other rules", None, replace(FULL, task="fill-mask")),
            ("other rules", "token-classification", replace(FULL, task="token-classification")),
        ):
            await store.put([replace(others, decision_key=DecisionKey(digest, task), decision=decision)])
        (row,) = await read_rows(store)
        other_rules = DecisionKey("other rules").decided_by
        assert (row["task"], row["decided_by"]) == ("fill-mask", other_rules)
        await store.put([replace(others, decision=DECISION)])
        assert (await read_rows(store))[0]["decided_by"] != other_rules


async def test_an_import_brings_the_columns_and_replaces_none(location: str, tmp_path: Path) -> None:
    bundle = tmp_path / "x.bundle"
    async with MetadataStore(tmp_path / "other.sqlite3") as other:
        await other.put([make_record("org/a"), make_record("org/b", commit="b" * 40)])
        await export_bundle(other, bundle)
    async with MetadataStore(location) as store:
        await store.put([replace(make_record("org/a"), decision_key=DecisionKey("mine"), decision=FULL)])
        await import_bundle(store, bundle)
        assert [row["task"] for row in await read_rows(store)] == ["text-generation", "fill-mask"]


async def test_pruning_removes_the_columns_too(location: str) -> None:
    async with MetadataStore(location) as store:
        await store.put([make_record("org/a"), replace(make_record("org/b", commit="b" * 40), decision=FULL)])
        await prune(store, repo_ids=["org/b"])
        async with store.snapshot() as connection:
            counts = [
                (await connection.execute(text(f"SELECT count(*) FROM {table}"))).scalar_one()
                for table in ("latest_decisions", "decision_columns")
            ]
        assert counts == [1, 1] and [row["repo_id"] for row in await read_rows(store)] == ["org/a"]


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE decision_columns SET task = 'x'",
        "UPDATE decision_columns SET id = 7",
        "UPDATE latest_decisions SET registry_digest = 7",
        "UPDATE latest_decisions SET columns_id = 'x'",
        "UPDATE latest_decisions SET hints_id = 'x'",
        "DELETE FROM decision_columns",
    ],
)
async def test_columns_that_say_something_else_are_found_and_filled_in_again(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "store.sqlite3"
    async with MetadataStore(path) as store:
        await store.put([make_record("org/a")])
        good = await read_rows(store)
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(damage)
    async with MetadataStore(path) as store:
        assert any("say something else" in problem for problem in (await verify(store, REGISTRY)).problems)
        await verify(store, REGISTRY, drop=True)
        assert (await verify(store, REGISTRY)).problems == [] and await read_rows(store) == good


async def test_sqlite3_and_pandas_read_a_store_beside_a_writer(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite3"
    async with MetadataStore(path) as store:
        await store.put([make_record("org/a")])
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as reader:
            query = "SELECT task, count(*) AS repos FROM answers GROUP BY task"
            assert reader.execute(query).fetchall() == [("fill-mask", 1)]
            # An open read does not keep the writer waiting, and sees nothing of it.
            cursor = reader.execute("SELECT repo_id FROM answers")
            await store.put([make_record(f"org/b{number}", commit=f"{number:040x}") for number in range(50)])
            assert len(cursor.fetchall()) == 1
            frame = pandas.read_sql_query("SELECT * FROM answers", reader)
        assert len(frame) == 51 and set(frame["task"]) == {"fill-mask"} and tuple(frame.columns[1:-1]) == ROW_KEYS


async def test_datasette_shows_a_store(tmp_path: Path) -> None:
    pytest.importorskip("datasette", reason="datasette is not installed")
    path = tmp_path / "known.sqlite3"
    async with MetadataStore(path) as store:
        await store.put([make_record("org/a"), replace(make_record("org/b", commit="b" * 40), decision=FULL)])
        done = subprocess.run(
            [sys.executable, "-m", "datasette", path, "--get", "/known/answers.json?_shape=array&task=fill-mask"],
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    assert [row["repo_id"] for row in json.loads(done.stdout)] == ["org/a"]
