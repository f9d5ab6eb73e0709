"""Checks catalogs of rows, folders, synthetic repos and packed data, and the server as a process."""

from __future__ import annotations

import gzip
import importlib.util
import json
import os
import signal
import subprocess
import sys
from collections import Counter
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from resolver.local_hub import (
    Catalog,
    CatalogError,
    HubProcessError,
    UnknownRepoError,
    demo_catalog,
    read_folder,
    read_jsonl,
    repos_from_rows,
    start_process,
    synthetic,
)
from resolver.local_hub.protocol.payloads import build_body, choose_info_keys
from resolver.local_hub.protocol.routing import Route, RouteKind, parse_route

ROOT = Path(__file__).parents[3]
CORPUS = ROOT / "tests" / "data" / "corpus.jsonl.gz"


@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("/api/models", Route(RouteKind.LISTING)),
        ("/api/models/gpt2", Route(RouteKind.MODEL_INFO, "model", "gpt2")),
        ("/api/models/a/b", Route(RouteKind.MODEL_INFO, "model", "a/b")),
        ("/api/models/a/b/revision/refs%2Fpr%2F1", Route(RouteKind.MODEL_INFO, "model", "a/b", "refs/pr/1")),
        ("/api/models/a/b/revision/refs/pr/1", Route(RouteKind.UNKNOWN_API)),
        ("/api/models/gpt2/revision/main", Route(RouteKind.MODEL_INFO, "model", "gpt2", "main")),
        ("/api/models/a/b/tree/main/x%2Fy", Route(RouteKind.TREE, "model", "a/b", "main", "x/y")),
        ("/api/models/a/b/refs", Route(RouteKind.REFS, "model", "a/b")),
        ("/a/b/resolve/main/x/y.json", Route(RouteKind.RESOLVE, "model", "a/b", "main", "x/y.json")),
        ("/gpt2/resolve/main/y.json", Route(RouteKind.RESOLVE, "model", "gpt2", "main", "y.json")),
        ("/datasets/a/b/raw/main/y", Route(RouteKind.RAW, "dataset", "a/b", "main", "y")),
        (f"/api/resolve-cache/models/a/b/{'a' * 40}/x", Route(RouteKind.RESOLVE_CACHE, "model", "a/b", "a" * 40, "x")),
        (f"/api/resolve-cache/models/b/{'a' * 40}/x", Route(RouteKind.RESOLVE_CACHE, "model", "b", "a" * 40, "x")),
        ("/api/models/a/b/revision", Route(RouteKind.UNKNOWN_API)),
        ("/", Route(RouteKind.UNKNOWN_PAGE)),
    ],
)
def test_paths_are_parsed_as_the_hub_reads_them(path: str, route: Route) -> None:
    assert parse_route(path) == route


def test_every_row_of_the_corpus_becomes_a_repo_with_a_body() -> None:
    catalog = read_jsonl(CORPUS)
    with gzip.open(CORPUS, "rt", encoding="utf-8") as lines:
        rows: list[dict[str, Any]] = [json.loads(line) for line in lines]
    assert len(catalog) == len(rows) == 2587
    for row in rows:
        repo = catalog.get(row["id"])
        assert repo is not None
        assert repo.head == row["sha"]
        assert repo.pipeline_tag == (row["pipeline_tag"] or row.get("hub", {}).get("pipeline_tag"))
        body = json.loads(build_body(repo, repo.head, choose_info_keys(())))
        assert [sibling["rfilename"] for sibling in body["siblings"]] == row["siblings"]
        assert "label" not in body
        if row["config"] is not None:
            assert json.loads(repo.commits[repo.head]["config.json"]) == row["config"]
        for path, content in repo.commits[repo.head].items():
            assert content, path
            if path.endswith(".json"):
                json.loads(content)


def test_the_demo_has_every_kind_of_repo() -> None:
    catalog = demo_catalog()
    assert 350 <= len(catalog) <= 450
    libraries = Counter(repo.library_name for repo in catalog)
    assert {"transformers", "diffusers", "timm", "sentence-transformers", "mlx", None} <= set(libraries)
    assert min(libraries.values()) >= 20


def test_the_packed_data_are_what_the_script_writes() -> None:
    spec = importlib.util.spec_from_file_location("pack_corpus", ROOT / "tools" / "pack_corpus.py")
    assert spec is not None and spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    with gzip.open(script.CORPUS_PATH, "rt", encoding="utf-8") as lines:
        picked = script.pick_demo([json.loads(line) for line in lines], script.DEMO_ROW_COUNT)
    with gzip.open(script.DEMO_PATH, "rt", encoding="utf-8") as lines:
        assert picked == [json.loads(line) for line in lines]


def test_synthetic_repos_are_the_same_every_time_and_of_many_kinds() -> None:
    rows = list(islice(synthetic(500, authors=7, seed=3), 500))
    assert rows == list(synthetic(500, authors=7, seed=3)) != list(synthetic(500, authors=7, seed=4))
    catalog = Catalog(repos_from_rows(rows))
    assert len(catalog) == 500
    assert len({repo.owner for repo in catalog}) == 7
    assert {repo.library_name for repo in catalog} == {"transformers", "diffusers", "timm", "sentence-transformers"}
    assert any(repo.pipeline_tag is None for repo in catalog)


