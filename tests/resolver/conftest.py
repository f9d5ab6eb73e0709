"""A running local Hub, a store's path, and short waits between attempts."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from resolver.hub import retry
from resolver.hub.pacing import quota_headers
from resolver.local_hub import Catalog, HubOptions, LocalHub
from tests.resolver.support import TOKENS, Clock, catalog_of


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """How long the client waits is the subject of no test but its own; that it asks again is."""
    monkeypatch.setattr(retry, "FIRST_WAIT_S", 0.002)
    monkeypatch.setattr(retry, "MAX_WAIT_S", 0.004)
    monkeypatch.setattr(quota_headers, "MAX_RETRY_AFTER_S", 0.05)


@pytest.fixture
def catalog() -> Catalog:
    """A fresh catalog for each test, since tests change it."""
    made = catalog_of()
    made.alias("legacy", "acme/bert")
    return made


@pytest_asyncio.fixture
async def hub(catalog: Catalog) -> AsyncIterator[LocalHub]:
    """The catalog, served with two valid tokens."""
    async with LocalHub(catalog, HubOptions(tokens=TOKENS)) as running:
        yield running


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """Where the store is to be."""
    return tmp_path / "store.sqlite3"


@pytest.fixture
def clock() -> Clock:
    """Time that moves when it is told to."""
    return Clock()
