"""Offline, models come from the Hugging Face cache, also where another program filled it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import huggingface_hub
import pytest
import torch
import transformers

from resolver import Resolver, Settings
from resolver.errors import OfflineError
from tests.resolver.loading import others
from tests.resolver.loading.families import build_bert_config, build_text_inputs
from tests.resolver.loading.support import serve_models


def open_offline(store: Path, endpoint: str) -> Resolver:
    return Resolver(Settings(endpoint=endpoint, store=store, token=False, offline=True))


@pytest.mark.parametrize("is_resolved", [True, False])
async def test_the_weights_that_another_program_fetched_are_used(is_resolved: bool, tmp_path: Path) -> None:
    """The repo has safetensors too, but only its pickle is in the cache."""
    folder = tmp_path / "hub" / "acme" / "bert"
    saved = transformers.BertForMaskedLM(build_bert_config()).eval()
    saved.save_pretrained(folder)
    torch.save(saved.state_dict(), folder / "pytorch_model.bin")
    async with serve_models(tmp_path / "hub", tmp_path / "store") as served:
        if is_resolved:
            await served.resolver.resolve("acme/bert")
        fetch = huggingface_hub.snapshot_download
        names = ["config.json", "pytorch_model.bin"]
        cache, endpoint = tmp_path / "hf-home" / "hub", served.hub.endpoint
        await asyncio.to_thread(fetch, "acme/bert", allow_patterns=names, endpoint=endpoint, cache_dir=cache)
    async with open_offline(tmp_path / "store", endpoint) as resolver:
        model = await resolver.load("acme/bert")
        with torch.no_grad():
            assert torch.equal(saved(**build_text_inputs()).logits, model(**build_text_inputs()).logits)
        with pytest.raises(OfflineError):
            await resolver.load("acme/bert", cache_dir=tmp_path / "empty")


async def test_a_pipeline_and_an_adapter_with_its_base_come_from_the_cache(tmp_path: Path) -> None:
    hub = tmp_path / "hub" / "acme"
    others.save_pipeline(hub / "sd")
    others.save_adapter(hub / "lora", hub / "llama", "acme/llama")
    async with serve_models(tmp_path / "hub", tmp_path / "store") as served:
        for name in ("sd", "lora"):
            await served.load(f"acme/{name}")
    for store in (tmp_path / "store", tmp_path / "another"):
        async with open_offline(store, served.settings.endpoint or "") as resolver:
            assert type(await resolver.load("acme/sd")).__name__ == "StableDiffusionPipeline"
            assert type(await resolver.load("acme/sd", subfolder="unet")).__name__ == "UNet2DConditionModel"
            assert type(await resolver.load("acme/lora@main")).__name__ == "PeftModelForCausalLM"