@pytest.mark.parametrize(
    "line", ['{"sha": "x"}', "[1]", "{", '{"id": "a/b", "siblings": [1]}', '{"id": "a/b", "gated": "perhaps"}']
)
def test_a_bad_line_is_refused_with_its_number(tmp_path: Path, line: str) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text('{"id": "a/good"}\n\n' + line + "\n")
    with pytest.raises(CatalogError, match="line 3"):
        read_jsonl(file)


def test_rows_may_bring_files_access_and_former_ids(tmp_path: Path) -> None:
    row = {
        "id": "a/b",
        "siblings": ["x.txt"],
        "files": {"README.md": "# hi", "adapter_config.json": {"peft_type": "LORA", "task_type": "CAUSAL_LM"}},
        "gated": "auto",
        "private": True,
        "disabled": True,
        "safetensors": {"parameters": {"F32": 1}, "total": 1},
        "created_at": "2025-01-02T03:04:05.000Z",
        "aliases": ["b"],
    }
    file = tmp_path / "rows.jsonl"
    file.write_text(json.dumps(row))
    catalog = read_jsonl(file)
    repo = catalog.get("a/b")
    assert repo is not None and catalog.find_canonical_id("B") == "a/b"
    assert (repo.gated, repo.private, repo.disabled) == ("auto", True, True)
    assert set(repo.commits[repo.head]) == {"x.txt", "README.md", "adapter_config.json"}
    assert repo.commits[repo.head]["README.md"] == b"# hi"
    body = json.loads(build_body(repo, repo.head, choose_info_keys(("config", "safetensors", "createdAt"))))
    assert body["config"] == {"peft": {"task_type": "CAUSAL_LM"}}
    assert body["safetensors"] == row["safetensors"]
    assert body["createdAt"] == "2025-01-02T03:04:05.000Z"


def test_a_folder_of_model_folders_is_a_catalog(tmp_path: Path) -> None:
    bert = tmp_path / "acme" / "bert"
    (bert / "onnx").mkdir(parents=True)
    (bert / ".git").mkdir()
    (bert / ".git" / "HEAD").write_text("x")
    (bert / "config.json").write_text('{"model_type": "bert", "architectures": ["BertModel"]}')
    (bert / "onnx" / "model.onnx").write_bytes(b"0" * (2 << 20))
    (bert / "README.md").write_text(
        "---\nlibrary_name: transformers\npipeline_tag: fill-mask\ntags: [a, 1]\n---\n# x\n"
    )
    single = tmp_path / "gpt"
    single.mkdir()
    (single / "README.md").write_text("---\n: : [\n---\n")
    catalog = read_folder(tmp_path)
    assert catalog.ids() == ("acme/bert", "gpt")
    repo = catalog.get("acme/bert")
    assert repo is not None
    assert list(repo.commits[repo.head]) == ["README.md", "config.json", "onnx/model.onnx"]
    assert len(repo.commits[repo.head]["onnx/model.onnx"]) == 2 << 20
    assert (repo.library_name, repo.pipeline_tag, repo.tags) == (
        "transformers",
        "fill-mask",
        ("transformers", "fill-mask", "a"),
    )
    again = read_folder(tmp_path).get("acme/bert")
    assert again is not None and again.head == repo.head
    (bert / "config.json").write_text("{}")
    changed = read_folder(tmp_path).get("acme/bert")
    assert changed is not None and changed.head != repo.head


def test_a_folder_that_is_no_catalog_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match="holds no model folders"):
        read_folder(tmp_path)
    with pytest.raises(CatalogError, match="not a folder"):
        read_folder(tmp_path / "nope")
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(CatalogError, match="itself a model folder"):
        read_folder(tmp_path)


def test_impossible_changes_are_refused() -> None:
    catalog = Catalog(repos_from_rows([{"id": "a/b", "sha": "a" * 40}]))
    with pytest.raises(UnknownRepoError, match="a/c"):
        catalog.push("a/c", {})
    with pytest.raises(CatalogError, match="not among its commits"):
        catalog.change("a/b", branches={"main": "b" * 40})
    with pytest.raises(CatalogError, match="rename"):
        catalog.change("a/b", id="a/c")


def test_equal_pushes_are_different_commits() -> None:
    catalog = Catalog(repos_from_rows([{"id": "a/b", "sha": "a" * 40}]))
    first, second = catalog.push("a/b", {"x": "1"}), catalog.push("a/b", {"x": "1"})
    assert first != second and len(first) == len(second) == 40


def test_the_server_runs_as_a_process_and_returns_its_counts() -> None:
    with start_process(synthetic=20, quota_api=100, window_s=10) as process:
        assert process.endpoint.startswith("http://127.0.0.1:")
        assert process.counts()["total"] == 0


def test_a_terminated_process_stops_cleanly() -> None:
    command = [sys.executable, "-m", "resolver.local_hub", "--synthetic", "1", "--quiet"]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env) as process:
        assert process.stdout is not None and process.stderr is not None
        assert process.stdout.readline().startswith("http://127.0.0.1:")
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
        assert (process.stdout.read(), process.stderr.read()) == ("", "")


def test_a_process_that_cannot_start_raises_an_error(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(HubProcessError, match="did not start"), start_process(jsonl=tmp_path / "nope.jsonl"):
        pass
    assert "nope.jsonl" in capfd.readouterr().err
