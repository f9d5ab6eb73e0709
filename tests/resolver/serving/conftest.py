"""A service before the local Hub of the other tests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from resolver.local_hub import LocalHub
from tests.resolver.serving.support import Client, serving


@pytest_asyncio.fixture
async def client(hub: LocalHub, store: Path) -> AsyncIterator[Client]:
    """A client of a running service, whose operator's token sees everything."""
    async with serving(hub, store) as made:
        yield made
