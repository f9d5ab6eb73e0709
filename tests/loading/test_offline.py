"""Offline, models come from the Hugging Face cache, whoever filled it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import huggingface_hub
import pytest
import torch
import transformers

from resolver import Resolver, Settings
from resolver.errors import OfflineError
from tests.loading import others
from tests.loading.families import bert, words
from tests.loading.support import served


def offline(store: Path, endpoint: str) -> Resolver:
    return Resolver(Settings(endpoint=endpoint, store=store, token=False, offline=True))


@pytest.mark.parametrize("is_resolved", [True, False])
async def test_the_weights_that_another_program_fetched_are_used(is_resolved: bool, tmp_path: Path) -> None:
    """The repo has better ones, but these are here."""
    folder = tmp_path / "hub" / "acme" / "bert"
    saved = transformers.BertForMaskedLM(bert()).eval()
    saved.save_pretrained(folder)
    torch.save(saved.state_dict(), folder / "pytorch_model.bin")
    async with served(tmp_path / "hub", tmp_path / "store") as here:
        if is_resolved:
            await here.resolver.resolve("acme/bert")
        fetch = huggingface_hub.snapshot_download
        names = ["config.json", "pytorch_model.bin"]
        cache, endpoint = tmp_path / "hf-home" / "hub", here.hub.endpoint
        await asyncio.to_thread(fetch, "acme/bert", allow_patterns=names, endpoint=endpoint, cache_dir=cache)
    async with offline(tmp_path / "store", endpoint) as resolver:
        model = await resolver.load("acme/bert")
        with torch.no_grad():
            assert torch.equal(saved(**words()).logits, model(**words()).logits)
        with pytest.raises(OfflineError):
            await resolver.load("acme/bert", cache_dir=tmp_path / "empty")


async def test_a_pipeline_and_an_adapter_with_its_base_come_from_the_cache(tmp_path: Path) -> None:
    hub = tmp_path / "hub" / "acme"
    others.save_pipeline(hub / "sd")
    others.save_adapter(hub / "lora", hub / "llama", "acme/llama")
    async with served(tmp_path / "hub", tmp_path / "store") as here:
        for name in ("sd", "lora"):
            await here.load(f"acme/{name}")
    for store in (tmp_path / "store", tmp_path / "another"):
        async with offline(store, here.settings.endpoint or "") as resolver:
            assert type(await resolver.load("acme/sd")).__name__ == "StableDiffusionPipeline"
            assert type(await resolver.load("acme/sd", subfolder="unet")).__name__ == "UNet2DConditionModel"
            assert type(await resolver.load("acme/lora@main")).__name__ == "PeftModelForCausalLM"
