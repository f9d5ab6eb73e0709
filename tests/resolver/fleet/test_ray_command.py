"""`hubresolve resolve --ray` and `load --ray` in separate processes, on a real Ray."""

from __future__ import annotations

import asyncio
import functools
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from resolver.local_hub.server.process import start_process
from resolver.local_hub.testing.synthetic import synthetic
from resolver.row import ROW_KEYS
from tests.resolver.loading.families import BERT
from tests.resolver.support import run
from tests.store import postgres

pq = pytest.importorskip("pyarrow.parquet")
pytest.importorskip("ray")

COUNT = 300


async def run_in_thread(*arguments: str | Path, **more: str) -> subprocess.CompletedProcess[str]:
    """Run the command in a thread, because the database runs in this event loop."""
    return await asyncio.to_thread(functools.partial(run, *arguments, RAY_AUTH_MODE="disabled", **more))


@pytest.mark.slow
async def test_a_list_is_resolved_into_parquet_files(ray_cluster: str, postgres_server: str, tmp_path: Path) -> None:
    ids = [row["id"] for row in synthetic(COUNT)]
    file, folder = tmp_path / "ids.txt", tmp_path / "answers"
    file.write_text("".join(f"{repo_id}\n" for repo_id in [*ids, "not//an id", "acme/missing@v1"]))
    async with postgres.create_database(postgres_server) as store:
        with start_process(synthetic=COUNT) as hub:
            command: tuple[Any, ...] = ("resolve", "--ray", ray_cluster, "--file", file, "--output", folder)
            options = ("--endpoint", hub.endpoint, "--store", store)
            done = await run_in_thread(*command, *options, HF_TOKEN="")
            again = await run_in_thread(*command, *options)
    assert done.returncode == 1, done.stderr
    table = pq.read_table(folder)
    assert table.column_names == list(ROW_KEYS) and table.num_rows == COUNT + 2
    errors = {row["repo_id"]: row["error"]["code"] for row in table.to_pylist() if row["error"]}
    assert errors == {"not//an id": "invalid_repo_id", "acme/missing": "repo_not_found"}
    assert f"{COUNT + 2} repos in" in done.stderr and "2 failed" in done.stderr and "library" in done.stderr
    assert again.returncode == 2 and "is not an empty folder" in again.stderr


@pytest.mark.slow
async def test_models_are_loaded_on_the_cluster(ray_cluster: str, postgres_server: str, tmp_path: Path) -> None:
    import transformers

    transformers.BertForMaskedLM(transformers.BertConfig(**BERT)).save_pretrained(tmp_path / "models" / "acme" / "bert")
    async with postgres.create_database(postgres_server) as store:
        with start_process(folder=tmp_path / "models") as hub:
            options = ("--endpoint", hub.endpoint, "--store", store, "--format", "jsonl")
            done = await run_in_thread("load", "acme/bert", "acme/missing", "--ray", ray_cluster, *options)
    rows = {row["repo_id"]: row for row in map(json.loads, done.stdout.splitlines())}
    assert done.returncode == 1, done.stderr
    assert rows["acme/bert"]["model_class"] == "AutoModelForMaskedLM" and rows["acme/bert"]["parameters"] > 1_000
    assert rows["acme/missing"]["error"]["code"] == "repo_not_found"


SHARED = ("--store", "postgresql://u@h/d")
WRONG = (
    ("a SQLite store", ["a/b", "--output", "out", "--store", "s.sqlite3"], "a SQLite store (s.sqlite3) is a file"),
    ("no folder", ["a/b", *SHARED], "--ray needs --output DIR"),
    ("another format", ["a/b", "--output", "out", "--format", "csv", *SHARED], "--ray writes Parquet files"),
    ("a choice", ["a/b", "--output", "out", "--where", "error", *SHARED], "--ray writes Parquet files"),
    ("a listing", ["--author", "acme", "--output", "out", *SHARED], "takes ids and --file only"),
    ("no cluster", ["a/b", "--output", "out", *SHARED], "there is no Ray cluster"),
)


@pytest.mark.parametrize(("arguments", "message"), [case[1:] for case in WRONG], ids=[case[0] for case in WRONG])
def test_wrong_usage_is_one_line(
    arguments: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = run("resolve", "--ray", "127.0.0.1:1", *arguments, RAY_AUTH_MODE="disabled", HF_HUB_OFFLINE="1")
    assert done.returncode == 2 and message in done.stderr, done.stderr
    assert not (tmp_path / "out").exists()
