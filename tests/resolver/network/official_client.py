"""huggingface_hub's own client beside ours, in the same environment."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import huggingface_hub
import pytest
from huggingface_hub.utils._http import close_session


@pytest.fixture
def official_client() -> Iterator[None]:
    """Its session, which reads the environment once, is made in the test and ends with it."""
    close_session()
    yield
    close_session()


async def ask_official_client(endpoint: str, repo_id: str, token: str | None = None) -> str | None:
    """The commit that huggingface_hub finds; None where it cannot reach the Hub, or is refused."""

    def ask() -> str | None:
        try:
            return huggingface_hub.HfApi(endpoint, token=token or False).model_info(repo_id).sha
        except Exception:
            return None

    return await asyncio.to_thread(ask)
