"""Snapshots of model infos: in every form, as far as each row tells, and never in place of more."""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click
import pyarrow
import pytest
from huggingface_hub.hf_api import ModelInfo
from pyarrow import parquet

from resolver.answer import Failure
from resolver.cli.stores import import_from
from resolver.errors import StoreError
from resolver.local_hub import LocalHub
from resolver.resolution import Resolution, Source
from tests.resolver.support import BERT, BERT_SHA, FILES, answers, bert_row, catalog_of, run, settings_for

HUB = "http://hub.test"
INFO: dict[str, Any] = {
    "id": "acme/bert",
    "sha": BERT_SHA,
    "lastModified": "2026-01-31T12:00:00.000Z",
    "pipeline_tag": "fill-mask",
    "library_name": "transformers",
    "tags": ["transformers", "safetensors", "bert", "fill-mask"],
    "siblings": [{"rfilename": name} for name in FILES],
    "config": {"architectures": ["BertForMaskedLM"], "model_type": "bert", "tokenizer_config": {"bos": "x"}},
    "safetensors": {"parameters": {"F32": 5}, "total": 5},
    "gguf": None,
    "gated": False,
    "private": False,
    "disabled": False,
}
TEXT_COLUMNS = ("tags", "siblings", "config", "safetensors")


def without(*names: str) -> dict[str, Any]:
    return {name: value for name, value in INFO.items() if name not in names}


def write_lines(path: Path, *rows: Mapping[str, Any] | str) -> Path:
    lines = (row if isinstance(row, str) else json.dumps(row) for row in rows)
    path.write_text("".join(f"{line}\n" for line in lines), "utf-8")
    return path


async def imported(file: Path, store: Path, endpoint: str = HUB, as_of_s: float | None = None) -> int:
    """The exit code of the command."""
    return await import_from(str(store), str(file), endpoint=endpoint, as_of_s=as_of_s)


async def offline_answers(store: Path, *ids: str) -> list[Resolution | Failure]:
    return await answers(settings_for(HUB, store, offline=True), ids)


def write_official(path: Path) -> Path:
    """As a program writes it that lists models with huggingface_hub."""
    info = ModelInfo(**{**INFO, "lastModified": None, "transformersInfo": {"auto_model": "AutoModelForMaskedLM"}})  # type: ignore[no-untyped-call]
    return write_lines(path, json.dumps(vars(info), default=vars))


def write_gzipped(path: Path) -> Path:
    path.write_bytes(gzip.compress(json.dumps(INFO).encode()))
    return path


def write_nested_parquet(path: Path) -> Path:
    other = {
        **INFO,
        "id": "acme/other",
        "siblings": [{"rfilename": "model_index.json"}],
        "config": {"diffusers": {"_class_name": "FluxPipeline"}},
    }
    parquet.write_table(pyarrow.Table.from_pylist([INFO, other]), path)
    return path


def write_text_parquet(path: Path) -> Path:
    row = {name: json.dumps(value) if name in TEXT_COLUMNS else value for name, value in INFO.items()}
    parquet.write_table(pyarrow.Table.from_pylist([{**row, "gated": "False", "private": "false"}]), path)
    return path


