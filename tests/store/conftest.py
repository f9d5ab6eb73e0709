"""Fixtures: the locations of a store in a SQLite file and in a database of a real PostgreSQL server."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.store import postgres


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The URL of a running server, started when a test first needs it."""
    with postgres.run_server_or_skip() as url:
        yield url


@pytest_asyncio.fixture(params=["sqlite", "postgresql"])
async def location(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[str]:
    """The location of a store that does not exist yet."""
    if request.param == "sqlite":
        yield str(tmp_path / "deep" / "store.sqlite3")
        return
    async with postgres.create_database(request.getfixturevalue("postgres_server")) as url:
        yield url
