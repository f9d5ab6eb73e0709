"""`device` and `dtype` apply while the weights are read. The tests use the device `meta`, which takes no memory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

from tests.resolver.loading import others
from tests.resolver.loading.families import build_bert_config
from tests.resolver.loading.support import serve_models


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One model of each library that takes a device or dtype."""
    folder = tmp_path_factory.mktemp("placing")
    transformers.BertForMaskedLM(build_bert_config()).save_pretrained(folder / "acme" / "bert")
    others.save_pipeline(folder / "acme" / "sd")
    others.save_timm(folder / "acme" / "resnet")
    others.save_sentence_models(folder)
    others.save_adapter(folder / "acme" / "lora", folder / "acme" / "llama", "acme/llama")
    return folder


def list_parameters(model: Any) -> Iterator[torch.Tensor]:
    if isinstance(model, torch.nn.Module):
        yield from model.parameters()
        return
    for component in model.components.values():
        if isinstance(component, torch.nn.Module):
            yield from component.parameters()


@pytest.mark.parametrize("name", ["acme/bert", "acme/sd", "st/embed", "st/cross"])
async def test_weights_are_on_the_requested_device(name: str, models: Path, tmp_path: Path) -> None:
    async with serve_models(models, tmp_path / "store") as served:
        for device in ("meta", torch.device("meta")):
            model = await served.load(name, device=device)
            assert {item.device.type for item in list_parameters(model)} == {"meta"}
        model = await served.load(name, device=None)
        assert {item.device.type for item in list_parameters(model)} == {"cpu"}


@pytest.mark.parametrize("name", ["acme/bert", "acme/sd", "acme/resnet", "st/embed", "st/cross", "acme/lora"])
async def test_weights_have_the_requested_dtype(name: str, models: Path, tmp_path: Path) -> None:
    async with serve_models(models, tmp_path / "store") as served:
        for dtype in ("bfloat16", "torch.bfloat16", torch.bfloat16):
            model = await served.load(name, dtype=dtype)
            found = {item.dtype for key, item in _name_parameters(model) if "lora" not in key}
            assert found == {torch.bfloat16}


def _name_parameters(model: Any) -> list[tuple[str, torch.Tensor]]:
    if isinstance(model, torch.nn.Module):
        return list(model.named_parameters())
    return [("", item) for item in list_parameters(model)]


async def test_arguments_of_the_library_are_passed_on(models: Path, tmp_path: Path) -> None:
    async with serve_models(models, tmp_path / "store") as served:
        model = await served.load("acme/bert", model_kwargs={"hidden_dropout_prob": 0.25})
        assert model.config.hidden_dropout_prob == 0.25
        model = await served.load("acme/resnet", model_kwargs={"num_classes": 0})
        assert model.num_classes == 0


async def test_the_requested_cache_is_used(models: Path, tmp_path: Path) -> None:
    async with serve_models(models, tmp_path / "store") as served:
        await served.load("acme/bert", cache_dir=tmp_path / "mine")
        assert (tmp_path / "mine" / "models--acme--bert" / "snapshots").is_dir()
        assert not (tmp_path / "hf-home" / "hub" / "models--acme--bert").exists()


@pytest.mark.parametrize(
    ("name", "options", "value_bytes"),
    [
        ("acme/bert", {}, 4),
        ("acme/bert", {"dtype": "bfloat16"}, 2),
        ("acme/bert", {"dtype": torch.float64}, 8),
        ("acme/bert", {"dtype": "auto"}, 4),
        ("st/cross", {}, 4),
        ("st/cross", {"dtype": torch.float16}, 2),
    ],
    ids=str,
)
async def test_the_size_in_memory_is_known_without_a_request(
    name: str, options: dict[str, Any], value_bytes: int, models: Path, tmp_path: Path
) -> None:
    async with serve_models(models, tmp_path / "store") as served:
        resolution = await served.resolver.resolve(name)
        before = served.hub.count.total
        measured = await served.resolver.measure_weights(resolution, **options)
        assert served.hub.count.total == before
        model = await served.load(name, **{**options, "dtype": options.get("dtype") or torch.float32})
        assert measured == pytest.approx(value_bytes * sum(item.numel() for item in model.parameters()), rel=0.02)


@pytest.mark.parametrize(
    ("name", "weights"),
    [
        ("acme/sd", "*/*.safetensors"),
        ("acme/lora", "*.safetensors"),
        ("acme/resnet", "*.bin"),
        ("st/embed", "**/*.safetensors"),
    ],
)
async def test_the_size_of_what_the_hub_does_not_count_is_that_of_its_files(
    name: str, weights: str, models: Path, tmp_path: Path
) -> None:
    files_bytes = sum(file.stat().st_size for file in (models / name).glob(weights))
    async with serve_models(models, tmp_path / "store") as served:
        resolution = await served.resolver.resolve(name)
        assert await served.resolver.measure_weights(resolution) >= files_bytes > 0
