"""`hubresolve load` in a process of its own: rows, exit codes, and nothing but rows on standard output."""

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

from resolver.local_hub import HubProcess, start_process
from resolver.render import LOAD_KEYS
from tests.loading.families import bert
from tests.resolver.support import ROOT, environment

SITE = Path(__file__).parent / "site"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`acme/bert`, which loads, and `acme/tf`, which does not."""
    made = tmp_path_factory.mktemp("hub")
    transformers.BertForMaskedLM(bert()).save_pretrained(made / "acme" / "bert")
    (made / "acme" / "tf").mkdir()
    (made / "acme" / "tf" / "config.json").write_bytes((made / "acme" / "bert" / "config.json").read_bytes())
    (made / "acme" / "tf" / "tf_model.h5").write_bytes(b"weights")
    return made


@pytest.fixture(scope="module")
def hub(folder: Path) -> Iterator[HubProcess]:
    with start_process(folder=folder) as running:
        yield running


def load(hub: HubProcess, tmp_path: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    env = environment(
        HF_ENDPOINT=hub.endpoint,
        HUBRESOLVE_STORE=str(tmp_path / "store"),
        PYTHONPATH=os.pathsep.join((str(SITE), str(ROOT))),
        OMP_NUM_THREADS="1",
    )
    line = [sys.executable, "-m", "resolver", "load", *map(str, arguments)]
    done = subprocess.run(line, env=env, capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr, done.stderr
    return done


def test_a_row_for_each_and_the_exit_code_says_whether_all_loaded(
    hub: HubProcess, folder: Path, tmp_path: Path
) -> None:
    local = folder / "acme" / "bert"
    done = load(hub, tmp_path, "acme/bert", "acme/tf", "acme/none", local, "--format", "jsonl", "--dtype", "bfloat16")
    rows: list[dict[str, Any]] = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 1 and all(tuple(row) == LOAD_KEYS for row in rows)
    good, tf, none, here = rows
    model = transformers.BertForMaskedLM(bert())
    for row in (good, here):
        assert row["error"] is None and row["model_class"] == "BertForMaskedLM" and row["dtype"] == "bfloat16"
        assert row["parameters"] == model.num_parameters() and row["resident_bytes"] >= 2 * row["parameters"]
        assert row["elapsed_s"] >= 0 and row["task"] == "fill-mask"
    assert good["commit_hash"] and here["commit_hash"] is None
    assert tf["error"]["code"] == "not_loadable" and tf["library"] == "transformers" and tf["commit_hash"]
    assert none["error"]["code"] == "repo_not_found" and none["library"] is None
    assert done.stderr.splitlines()[-1].startswith("2 models (") and "2 failed" in done.stderr


def test_a_table_for_readers(hub: HubProcess, tmp_path: Path) -> None:
    done = load(hub, tmp_path, "acme/bert", "--max-resident-bytes", "1000000")
    header, row = done.stdout.splitlines()
    assert done.returncode == 0 and header.split()[:5] == ["repo", "commit", "library", "task", "class"]
    assert row.split()[0] == "acme/bert" and "BertForMaskedLM" in row and "float32" in row and "kB" in row
    assert not done.stderr.strip()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "nothing to load"),
        (("acme/bert", "--task", "nonsense"), "unknown task 'nonsense'"),
        (("acme/bert", "--max-resident-bytes", "0"), "max-resident-bytes"),
        (("--file", "/no/such/file"), "--file"),
    ],
)
def test_wrong_usage_is_told_and_exits_2(
    arguments: tuple[str, ...], said: str, hub: HubProcess, tmp_path: Path
) -> None:
    done = load(hub, tmp_path, *arguments)
    assert done.returncode == 2 and said in done.stderr and not done.stdout
