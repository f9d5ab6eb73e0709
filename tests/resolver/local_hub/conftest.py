"""Builds a small catalog with one repo of each kind that the protocol treats differently, and an HTTP client."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from resolver.local_hub import Catalog, HubOptions, LocalHub, repos_from_rows

READER, STRANGER = "hf_reader", "hf_stranger"
TOKENS = {READER: ("acme/gated", "acme/hidden"), STRANGER: ()}

_BERT = {"architectures": ["BertForMaskedLM"], "model_type": "bert", "vocab_size": 30522}
_WEIGHTS = ["README.md", "config.json", "model.safetensors"]
ROWS: list[dict[str, Any]] = [
    {
        "id": "acme/bert",
        "sha": "a" * 40,
        "config": _BERT,
        "siblings": [*_WEIGHTS, "onnx/model.onnx", "onnx/fp16/model.onnx"],
        "library_name": "transformers",
        "tags": ["transformers", "bert"],
        "hub": {
            "pipeline_tag": "fill-mask",
            "transformersInfo": {"auto_model": "AutoModelForMaskedLM", "pipeline_tag": "fill-mask"},
        },
    },
    {
        "id": "acme/sd",
        "sha": "b" * 40,
        "config": None,
        "model_index": {"_class_name": "StableDiffusionPipeline", "vae": ["diffusers", "AutoencoderKL"]},
        "siblings": ["model_index.json", "vae/config.json"],
        "library_name": "diffusers",
        "pipeline_tag": "text-to-image",
        "tags": ["diffusers"],
    },
    {
        "id": "acme/Resnet.a1",
        "sha": "c" * 40,
        "config": {"architecture": "resnet50", "pretrained_cfg": {"num_classes": 1000}},
        "siblings": _WEIGHTS,
        "library_name": "timm",
        "pipeline_tag": "image-classification",
        "tags": ["timm"],
    },
    {"id": "acme/gguf", "sha": "d" * 40, "siblings": ["m-q8_0.gguf"], "gguf": {"total": 5, "architecture": "llama"}},
    {"id": "acme/gated", "sha": "e" * 40, "config": _BERT, "siblings": _WEIGHTS, "gated": "manual"},
    {"id": "acme/hidden", "sha": "f" * 40, "config": _BERT, "siblings": _WEIGHTS, "private": True},
    {"id": "acme/off", "sha": "1" * 40, "config": _BERT, "siblings": _WEIGHTS, "disabled": True},
    {"id": "acme/words", "sha": "2" * 40, "siblings": ["data.csv"], "repo_type": "dataset"},
    {"id": "single", "sha": "3" * 40, "config": _BERT, "siblings": _WEIGHTS},
]


@pytest.fixture
def catalog() -> Catalog:
    """A fresh catalog for each test, since tests change it."""
    built = Catalog(repos_from_rows(ROWS))
    built.alias("legacy", "acme/bert")
    return built


@pytest_asyncio.fixture
async def hub(catalog: Catalog) -> AsyncIterator[LocalHub]:
    """The catalog, served with two valid tokens."""
    async with LocalHub(catalog, HubOptions(tokens=TOKENS)) as running:
        yield running


@pytest_asyncio.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    """A client that does not quote redirect URLs again."""
    async with aiohttp.ClientSession(requote_redirect_url=False) as session:
        yield session


@pytest.fixture
def reader() -> dict[str, str]:
    """Headers of a caller who may read the gated and the private repo."""
    return {"Authorization": f"Bearer {READER}"}


@pytest.fixture
def stranger() -> dict[str, str]:
    """Headers of a caller with a valid token and no grants."""
    return {"Authorization": f"Bearer {STRANGER}"}
