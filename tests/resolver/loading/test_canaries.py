"""Hostile models are refused by name, before a library sees them: nothing runs, no Hub but the endpoint is asked."""

from __future__ import annotations

import json
import os
import shutil
import socket
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any

import pytest

from resolver import Resolver, Settings
from resolver.errors import ModelLoadError
from resolver.local_hub import LocalHub, read_folder
from tests.resolver.loading.canaries import CANARIES, Canary

HOST = "127.0.0.1"
TOKEN = "hf_of_the_user"


@pytest.fixture
def prompt(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Someone at the keyboard says yes to every question; the questions are recorded."""
    questions: list[str] = []

    def answer(question: str = "") -> str:
        questions.append(question)
        return "y"

    monkeypatch.setattr("builtins.input", answer)
    return questions


@pytest.fixture
def asked_hosts(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Hosts that this process looks up, whoever asks, but for those that the guard refuses; the user has a token."""
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    hosts: set[str] = set()
    original = socket.getaddrinfo

    def look_up(host: Any, *arguments: Any, **options: Any) -> Any:
        try:
            return original(host, *arguments, **options)
        except ModelLoadError:
            host = None
            raise
        finally:
            if host is not None:
                hosts.add(str(host))

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return hosts


def build(canary: Canary, good_models: dict[str, Path], models: Path, mark: Path) -> Path:
    """The hostile model as `acme/repo` in `models`, beside the base of adapters."""
    if canary.model not in good_models:
        pytest.skip("its library is not installed")
    folder = models / "acme" / "repo"
    shutil.copytree(good_models[canary.model], folder)
    if canary.model == "lora":
        shutil.copytree(good_models["llama"], models / "acme" / "llama")
    canary.change(folder, mark)
    return folder


def list_weight_requests(hub: LocalHub) -> list[str]:
    paths = [entry.path.partition("?")[0] for entry in hub.requests if "/acme/repo/" in entry.path]
    return [path for path in paths if path.endswith((".safetensors", ".bin", ".py", ".txt")) and "/resolve/" in path]


@pytest.mark.parametrize("canary", CANARIES, ids=[canary.name for canary in CANARIES])
async def test_a_canary_is_refused_by_name_and_nothing_runs(
    canary: Canary, good_models: dict[str, Path], tmp_path: Path, asked_hosts: set[str], prompt: list[str]
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
    assert asked_hosts <= {HOST}


@pytest.mark.slow
@pytest.mark.parametrize("layers", ["the guard", "the library"])
@pytest.mark.parametrize("canary", CANARIES, ids=[canary.name for canary in CANARIES])
async def test_without_our_check_nothing_runs_either(
    canary: Canary,
    layers: str,
    good_models: dict[str, Path],
    tmp_path: Path,
    asked_hosts: set[str],
    prompt: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The guard alone stops what the check would have named; and so does the library alone, but for the kinds below."""
    mark = tmp_path / "mark"
    folder = build(canary, good_models, tmp_path / "hub", mark)
    monkeypatch.setattr("resolver.loading.loader.check_names", lambda *_: None)
    monkeypatch.setattr("resolver.loading.plan.raise_for_names", lambda *_: None)
    if layers == "the library":
        monkeypatch.setattr("resolver.loading.instantiate.guard_load", lambda *_, **__: nullcontext())
    async with LocalHub(read_folder(tmp_path / "hub")) as hub:
        settings = Settings(endpoint=hub.endpoint, store=tmp_path / "store", token=False, offline=False)
        async with Resolver(settings) as resolver:
            # A ring is refused for itself; the others fail where the library does, or load.
            with suppress(ModelLoadError):
                await resolver.load(str(folder))
    assert not mark.exists()
    if layers == "the guard":
        assert asked_hosts <= {HOST} and not prompt


async def test_the_good_models_load_without_a_request_to_another_hub(
    good_models: dict[str, Path], tmp_path: Path, asked_hosts: set[str]
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
    assert asked_hosts == {HOST}


async def test_adapters_in_a_ring_are_an_error_that_names_the_ring(
    good_models: dict[str, Path], tmp_path: Path
) -> None:
    if "lora" not in good_models:
        pytest.skip("peft is not installed")
    for name, base in (("one", "acme/two"), ("two", "acme/one")):
        folder = tmp_path / "hub" / "acme" / name
        shutil.copytree(good_models["lora"], folder, ignore=shutil.ignore_patterns("README.md"))
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
