"""The examples run against a local Hub, as `examples/README.md` says to run them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pyarrow.parquet
import pytest

from resolver.local_hub import Catalog, HubRepo, demo_catalog, repos_from_rows
from tests.documents.setups import serve
from tests.ports import find_free_port
from tests.resolver.support import ROOT, environment

EXAMPLES = ROOT / "examples"


@pytest.fixture
def catalog() -> Catalog:
    return demo_catalog()


@pytest.fixture
def variables(catalog: Catalog, tmp_path: Path) -> Iterator[dict[str, str]]:
    """The environment of a program that finds the local Hub."""
    with serve(catalog) as endpoint:
        yield environment(HF_ENDPOINT=endpoint, HUBRESOLVE_STORE=str(tmp_path / "store.sqlite3"))


def run_example(path: str, *arguments: str | Path, folder: Path, variables: dict[str, str]) -> str:
    """What an example prints."""
    line: list[str | Path] = [sys.executable, EXAMPLES / path, *arguments]
    done = subprocess.run(line, cwd=folder, env=variables, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def build_repo(repo_id: str) -> HubRepo:
    row = {"id": repo_id, "config": {"architectures": ["BertForMaskedLM"], "model_type": "bert"}}
    (repo,) = repos_from_rows([{**row, "siblings": ["config.json", "model.safetensors"], "pipeline_tag": "fill-mask"}])
    return repo


def test_the_catalogue_is_written_and_brought_up_to_date(
    catalog: Catalog, tmp_path: Path, variables: dict[str, str]
) -> None:
    def make() -> str:
        return run_example("bulk_catalogue/catalogue.py", "Qwen", "BAAI", folder=tmp_path, variables=variables)

    expected = {*catalog.ids_of_author("Qwen"), *catalog.ids_of_author("BAAI")}
    first = make()
    assert first.startswith(f"{len(expected)} repos, ")
    table = pyarrow.parquet.read_table(tmp_path / "catalogue.parquet")
    assert set(table["repo_id"].to_pylist()) == expected
    catalog.add(build_repo("Qwen/something-new"))
    assert make().splitlines()[-1] == "new 1, gone 0, changed []"


def test_the_site_answers_what_was_carried_there(tmp_path: Path, variables: dict[str, str]) -> None:
    (tmp_path / "ids.txt").write_text("BAAI/bge-large-en-v1.5\ngoogle/gemma-3-1b-it\n")
    arguments = ("ids.txt", "site.bundle")
    learned = run_example("offline_site/carry.py", "learn", *arguments, folder=tmp_path, variables=variables)
    assert learned == "site.bundle: 2 of 2 repos\n"
    # The other machine has another store. The address of the Hub names what the answers are of; nothing is sent there.
    printed = run_example(
        *("offline_site/carry.py", "answer", *arguments, "--store", "other.sqlite3"),
        folder=tmp_path,
        variables=variables,
    )
    assert printed.splitlines() == [
        "BAAI/bge-large-en-v1.5: sentence_transformers, sentence-similarity, SentenceTransformer",
        "google/gemma-3-1b-it: transformers, text-generation, AutoModelForCausalLM",
    ]


def test_the_gateway_answers_over_http(variables: dict[str, str]) -> None:
    port = find_free_port()
    program = [sys.executable, "-m", "uvicorn", "gateway:app", "--port", str(port)]
    server = subprocess.Popen(
        program, cwd=EXAMPLES / "fastapi_gateway", env=variables, stderr=subprocess.PIPE, text=True
    )
    try:
        assert server.stderr is not None
        said = ""
        while "Uvicorn running" not in said:
            line = server.stderr.readline()
            assert line, said
            said += line
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=None, trust_env=False) as client:
            found = client.get("/models/BAAI/bge-large-en-v1.5")
            assert (found.status_code, found.json()["model_class"]) == (200, "SentenceTransformer")
            missing = client.get("/models/no-such/repo")
            assert (missing.status_code, missing.json()["detail"]["code"]) == (404, "repo_not_found")
            unfit = client.get("/models/google/gemma-3-1b-it", params={"task": "text-to-image"})
            assert (unfit.status_code, unfit.json()["detail"]["code"]) == (422, "task_mismatch")
    finally:
        server.terminate()
        server.communicate()


def test_the_page_about_gateways_shows_this_gateway() -> None:
    page = (ROOT / "docs" / "how-to" / "fastapi-gateway.md").read_text("utf-8")
    (shown,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    assert (EXAMPLES / "fastapi_gateway" / "gateway.py").read_text("utf-8").endswith(shown)


@pytest.mark.slow
def test_the_notebook_is_executed(tmp_path: Path, variables: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    from nbclient import NotebookClient
    from nbformat import NO_CONVERT, reads

    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    text = (EXAMPLES / "notebook" / "hubresolve.ipynb").read_text("utf-8")
    notebook = reads(text, as_version=NO_CONVERT)
    assert all(not cell.get("outputs") for cell in notebook.cells), "outputs are not committed"
    NotebookClient(notebook, timeout=None, kernel_name="python3", resources={"metadata": {"path": tmp_path}}).execute()
    outputs = json.dumps([cell.get("outputs") for cell in notebook.cells])
    assert "SentenceTransformer" in outputs and "repo_not_found" in outputs and "Counter({" in outputs


@pytest.mark.slow
def test_the_plugin_is_found_once_it_is_installed(tmp_path: Path) -> None:
    installed = tmp_path / "installed"
    pip: list[str | Path] = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "-q",
        "--no-deps",
        "--no-build-isolation",
        "--target",
        installed,
    ]
    subprocess.run([*pip, EXAMPLES / "plugin"], check=True, env=environment())
    folder = tmp_path / "toy"
    folder.mkdir()
    (folder / "toy_engine.json").write_text("{}")
    (folder / "weights.safetensors").touch()
    other = tmp_path / "other"
    other.mkdir()
    (other / "config.json").write_text('{"architectures": ["ToyForCausalLM"], "model_type": "toy"}')

    def ask(*arguments: str | Path, **more: str) -> str:
        line = [sys.executable, "-m", "resolver", *map(str, arguments)]
        done = subprocess.run(line, env=environment(**more), capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    own = {
        "HUBRESOLVE_STORE": str(tmp_path / "store.sqlite3"),
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "HF_HUB_OFFLINE": "1",
    }
    path = {"PYTHONPATH": os.pathsep.join((str(ROOT), str(installed)))}
    assert "toy-engine" not in ask("registry", "info", **own)
    assert "toy-engine" in ask("registry", "info", **own, **path)
    rows = ask("resolve", folder, other, "--format", "jsonl", **own, **path).splitlines()
    found = [json.loads(row) for row in rows]
    assert [(row["library"], row["task"], row["model_class"]) for row in found] == [
        ("toy_engine", "text-generation", "ToyEngine"),
        ("transformers", "text-generation", "ToyForCausalLM"),
    ]
