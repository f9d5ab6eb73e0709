"""A running local Hub and a store's path."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from resolver.local_hub import Catalog, HubOptions, LocalHub
from tests.resolver.support import TOKENS, Clock, catalog_of


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