@pytest.mark.parametrize(
    "write",
    [
        lambda path: write_lines(path, INFO),
        lambda path: write_lines(path, {**INFO, "siblings": list(FILES)}),
        write_official,
        write_gzipped,
        write_nested_parquet,
        write_text_parquet,
    ],
    ids=["API", "names of files", "huggingface_hub", "gzip", "nested Parquet", "Parquet of text"],
)
async def test_a_snapshot_of_any_form_is_answered_offline(
    write: Any, tmp_path: Path, store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await imported(write(tmp_path / "snapshot"), store) == 0 and "partial" not in capsys.readouterr().err
    (found,) = await offline_answers(store, "acme/bert")
    assert isinstance(found, Resolution) and found.source is Source.STORE and found.partial == ()
    assert (found.commit_hash, found.library, found.task) == (BERT_SHA, "transformers", "fill-mask")
    assert (found.model_class, found.framework) == ("AutoModelForMaskedLM", "pt")


@pytest.mark.parametrize(
    ("missing", "partial", "task"),
    [
        (("siblings",), ("files",), "fill-mask"),
        (("tags",), ("tags",), "fill-mask"),
        (("sha",), ("commit",), "fill-mask"),
        (("config",), ("config.json",), "fill-mask"),
        (("siblings", "config"), ("files", "config.json"), "fill-mask"),
        (("sha", "siblings", "tags", "config", "pipeline_tag", "library_name", "gated", "private"), None, None),
        (("gated", "private", "disabled", "safetensors", "gguf", "lastModified"), (), "fill-mask"),
    ],
    ids=lambda value: "+".join(value) if isinstance(value, tuple) and len(value) < 6 else None,
)
async def test_a_column_that_is_missing_makes_partial_answers(
    missing: tuple[str, ...],
    partial: tuple[str, ...] | None,
    task: str | None,
    tmp_path: Path,
    store: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert await imported(write_lines(tmp_path / "snapshot.jsonl", without(*missing)), store) == 0
    assert ("1 of them partial" in capsys.readouterr().err) is (partial != ())
    (found,) = await offline_answers(store, "acme/bert")
    assert isinstance(found, Resolution) and found.task == task
    assert found.partial == (partial if partial is not None else ("commit", "files", "tags", "config.json"))
    assert (found.commit_hash is None) is ("sha" in missing)


BROKEN: dict[str, Mapping[str, Any] | str] = {
    "no JSON": '{"id": "acme/a"',
    "a list": "[1, 2]",
    "deep": '{"id": "acme/a", "config": ' + "[" * 300 + "]" * 300 + "}",
    "no id": without("id"),
    "an id of a number": {**INFO, "id": 5},
    "an id that leads elsewhere": {**INFO, "id": "acme/../x"},
    "a commit that is none": {**INFO, "sha": "main"},
    "a private repo": {**INFO, "id": "acme/secret", "private": True},
    "a disabled repo": {**INFO, "id": "acme/off", "disabled": "true"},
}


async def test_broken_rows_are_said_and_nothing_else_is_lost(
    tmp_path: Path, store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    last = {**INFO, "id": "acme/last"}
    assert await imported(write_lines(tmp_path / "snapshot.jsonl", INFO, *BROKEN.values(), "", last), store) == 1
    said = capsys.readouterr().err
    assert "11 rows, 2 stored, 7 left out: cannot be read, 1 left out: private, 1 left out: disabled" in said
    assert all(f"row {number}: " in said for number in range(2, 2 + len(BROKEN)))
    found = await offline_answers(store, "acme/bert", "acme/last", "acme/secret")
    assert [isinstance(item, Failure) for item in found] == [False, False, True]


@pytest.mark.parametrize(
    ("content", "code", "said"),
    [
        (b"", 2, "not a bundle"),
        (b"PAR1 and then nothing", 2, "Parquet"),
        (b"\x1f\x8b broken", 2, "cannot be read to its end"),
        (b'[{"id": "acme/a"}]', 2, "one object a line"),
        (b"\xef\xbb\xbf{}\n", 1, "names no repo"),
    ],
)
async def test_a_file_that_is_no_snapshot_is_said(
    content: bytes, code: int, said: str, tmp_path: Path, store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "snapshot"
    file.write_bytes(content)
    if code == 1:
        assert await imported(file, store) == code and said in capsys.readouterr().err
        return
    with pytest.raises((click.UsageError, StoreError), match=said):
        await import_from(str(store), str(file))


def test_a_parquet_file_without_ids_is_said(tmp_path: Path, store: Path) -> None:
    parquet.write_table(pyarrow.table({"name": ["acme/bert"]}), tmp_path / "names.parquet")
    done = run("store", "import", tmp_path / "names.parquet", "--store", store)
    assert done.returncode == 2 and "no column of ids" in done.stderr


async def test_what_the_store_knows_is_not_replaced_by_less(tmp_path: Path, store: Path) -> None:
    async with LocalHub(catalog_of(bert_row("acme/bert", sha=BERT_SHA, pipeline_tag="fill-mask"))) as hub:
        settings = settings_for(hub, store)
        await answers(settings, ["acme/bert"])
        older = write_lines(tmp_path / "older.jsonl", {**INFO, "sha": "b" * 40, "pipeline_tag": "text-generation"})
        poorer = write_lines(tmp_path / "poorer.jsonl", without("siblings", "config"))
        for file, as_of_s in ((older, time.time() - 86_400), (poorer, 0), (poorer, time.time() + 1e6)):
            assert await imported(file, store, hub.endpoint, as_of_s) == 0
        (kept,) = await answers(settings_for(hub, store, offline=True), ["acme/bert"])
    assert isinstance(kept, Resolution) and (kept.commit_hash, kept.task, kept.partial) == (BERT_SHA, "fill-mask", ())


async def test_a_partial_row_is_completed_at_the_next_occasion(tmp_path: Path, store: Path) -> None:
    async with LocalHub(catalog_of(bert_row("acme/bert", sha=BERT_SHA))) as hub:
        file = write_lines(tmp_path / "snapshot.jsonl", without("siblings", "config"))
        await imported(file, store, hub.endpoint)
        (partial,) = await answers(settings_for(hub, store, partial=True), ["acme/bert"])
        assert hub.count.total == 0 and isinstance(partial, Resolution) and partial.partial
        (complete,) = await answers(settings_for(hub, store), ["acme/bert"])
        assert hub.count.kind["model_info"] == 1
        assert isinstance(complete, Resolution) and complete.partial == () and complete.framework == "pt"
        assert complete.architecture == BERT["architectures"][0]
        hub.reset_counts()
        # The snapshot again: it lacks what is known now.
        await imported(file, store, hub.endpoint)
        (again,) = await answers(settings_for(hub, store), ["acme/bert"])
        assert hub.count.total == 0 and isinstance(again, Resolution) and again.partial == ()


def many_rows(count: int) -> Iterator[str]:
    for number in range(count):
        yield json.dumps({**INFO, "id": f"acme/m{number}", "sha": f"{number:040x}"[::-1]})


def test_a_second_import_stores_nothing_again(tmp_path: Path, store: Path) -> None:
    file = write_lines(tmp_path / "snapshot.jsonl", *many_rows(4_500), json.dumps(without("config")))
    first, second = (run("store", "import", file, "--store", store, "--as-of", "2026-01-31T12:00") for _ in range(2))
    assert "4,501 rows, 4,501 stored, 1 of them partial" in first.stderr
    assert "4,501 rows, 0 stored, 4,501 known already" in second.stderr
    verified = run("store", "verify", "--store", store)
    assert verified.returncode == 0, verified.stdout
