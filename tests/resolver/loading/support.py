"""Serves models to the loading tests: a local Hub, and a resolver that uses it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from resolver import Resolver, Settings
from resolver.limits import DEFAULT_LIMITS, Limits
from resolver.local_hub import LocalHub, read_folder


@dataclass(frozen=True, slots=True)
class ServedModels:
    """A local Hub, and a resolver that uses it as its only endpoint."""

    hub: LocalHub
    resolver: Resolver
    settings: Settings

    async def load(self, repo_id: str, **options: Any) -> Any:
        """The model that the resolver loads."""
        return await self.resolver.load(repo_id, **options)


@asynccontextmanager
async def serve_models(
    models: Path, store: Path, limits: Limits = DEFAULT_LIMITS, **options: Any
) -> AsyncIterator[ServedModels]:
    """A local Hub that serves the folders ORG/NAME below `models`; `options` are settings of the resolver."""
    async with LocalHub(read_folder(models)) as hub:
        settings = Settings(**{"endpoint": hub.endpoint, "store": store, "token": False, "offline": False, **options})
        async with Resolver(settings, limits=limits) as resolver:
            yield ServedModels(hub, resolver, settings)
