"""How the tests of loading put models on a local Hub, and what they ask of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from resolver import Resolver, Settings
from resolver.local_hub import LocalHub, read_folder


@dataclass(frozen=True, slots=True)
class Served:
    """A local Hub with a resolver that asks it and nobody else."""

    hub: LocalHub
    resolver: Resolver
    settings: Settings

    async def load(self, repo_id: str, **options: Any) -> Any:
        """The model, as the resolver loads it."""
        return await self.resolver.load(repo_id, **options)


@asynccontextmanager
async def served(models: Path, store: Path, **more: Any) -> AsyncIterator[Served]:
    """The folders ORG/NAME below `models`, on a Hub of their own."""
    async with LocalHub(read_folder(models)) as hub:
        settings = Settings(**{"endpoint": hub.endpoint, "store": store, "token": False, "offline": False, **more})
        async with Resolver(settings) as resolver:
            yield Served(hub, resolver, settings)


def weights(model: Any) -> dict[str, Any]:
    """Copies of a model's tensors by name."""
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}
