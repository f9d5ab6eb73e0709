"""Fixtures of the loading tests: one torch thread, since other test processes share the processors; saved models."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from huggingface_hub.utils.tqdm import disable_progress_bars, enable_progress_bars

from tests.resolver.loading.families import FAMILIES


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
