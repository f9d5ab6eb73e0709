"""A subfolder of a repo or folder is answered as a repo of its own, remembered, and given again offline."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest

from resolver.blocking import resolve
from resolver.errors import InvalidRepoIdError, OfflineError
from resolver.local_hub import Catalog, HubOptions, LocalHub
from resolver.resolution import Source
from resolver.resolver import Resolver
from tests.resolver.support import READER, TOKENS, Clock, answer, catalog_of, open_resolver, settings_for

T5 = {"architectures": ["T5ForConditionalGeneration"], "model_type": "t5"}
PARTS: dict[str, Any] = {
    "id": "acme/parts",
    "sha": "9" * 40,
    "config": {"architectures": ["BertForMaskedLM"], "model_type": "bert"},
    "siblings": ["config.json", "model.safetensors", "big/t5/model.safetensors", "onnx/model.onnx"],
    "files": {"big/t5/config.json": T5},
    "pipeline_tag": "fill-mask",
    "library_name": "transformers",
}


@pytest.fixture
def catalog() -> Catalog:
    return catalog_of(PARTS, {**PARTS, "id": "acme/secret", "private": True})


async def test_a_subfolder_is_decided_by_its_own_files(hub: LocalHub, store: Path) -> None:
    settings = settings_for(hub, store)
    root = await answer(settings, "acme/parts")
    below = await answer(settings, "acme/parts", subfolder="big/t5")
    assert (root.task, root.architecture) == ("fill-mask", "BertForMaskedLM")
    assert (below.task, below.architecture) == ("text2text-generation", "T5ForConditionalGeneration")
    assert below.model_class == "AutoModelForSeq2SeqLM"
    assert below.commit_hash == root.commit_hash == "9" * 40


@pytest.mark.parametrize("spelling", ["big/t5", "big/t5/", "./big/t5", "big\\t5"])
async def test_a_subfolder_may_be_spelled_as_any_path(hub: LocalHub, store: Path, spelling: str) -> None:
    assert (await answer(settings_for(hub, store), "acme/parts", subfolder=spelling)).model_type == "t5"


@pytest.mark.parametrize("wrong", ["../elsewhere", "/etc", "big/../..", "nothing-there"])
async def test_what_is_no_subfolder_is_refused(hub: LocalHub, store: Path, wrong: str) -> None:
    with pytest.raises(InvalidRepoIdError):
        await answer(settings_for(hub, store), "acme/parts", subfolder=wrong)


async def test_a_subfolder_costs_one_file_once(hub: LocalHub, store: Path) -> None:
    async with open_resolver(settings_for(hub, store)) as resolver:
        await resolver.resolve("acme/parts")
        before = resolver.requests
        await asyncio.gather(*(resolver.resolve("acme/parts", subfolder="big/t5") for _ in range(20)))
        spent = {bucket: count - before.get(bucket, 0) for bucket, count in resolver.requests.items()}
    # The second request of a file is the hop to the file server.
    assert spent == {"api": 0, "resolvers": 2}


async def test_offline_a_subfolder_is_answered_from_the_store_alone(catalog: Catalog, store: Path) -> None:
    async with LocalHub(catalog, HubOptions(tokens=TOKENS)) as hub:
        online = settings_for(hub, store, token=READER)
        asked = [await answer(online, repo_id, subfolder="big/t5") for repo_id in ("acme/parts", "acme/secret")]
        await answer(online, "acme/parts")
    again = settings_for(hub, store, offline=True, token=READER)
    for before in asked:
        after = await answer(again, before.repo_id, subfolder="big/t5")
        assert (after.decision, after.source) == (before.decision, Source.STORE)
    async with Resolver(again) as resolver:
        assert await resolver.list_files("acme/parts", subfolder="big") == ("t5/config.json", "t5/model.safetensors")


async def test_offline_a_subfolder_never_asked_for_is_taken_from_the_cache_or_refused(
    hub: LocalHub, store: Path, tmp_path: Path
) -> None:
    await answer(settings_for(hub, store), "acme/parts")
    offline = settings_for(hub, store, offline=True, cache_dir=tmp_path / "cache")
    with pytest.raises(OfflineError):
        await answer(offline, "acme/parts", subfolder="big/t5")
    await asyncio.to_thread(
        huggingface_hub.hf_hub_download,
        "acme/parts",
        "big/t5/config.json",
        endpoint=hub.endpoint,
        cache_dir=tmp_path / "cache",
    )
    assert (await answer(offline, "acme/parts", subfolder="big/t5")).architecture == "T5ForConditionalGeneration"
    # Without a store too.
    nothing_stored = settings_for(hub, tmp_path / "other.sqlite3", offline=True, cache_dir=tmp_path / "cache")
    cached = await answer(nothing_stored, "acme/parts", subfolder="big/t5")
    assert (cached.architecture, cached.source) == ("T5ForConditionalGeneration", Source.HF_CACHE)


async def test_a_subfolder_known_before_is_known_after_the_commit_was_read_again(
    hub: LocalHub, store: Path, clock: Clock
) -> None:
    settings = settings_for(hub, store)
    await answer(settings, "acme/parts", subfolder="big/t5", clock=clock)
    clock.now_s += 10 * 24 * 3600
    await answer(settings, "acme/parts", clock=clock)
    hub.reset_counts()
    assert (await answer(settings, "acme/parts", subfolder="big/t5", clock=clock)).model_type == "t5"
    assert not hub.requests


async def test_the_files_of_a_repo_are_listed(hub: LocalHub, store: Path) -> None:
    async with open_resolver(settings_for(hub, store)) as resolver:
        names = await resolver.list_files("acme/parts")
        assert names == tuple(sorted(names))
        assert {"config.json", "big/t5/config.json", "onnx/model.onnx"} <= set(names)
        assert await resolver.list_files("acme/parts", subfolder="onnx") == ("model.onnx",)
        assert await resolver.list_files("acme/parts", subfolder="none") == ()


def test_a_subfolder_of_a_local_folder_is_answered(tmp_path: Path, store: Path) -> None:
    below = tmp_path / "model" / "big" / "t5"
    below.mkdir(parents=True)
    (below / "config.json").write_text(json.dumps(T5))
    settings = settings_for("http://127.0.0.1:9", store)
    found = resolve(str(tmp_path / "model"), subfolder="big/t5", settings=settings)
    assert (found.architecture, found.source) == ("T5ForConditionalGeneration", Source.LOCAL)
    with pytest.raises(InvalidRepoIdError):
        resolve(str(tmp_path / "model"), subfolder="small", settings=settings)
