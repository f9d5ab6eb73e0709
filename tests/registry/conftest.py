"""Replaces the user's cache folder in the tests of the registry."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from registry.environment import environment


@pytest.fixture(scope="session", autouse=True)
def _temporary_cache_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    folder: Path = tmp_path_factory.mktemp("registry-cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(environment, "_cache_folder", lambda: folder)
        yield
