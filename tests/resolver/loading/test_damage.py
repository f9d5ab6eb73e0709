"""Damaged files in the Hugging Face cache are named, and fetched anew where a refresh is asked for."""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import transformers

from resolver import Resolver, Settings
from resolver.errors import ModelLoadError, RepositoryNotFoundError
from resolver.loading.damage import DamagedFile, find_damaged_files, remove_damaged_file
from tests.resolver.loading import others
from tests.resolver.loading.families import build_bert_config
from tests.resolver.loading.support import ServedModels, serve_models
from tests.resolver.support import LIMITS


def get_snapshot(tmp_path: Path, name: str = "bert") -> Path:
    (folder,) = (tmp_path / "hf-home" / "hub" / f"models--acme--{name}" / "snapshots").iterdir()
    return folder


def cut(file: Path) -> None:
    os.truncate(file.resolve(), file.stat().st_size // 2)


def empty(file: Path) -> None:
    os.truncate(file.resolve(), 0)


def overwrite(file: Path) -> None:
    file.resolve().write_bytes(b"\xff" * file.stat().st_size)


DAMAGE: dict[str, tuple[str, Callable[[Path], None], str]] = {
    "weights cut off": ("model.safetensors", cut, " of "),
    "empty weights": ("model.safetensors", empty, "0 of "),
    "other weights": ("model.safetensors", overwrite, "not what the Hub sent"),
    "config cut off": ("config.json", cut, " of "),
    "other config": ("config.json", overwrite, "not what the Hub sent"),
}


def refreshing(served: ServedModels, tmp_path: Path, **more: object) -> Resolver:
    values = {"endpoint": served.hub.endpoint, "store": tmp_path / "store", "token": False, "offline": False}
    return Resolver(Settings(**{**values, "refresh": True, **more}))  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", DAMAGE)
async def test_a_damaged_file_is_named_and_a_refresh_fetches_it_anew(
    tmp_path: Path, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    name, damage, reason = DAMAGE[kind]
    transformers.BertForMaskedLM(build_bert_config()).save_pretrained(tmp_path / "hub" / "acme" / "bert")
    async with serve_models(tmp_path / "hub", tmp_path / "store") as served:
        await served.load("acme/bert")
        file = get_snapshot(tmp_path) / name
        damage(file)
        with pytest.raises(ModelLoadError) as caught:
            await served.load("acme/bert")
        said = str(caught.value)
        assert f"damaged in the local Hugging Face cache: {file} (" in said and reason in said
        assert "refresh=True (--refresh)" in said
        async with refreshing(served, tmp_path) as resolver:
            with caplog.at_level(logging.WARNING):
                assert type(await resolver.load("acme/bert")).__name__ == "BertForMaskedLM"
        assert str(file) in caplog.text
        sent = served.hub.count.kind["file"]
        await served.load("acme/bert")
        assert served.hub.count.kind["file"] == sent


async def test_offline_a_damaged_file_is_left_where_it_is(tmp_path: Path) -> None:
    transformers.BertForMaskedLM(build_bert_config()).save_pretrained(tmp_path / "hub" / "acme" / "bert")
    async with serve_models(tmp_path / "hub", tmp_path / "store") as served:
        await served.load("acme/bert")
        file = get_snapshot(tmp_path) / "model.safetensors"
        cut(file)
        async with refreshing(served, tmp_path, offline=True) as resolver:
            with pytest.raises(ModelLoadError, match="damaged in the local Hugging Face cache"):
                await resolver.load("acme/bert")
    assert file.is_file()


async def test_the_damaged_base_of_an_adapter_is_fetched_anew_too(tmp_path: Path) -> None:
    hub = tmp_path / "hub" / "acme"
    others.save_adapter(hub / "lora", hub / "llama", "acme/llama")
    async with serve_models(tmp_path / "hub", tmp_path / "store") as served:
        await served.load("acme/lora")
        cut(get_snapshot(tmp_path, "llama") / "model.safetensors")
        with pytest.raises(ModelLoadError, match=r"models--acme--llama.*model\.safetensors"):
            await served.load("acme/lora")
        async with refreshing(served, tmp_path) as resolver:
            assert type(await resolver.load("acme/lora")).__name__ == "PeftModelForCausalLM"


async def test_a_base_that_cannot_be_had_is_said_to_be_the_base(tmp_path: Path) -> None:
    hub = tmp_path / "hub" / "acme"
    others.save_adapter(hub / "lora", hub / "llama", "acme/llama")
    shutil.rmtree(hub / "llama")
    async with serve_models(tmp_path / "hub", tmp_path / "store", LIMITS) as served:
        with pytest.raises(RepositoryNotFoundError) as caught:
            await served.load("acme/lora")
        assert str(caught.value).startswith("the base model acme/llama of the adapter acme/lora: ")
        assert (caught.value.repo_id, caught.value.status) == ("acme/llama", 401)


async def test_a_variant_that_no_part_of_a_pipeline_has_is_refused_with_those_that_there_are(tmp_path: Path) -> None:
    others.save_pipeline(tmp_path / "hub" / "acme" / "sd")
    others.save_pipeline(tmp_path / "hub" / "acme" / "half", variant="fp16")
    async with serve_models(tmp_path / "hub", tmp_path / "store") as served:
        for name, advice in (("sd", ""), ("half", "; it has fp16,")):
            with pytest.raises(ModelLoadError, match=f"no weights of the variant 'int8'{advice}"):
                await served.load(f"acme/{name}", variant="int8")
        assert served.hub.count.kind["file"] == 0
        assert type(await served.load("acme/half", variant="fp16")).__name__ == "StableDiffusionPipeline"


async def test_the_log_tells_imports_from_loading(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    transformers.BertForMaskedLM(build_bert_config()).save_pretrained(tmp_path / "hub" / "acme" / "bert")
    caplog.set_level(logging.INFO, logger="resolver.loading")
    async with serve_models(tmp_path / "hub", tmp_path / "store") as served:
        await served.load("acme/bert")
    (said,) = [record.getMessage() for record in caplog.records if record.getMessage().startswith("loaded ")]
    assert said.startswith("loaded acme/bert@") and ", of which imports took 0." in said


async def test_a_failure_without_damage_is_told_as_it_is(tmp_path: Path) -> None:
    folder = tmp_path / "hub" / "acme" / "bert"
    transformers.BertForMaskedLM(build_bert_config()).save_pretrained(folder)
    (folder / "model.safetensors").write_bytes(b"\0" * 100)
    async with serve_models(tmp_path / "hub", tmp_path / "store") as served, refreshing(served, tmp_path) as other:
        for resolver in (served.resolver, other):
            with pytest.raises(ModelLoadError) as caught:
                await resolver.load("acme/bert")
            assert "damaged" not in str(caught.value)


SAFETENSORS = b'\x40\0\0\0\0\0\0\0{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'.ljust(72) + b"1234"

PLAIN: list[tuple[str, str, bytes, str | None]] = [
    ("a whole file of weights", "model.safetensors", SAFETENSORS, None),
    ("weights cut off", "model.safetensors", SAFETENSORS[:-2], "74 of 76 bytes"),
    ("a header cut off", "model.safetensors", SAFETENSORS[:20], "it is not in its format"),
    ("no header", "model.safetensors", b"\xff" * 50, "it is not in its format"),
    ("a list in place of a header", "model.safetensors", b"\2\0\0\0\0\0\0\0[]", "it is not in its format"),
    ("a config", "config.json", b"{}", None),
    ("a config cut off", "config.json", b'{"a"', "it is not in its format"),
    ("an empty file", "vocab.txt", b"", "it is empty"),
    ("another file", "vocab.txt", b"a", None),
]


@pytest.mark.parametrize(("name", "content", "reason"), [row[1:] for row in PLAIN], ids=[row[0] for row in PLAIN])
def test_a_cache_without_links_is_checked_by_the_form_of_its_files(
    tmp_path: Path, name: str, content: bytes, reason: str | None
) -> None:
    """As on Windows, where huggingface_hub puts the files themselves into the snapshot."""
    (tmp_path / name).write_bytes(content)
    found = find_damaged_files(tmp_path, [name], {})
    assert [item.reason for item in found] == ([] if reason is None else [reason])
    sizes = {name: len(content) + 1}
    assert [item.reason for item in find_damaged_files(tmp_path, [name], sizes)] == [
        f"{len(content):,} of {len(content) + 1:,} bytes"
    ]


def link_through(cache: Path, content: bytes, target: Path) -> Path:
    """A file of a snapshot, whose blob is a link itself."""
    blob = cache / "models--acme--bert" / "blobs" / hashlib.sha256(content).hexdigest()
    file = cache / "models--acme--bert" / "snapshots" / ("a" * 40) / "model.safetensors"
    for folder in (blob.parent, file.parent, target.parent):
        folder.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content)
    blob.symlink_to(target)
    file.symlink_to(os.path.relpath(blob, file.parent))
    return file


def test_a_blob_that_several_repos_share_is_known_by_its_name_in_the_repo(tmp_path: Path) -> None:
    shared = tmp_path / "blobs" / "ff" / ("f" * 64)
    file = link_through(tmp_path, b"weights", shared)
    assert find_damaged_files(file.parent, [file.name], {}) == []
    shared.write_bytes(b"Weights")
    (damaged,) = find_damaged_files(file.parent, [file.name], {})
    remove_damaged_file(damaged)
    assert not any(path.is_file() or path.is_symlink() for path in tmp_path.rglob("*"))


def test_nothing_outside_the_cache_is_removed(tmp_path: Path) -> None:
    own = tmp_path / "own" / "weights"
    file = link_through(tmp_path / "cache", b"weights", own)
    remove_damaged_file(DamagedFile(file, "whatever"))
    assert own.read_bytes() == b"weights" and not file.is_symlink()


def test_a_large_file_is_read_as_a_whole_only_where_it_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = link_through(tmp_path, SAFETENSORS, tmp_path / "blobs" / "shared")
    (tmp_path / "blobs" / "shared").write_bytes(SAFETENSORS[:-4] + b"0000")
    monkeypatch.setattr("resolver.loading.damage.MAX_HASHED_BYTES", 10)
    assert find_damaged_files(file.parent, [file.name], {}) == []
    assert len(find_damaged_files(file.parent, [file.name], {}, reads_all=True)) == 1
    (tmp_path / "blobs" / "shared").write_bytes(SAFETENSORS[:-1])
    assert [item.reason for item in find_damaged_files(file.parent, [file.name], {})] == ["75 of 76 bytes"]
