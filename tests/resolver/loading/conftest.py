"""Fixtures of the loading tests: one torch thread, since other test processes share the processors; saved models."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
import transformers
from huggingface_hub.utils.tqdm import disable_progress_bars, enable_progress_bars

from tests.resolver.loading import others
from tests.resolver.loading.families import BERT, FAMILIES
from tests.resolver.loading.models import save_detr


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    """Session-wide: torch applies the setting once."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    disable_progress_bars()
    yield
    enable_progress_bars()
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def families(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with every family saved by `save_pretrained` as `kinds/ARCHITECTURE`."""
    folder = tmp_path_factory.mktemp("families")
    for number, family in enumerate(FAMILIES):
        torch.manual_seed(number)
        family.build().save_pretrained(folder / "kinds" / family.architecture)
    return folder


@pytest.fixture(scope="session")
def good_models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The models that canaries change: name -> folder. Those whose library is missing are left out."""
    folder = tmp_path_factory.mktemp("good")
    transformers.BertForMaskedLM(transformers.BertConfig(**BERT)).save_pretrained(folder / "bert")
    save_detr(folder / "detr")
    if find_spec("peft"):
        others.save_adapter(folder / "lora", folder / "llama", "acme/llama")
    if find_spec("sentence_transformers"):
        others.save_sentence_models(folder)
    if find_spec("diffusers"):
        others.save_pipeline(folder / "sd")
    if find_spec("timm"):
        others.save_timm(folder / "timm")
    paths = {name: folder / name for name in ("bert", "detr", "lora", "llama", "sd", "timm")}
    paths |= {"st": folder / "st" / "embed", "cross": folder / "st" / "cross"}
    return {name: path for name, path in paths.items() if path.is_dir()}
