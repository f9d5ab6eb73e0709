"""Caches as other machines have them: without links, with other line ends, not to be written; and many loads."""

from __future__ import annotations

import asyncio
import gc
import os
import weakref
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest
import transformers

from resolver import Resolver, Settings
from resolver.errors import InvalidRepoIdError, ModelLoadError
from resolver.resolution import Source
from tests.resolver.loading.families import build_bert_config
from tests.resolver.loading.support import ServedModels, serve_models

LOADS, WARM_UP = 60, 10
MAX_GROWTH_BYTES = 32 << 20


def save_bert(tmp_path: Path) -> None:
    transformers.BertForMaskedLM(build_bert_config()).save_pretrained(tmp_path / "hub" / "acme" / "bert")


def offline(served: ServedModels, store: Path) -> Resolver:
    return Resolver(Settings(endpoint=served.hub.endpoint, store=store, token=False, offline=True))


@pytest.fixture
def no_links(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on Windows without developer mode: huggingface_hub puts the files themselves into the snapshot."""
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_DISABLE_SYMLINKS", True)
    monkeypatch.setattr("huggingface_hub.file_download.are_symlinks_supported", lambda *_: False)


@pytest.mark.usefixtures("no_links")
async def test_a_cache_without_links_is_read_written_and_repaired(tmp_path: Path) -> None:
    save_bert(tmp_path)
    async with serve_models(tmp_path / "hub", tmp_path / "store", refresh=True) as served:
        await served.load("acme/bert")
        (snapshot,) = (tmp_path / "hf-home" / "hub" / "models--acme--bert" / "snapshots").iterdir()
        weights = snapshot / "model.safetensors"
        assert not any(file.is_symlink() for file in snapshot.iterdir())
        async with offline(served, tmp_path / "other") as resolver:
            assert (await resolver.resolve("acme/bert")).source is Source.HF_CACHE
            assert type(await resolver.load("acme/bert")).__name__ == "BertForMaskedLM"
            size = weights.stat().st_size
            os.truncate(weights, size - 1)
            with pytest.raises(ModelLoadError, match=f"{size - 1:,} of {size:,} bytes"):
                await resolver.load("acme/bert")
        assert type(await served.load("acme/bert")).__name__ == "BertForMaskedLM"
        assert weights.stat().st_size == size


async def test_a_ref_with_the_line_end_of_windows_is_read(tmp_path: Path) -> None:
    save_bert(tmp_path)
    async with serve_models(tmp_path / "hub", tmp_path / "store") as served:
        await served.load("acme/bert")
        ref = tmp_path / "hf-home" / "hub" / "models--acme--bert" / "refs" / "main"
        commit = ref.read_text()
        ref.write_bytes(f"{commit}\r\n".encode())
        async with offline(served, tmp_path / "other") as resolver:
            assert (await resolver.resolve("acme/bert")).commit_hash == commit
            assert type(await resolver.load("acme/bert")).__name__ == "BertForMaskedLM"


async def test_a_load_of_what_is_cached_writes_nothing_into_the_cache(tmp_path: Path) -> None:
    """So that a cache that must not be written, such as one in an image, is enough."""
    save_bert(tmp_path)
    async with serve_models(tmp_path / "hub", tmp_path / "store") as served:
        await served.load("acme/bert")
        cache = tmp_path / "hf-home" / "hub"
        before = {path: path.lstat().st_mtime_ns for path in cache.rglob("*")}
        await served.load("acme/bert")
        async with offline(served, tmp_path / "other") as resolver:
            await resolver.load("acme/bert")
        assert {path: path.lstat().st_mtime_ns for path in cache.rglob("*")} == before and len(before) > 5


def read_resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="the system has no such file")
async def test_many_loads_leave_nothing_in_memory(tmp_path: Path) -> None:
    save_bert(tmp_path)
    alive: weakref.WeakSet[Any] = weakref.WeakSet()
    before_bytes = 0
    async with serve_models(tmp_path / "hub", tmp_path / "store") as served:
        for number in range(LOADS):
            alive.add(await served.load("acme/bert"))
            await asyncio.sleep(0)
            if number == WARM_UP:
                gc.collect()
                before_bytes = read_resident_bytes()
        gc.collect()
        assert len(alive) == 0
        assert read_resident_bytes() - before_bytes < MAX_GROWTH_BYTES


@pytest.mark.parametrize("path", [r"C:\models\bert", "C:/models/bert", r"..\bert", r"\\server\share\bert"])
async def test_a_path_of_windows_is_a_folder(tmp_path: Path, path: str) -> None:
    async with Resolver(Settings(store=tmp_path / "store", token=False, offline=True)) as resolver:
        with pytest.raises(InvalidRepoIdError, match="there is no folder"):
            await resolver.resolve(path)
