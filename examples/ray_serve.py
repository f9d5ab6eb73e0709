"""Serves many models from a few replicas with Ray Serve; the least recently used go by their bytes, not by their count.

    serve run examples.ray_serve:app

A request names its model in the header `serve_multiplexed_model_id`. Ray Serve sends requests for one model to a
replica that has it; the replica decides how many models it keeps.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from typing import Any

from ray import serve
from starlette.requests import Request

from resolver import Resolver
from resolver.loading.loaded import measure_model

MAX_BYTES = 8 * 2**30


@serve.deployment(max_ongoing_requests=32)
class Models:
    """Holds models of at most `max_bytes` together."""

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self._max_bytes = max_bytes
        self._models: OrderedDict[str, tuple[Any, int]] = OrderedDict()
        self._loading = asyncio.Lock()
        self._resolver: Resolver | None = None

    @serve.multiplexed(max_num_models_per_replica=-1)  # type: ignore[untyped-decorator]
    async def _announce(self, repo_id: str) -> str:
        """Tell Ray Serve that this replica has the model. What it keeps is the name only."""
        return repo_id

    async def _get_model(self, repo_id: str) -> Any:
        async with self._loading:
            if repo_id not in self._models:
                if self._resolver is None:
                    self._resolver = await Resolver().__aenter__()
                resolution = await self._resolver.resolve(repo_id)
                self._make_room(await self._resolver.measure_weights(resolution))
                model = await self._resolver.load(repo_id, resolution.commit_hash)
                self._models[repo_id] = (model, measure_model(model).resident_bytes)
            self._models.move_to_end(repo_id)
            return self._models[repo_id][0]

    def _make_room(self, size_bytes: int) -> None:
        while self._models and sum(size for _, size in self._models.values()) + size_bytes > self._max_bytes:
            self._models.popitem(last=False)

    async def __call__(self, request: Request) -> dict[str, Any]:
        """What the caller wants of the model; here its size, and which models are held."""
        repo_id = serve.get_multiplexed_model_id()
        await self._announce(repo_id)
        model = await self._get_model(repo_id)
        return {"repo_id": repo_id, "class": type(model).__name__, "held": list(self._models)}


app = Models.bind()  # type: ignore[attr-defined]  # Ray has no types for the decorated class
