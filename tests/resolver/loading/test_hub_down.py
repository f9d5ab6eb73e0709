"""While the Hub does not answer: what is in the caches is loaded, or the error says what is known and how old it is."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest
import transformers

from resolver import Resolver, Settings
from resolver.errors import HubUnavailableError, NotLoadableError
from resolver.local_hub import faults
from resolver.resolution import Source
from tests.resolver.loading import others
from tests.resolver.loading.families import build_bert_config
from tests.resolver.loading.support import ServedModels, serve_models
from tests.resolver.support import LIMITS, wait_until_settled

CARD = "---\nlibrary_name: transformers\npipeline_tag: fill-mask\n---\n"
DAY_S = 86_400.0


def save_bert(folder: Path, *, card: bool = True) -> None:
    transformers.BertForMaskedLM(build_bert_config()).save_pretrained(folder)
    if card:
        (folder / "README.md").write_text(CARD)


async def fill_cache(served: ServedModels, tmp_path: Path, repo_id: str = "acme/bert", **more: Any) -> str:
    """The commit that another program has put into the cache."""
    common = {"endpoint": served.hub.endpoint, "cache_dir": tmp_path / "hf-home" / "hub", "token": False, **more}
    return Path(await asyncio.to_thread(lambda: huggingface_hub.snapshot_download(repo_id, **common))).name


async def fill_file(served: ServedModels, tmp_path: Path, name: str) -> str:
    """The commit of which another program has put one file into the cache."""
    cache, endpoint = tmp_path / "hf-home" / "hub", served.hub.endpoint

    def fetch() -> str:
        return huggingface_hub.hf_hub_download("acme/bert", name, endpoint=endpoint, cache_dir=cache, token=False)

    return Path(await asyncio.to_thread(fetch)).parent.name


@contextmanager
def no_answers(served: ServedModels) -> Iterator[None]:
    served.hub.faults.add(faults.failing(503), "*", times=None)
    yield
    served.hub.faults.clear()


async def test_a_whole_commit_in_the_cache_is_loaded_without_a_request(tmp_path: Path) -> None:
    save_bert(tmp_path / "hub" / "acme" / "bert")
    async with serve_models(tmp_path / "hub", tmp_path / "store") as served:
        commit = await fill_cache(served, tmp_path)
        sent = served.hub.count.total
        model = await served.load("acme/bert", revision=commit)
        assert type(model).__name__ == "BertForMaskedLM" and served.hub.count.total == sent
        assert type(await served.load(f"acme/bert@{commit}")).__name__ == "BertForMaskedLM"
        assert served.hub.count.total == sent


async def test_a_commit_without_its_card_or_weights_asks_the_hub_and_is_loaded_without_it(tmp_path: Path) -> None:
    save_bert(tmp_path / "hub" / "acme" / "bert", card=False)
    async with serve_models(tmp_path / "hub", tmp_path / "store", LIMITS) as served:
        commit = await fill_file(served, tmp_path, "config.json")
        with no_answers(served), pytest.raises(NotLoadableError, match="the local Hugging Face cache has of it"):
            await served.load("acme/bert", revision=commit)
        await fill_cache(served, tmp_path)
        with no_answers(served):
            prepared = await served.resolver.prepare_load("acme/bert", commit)
            assert prepared.resolution.source is Source.HF_CACHE and not prepared.resolution.stale
            assert type(await served.load("acme/bert", revision=commit)).__name__ == "BertForMaskedLM"
        sent = served.hub.count.total
        assert (await served.resolver.prepare_load("acme/bert", commit)).resolution.source is Source.HUB
        assert served.hub.count.total > sent


async def test_a_pipeline_that_the_store_knows_is_loaded_from_the_cache(tmp_path: Path) -> None:
    others.save_pipeline(tmp_path / "hub" / "acme" / "sd")
    async with serve_models(tmp_path / "hub", tmp_path / "store", LIMITS) as served:
        known = await served.resolver.resolve("acme/sd")
        await fill_cache(served, tmp_path, "acme/sd")
        with no_answers(served):
            for revision in (None, known.commit_hash):
                model = await served.load("acme/sd", revision=revision)
                assert type(model).__name__ == "StableDiffusionPipeline"
            unet = await served.load("acme/sd", subfolder="unet", revision=known.commit_hash)
            assert type(unet).__name__ == "UNet2DConditionModel"


async def test_a_branch_is_loaded_as_far_as_the_setting_allows_and_else_the_error_says_what_there_is(
    tmp_path: Path,
) -> None:
    save_bert(tmp_path / "hub" / "acme" / "bert")
    async with serve_models(tmp_path / "hub", tmp_path / "store", LIMITS) as served:
        commit = await fill_cache(served, tmp_path)
        ref = tmp_path / "hf-home" / "hub" / "models--acme--bert" / "refs" / "main"
        os.utime(ref, (time.time() - 3 * DAY_S,) * 2)
        with no_answers(served):
            with pytest.raises(HubUnavailableError) as caught:
                await served.load("acme/bert")
            assert f"the local Hugging Face cache has commit {commit}, fetched 3 days ago" in str(caught.value)
            assert "--max-stale" in str(caught.value)
            for days, allowed in ((4, True), (2, False)):
                settings = Settings(
                    endpoint=served.hub.endpoint,
                    store=tmp_path / "another",
                    token=False,
                    offline=False,
                    max_stale_s=days * DAY_S,
                )
                async with Resolver(settings, limits=LIMITS) as resolver:
                    if not allowed:
                        with pytest.raises(HubUnavailableError):
                            await resolver.load("acme/bert")
                        continue
                    prepared = await resolver.prepare_load("acme/bert")
                    assert prepared.resolution.stale and prepared.resolution.commit_hash == commit
                    assert time.time() - (prepared.resolution.checked_at_s or 0) > 2.9 * DAY_S
                    assert type(await resolver.load("acme/bert")).__name__ == "BertForMaskedLM"


async def test_a_refresh_asks_the_hub_first(tmp_path: Path) -> None:
    save_bert(tmp_path / "hub" / "acme" / "bert")
    async with serve_models(tmp_path / "hub", tmp_path / "store", refresh=True) as served:
        commit = await fill_cache(served, tmp_path)
        sent = await wait_until_settled(lambda: served.hub.count.total)
        assert (await served.resolver.prepare_load("acme/bert", commit)).resolution.source is Source.HUB
        assert served.hub.count.total > sent
