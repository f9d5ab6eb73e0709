"""`hubresolve load` in a process of its own: rows, exit codes, and only rows on standard output."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import transformers

from resolver.cli.load_rows import LOAD_KEYS
from resolver.local_hub import HubProcess, start_process
from tests.resolver.loading.families import build_bert_config
from tests.resolver.support import ROOT, environment

SITE = Path(__file__).parent / "site"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `acme/bert`, which loads, and `acme/tf`, which does not."""
    folder = tmp_path_factory.mktemp("hub")
    transformers.BertForMaskedLM(build_bert_config()).save_pretrained(folder / "acme" / "bert")
    (folder / "acme" / "tf").mkdir()
    (folder / "acme" / "tf" / "config.json").write_bytes((folder / "acme" / "bert" / "config.json").read_bytes())
    (folder / "acme" / "tf" / "tf_model.h5").write_bytes(b"weights")
    return folder


@pytest.fixture(scope="module")
def hub(folder: Path) -> Iterator[HubProcess]:
    with start_process(folder=folder) as running:
        yield running


def run_load(hub: HubProcess, tmp_path: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    env = environment(
        HF_ENDPOINT=hub.endpoint,
        HUBRESOLVE_STORE=str(tmp_path / "store"),
        PYTHONPATH=os.pathsep.join((str(SITE), str(ROOT))),
        OMP_NUM_THREADS="1",
    )
    command = [sys.executable, "-m", "resolver", "load", *map(str, arguments)]
    process = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert "Traceback" not in process.stderr, process.stderr
    return process


def test_each_model_has_a_row_and_a_failure_sets_the_exit_code(hub: HubProcess, folder: Path, tmp_path: Path) -> None:
    local = folder / "acme" / "bert"
    process = run_load(
        hub, tmp_path, "acme/bert", "acme/tf", "acme/none", local, "--format", "jsonl", "--dtype", "bfloat16"
    )
    rows: list[dict[str, Any]] = [json.loads(line) for line in process.stdout.splitlines()]
    assert process.returncode == 1 and all(tuple(row) == LOAD_KEYS for row in rows)
    good, tf, none, local_row = rows
    model = transformers.BertForMaskedLM(build_bert_config())
    for row in (good, local_row):
        assert row["error"] is None and row["model_class"] == "BertForMaskedLM" and row["dtype"] == "bfloat16"
        assert row["parameters"] == model.num_parameters() and row["resident_bytes"] >= 2 * row["parameters"]
        assert row["elapsed_s"] >= 0 and row["task"] == "fill-mask"
    assert good["commit_hash"] and local_row["commit_hash"] is None
    assert tf["error"]["code"] == "not_loadable" and tf["library"] == "transformers" and tf["commit_hash"]
    assert none["error"]["code"] == "repo_not_found" and none["library"] is None
    assert process.stderr.splitlines()[-1].startswith("2 models (") and "2 failed" in process.stderr


def test_a_table_for_readers(hub: HubProcess, tmp_path: Path) -> None:
    process = run_load(hub, tmp_path, "acme/bert", "--max-resident-bytes", "1000000")
    header, row = process.stdout.splitlines()
    assert process.returncode == 0 and header.split()[:5] == ["repo", "commit", "library", "task", "class"]
    assert row.split()[0] == "acme/bert" and "BertForMaskedLM" in row and "float32" in row and "kB" in row
    assert not process.stderr.strip()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "nothing to load"),
        (("acme/bert", "--task", "nonsense"), "unknown task 'nonsense'"),
        (("acme/bert", "--max-resident-bytes", "0"), "max-resident-bytes"),
        (("--file", "/no/such/file"), "--file"),
    ],
)
def test_wrong_usage_is_an_error_message_and_exit_code_2(
    arguments: tuple[str, ...], message: str, hub: HubProcess, tmp_path: Path
) -> None:
    process = run_load(hub, tmp_path, *arguments)
    assert process.returncode == 2 and message in process.stderr and not process.stdout
