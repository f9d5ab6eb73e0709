"""What every test needs: none of the machine's own tokens, caches and settings."""

from __future__ import annotations

import os
from pathlib import Path

import hypothesis
import pytest

from tests import torchvision_beside_cpu_torch

torchvision_beside_cpu_torch.install()

# A busy machine may be slow: that is no failure.
hypothesis.settings.register_profile("suite", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("suite")

SHARED_FIXTURES = ("ray_cluster", "postgres_server", "hub_process", "families", "optimum_python")
"""Servers, models and environments that are made once: the tests that use one run in the same process."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Choose which tests pytest-xdist runs in the same process (`--dist loadgroup`).

    These are the tests that use the same shared fixture, or else those of the same file, for its module fixtures. A
    test marked `independent` may run in any process.
    """
    for item in items:
        if isinstance(item, pytest.Function) and item.get_closest_marker("independent") is None:
            item.add_marker(pytest.mark.xdist_group(_choose_group(item)))


def _choose_group(test: pytest.Function) -> str:
    parameters = test.callspec.params.values() if hasattr(test, "callspec") else ()
    if "postgresql" in parameters:
        return "postgres_server"
    shared = [name for name in SHARED_FIXTURES if name in test.fixturenames]
    return shared[0] if shared else test.path.relative_to(test.config.rootpath).as_posix()


_PREFIXES = ("HF_", "HUGGING", "HUBRESOLVE_", "TRANSFORMERS_OFFLINE")
_PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No settings from outside, and a home folder of Hugging Face that is empty."""
    for name in list(os.environ):
        if name.startswith(_PREFIXES) or name.lower() in _PROXIES:
            monkeypatch.delenv(name)
    home = tmp_path / "hf-home"
    monkeypatch.setenv("HF_HOME", str(home))
    monkeypatch.setenv("HF_HUB_CACHE", str(home / "hub"))
    monkeypatch.setenv("HF_HUB_DISABLE_TELEMETRY", "1")
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(home / "token"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(home / "hub"))
