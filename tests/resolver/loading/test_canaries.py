"""Hostile models are refused by name, before a library sees them: nothing runs, no Hub but the endpoint is asked."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import transformers

from resolver import Resolver, Settings
from resolver.errors import ModelLoadError
from resolver.local_hub import Catalog, HubOptions, LocalHub, read_folder
from tests.resolver.loading import others
from tests.resolver.loading.canaries import CANARIES, Canary
from tests.resolver.loading.families import BERT
from tests.resolver.loading.models import save_detr

TOKEN = "hf_of_the_user"


@pytest.fixture(scope="session")
def good_models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The models that canaries change: name -> folder. Those whose library is missing are left out."""
    folder = tmp_path_factory.mktemp("good")
    transformers.BertForMaskedLM(transformers.BertConfig(**BERT)).save_pretrained(folder / "bert")
    save_detr(folder / "detr")
    others.save_adapter(folder / "lora", folder / "llama", "acme/llama")
    others.save_sentence_models(folder)
    others.save_pipeline(folder / "sd")
    others.save_timm(folder / "timm")
    names = {"st": "st/embed", "cross": "st/cross"}
    return {
        name: folder / names.get(name, name) for name in ("bert", "detr", "lora", "llama", "st", "cross", "sd", "timm")
    }


@pytest.fixture
def prompt(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Someone at the keyboard says yes to every question; the questions are recorded."""
    questions: list[str] = []

    def answer(question: str = "") -> str:
        questions.append(question)
        return "y"

    monkeypatch.setattr("builtins.input", answer)
    return questions


@pytest_asyncio.fixture
async def elsewhere(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[LocalHub]:
    """The Hub of the environment, which is not the resolver's endpoint; the user has a token for it."""
    async with LocalHub(Catalog([]), HubOptions(tokens={TOKEN: "user"})) as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.endpoint)
        monkeypatch.setenv("HF_TOKEN", TOKEN)
        template = hub.endpoint + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", hub.endpoint)
        monkeypatch.setattr("huggingface_hub.constants.HUGGINGFACE_CO_URL_TEMPLATE", template)
        yield hub


def build(canary: Canary, good_models: dict[str, Path], models: Path, mark: Path) -> Path:
    """The hostile model as `acme/repo` in `models`, beside the base of adapters."""
    folder = models / "acme" / "repo"
    shutil.copytree(good_models[canary.model], folder)
    shutil.copytree(good_models["llama"], models / "acme" / "llama")
    canary.change(folder, mark)
    return folder


def list_weight_requests(hub: LocalHub) -> list[str]:
    paths = [entry.path.partition("?")[0] for entry in hub.requests if "/acme/repo/" in entry.path]
    return [path for path in paths if path.endswith((".safetensors", ".bin", ".py", ".txt")) and "/resolve/" in path]


@pytest.mark.parametrize("canary", CANARIES, ids=[canary.name for canary in CANARIES])
async def test_a_canary_is_refused_by_name_and_nothing_runs(
    canary: Canary, good_models: dict[str, Path], tmp_path: Path, elsewhere: LocalHub, prompt: list[str]
) -> None:
    mark = tmp_path / "mark"
    folder = build(canary, good_models, tmp_path / "hub", mark)
    async with LocalHub(read_folder(tmp_path / "hub")) as hub:
        settings = Settings(endpoint=hub.endpoint, store=tmp_path / "store", token=False, offline=False)
        async with Resolver(settings) as resolver:
            for request in [str(folder)] if canary.is_local else ["acme/repo", str(folder)]:
                with pytest.raises(canary.error, match=canary.message) as caught:
                    await resolver.load(request)
                assert type(caught.value) is canary.error
                assert caught.value.resolution is not None
        if "asked for" not in canary.message:
            assert not list_weight_requests(hub)
        assert not [entry.path for entry in hub.requests if "other/repo" in entry.path]
    assert not mark.exists() and not prompt
    assert elsewhere.count.total == 0


async def test_the_good_models_load_without_a_request_to_another_hub(
    good_models: dict[str, Path], tmp_path: Path, elsewhere: LocalHub
) -> None:
    for name, path in good_models.items():
        shutil.copytree(path, tmp_path / "hub" / "acme" / name)
    async with LocalHub(read_folder(tmp_path / "hub")) as hub:
        settings = Settings(endpoint=hub.endpoint, store=tmp_path / "store", token=False, offline=False)
        async with Resolver(settings) as resolver:
            for name in good_models:
                await resolver.load(f"acme/{name}")
            hub.reset_counts()
            for name in good_models:
                await resolver.load(f"acme/{name}")
            assert hub.count.total == 0
    assert elsewhere.count.total == 0


async def test_adapters_in_a_ring_are_an_error_that_names_the_ring(
    good_models: dict[str, Path], tmp_path: Path
) -> None:
    import json

    for name, base in (("one", "acme/two"), ("two", "acme/one")):
        folder = tmp_path / "hub" / "acme" / name
        shutil.copytree(good_models["lora"], folder)
        path = folder / "adapter_config.json"
        values: dict[str, Any] = {**json.loads(path.read_text()), "base_model_name_or_path": base, "task_type": None}
        path.write_text(json.dumps(values))
    async with LocalHub(read_folder(tmp_path / "hub")) as hub:
        settings = Settings(endpoint=hub.endpoint, store=tmp_path / "store", token=False, offline=False)
        async with Resolver(settings) as resolver:
            with pytest.raises(ModelLoadError, match="acme/one → acme/two → acme/one"):
                await resolver.load("acme/one")


def test_the_environment_of_the_tests_names_no_token() -> None:
    assert "HF_TOKEN" not in os.environ
