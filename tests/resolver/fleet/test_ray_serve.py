"""The example of a deployment that drops models by their bytes, behind a real Ray Serve."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from resolver.local_hub.server.process import start_process
from tests.ports import find_free_port
from tests.resolver.loading.families import BERT

serve = pytest.importorskip("ray.serve")
pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("ray_cluster")]

NAMES = [f"acme/served{number}" for number in range(3)]


async def test_the_least_recently_used_models_go_by_their_bytes(tmp_path: Path) -> None:
    import transformers

    from examples.ray_serve import Models

    for name in NAMES:
        transformers.BertForMaskedLM(transformers.BertConfig(**BERT)).save_pretrained(tmp_path / "models" / name)
    size_bytes = sum(file.stat().st_size for file in (tmp_path / "models" / NAMES[0]).iterdir())
    port = find_free_port()
    with start_process(folder=tmp_path / "models") as hub:
        environment = {"HF_ENDPOINT": hub.endpoint, "HUBRESOLVE_STORE": str(tmp_path / "store.sqlite3")}
        options = {"num_cpus": 0.5, "runtime_env": {"env_vars": environment}}
        deployment: Any = Models
        try:
            await asyncio.to_thread(serve.start, proxy_location="HeadOnly", http_options={"port": port})
            app = deployment.options(ray_actor_options=options).bind(int(2.5 * size_bytes))
            await asyncio.to_thread(serve.run, app)
            async with aiohttp.ClientSession() as session:
                held = []
                for name in (*NAMES, NAMES[0]):
                    headers = {"serve_multiplexed_model_id": name}
                    async with session.get(f"http://127.0.0.1:{port}/", headers=headers) as response:
                        assert response.status == 200, await response.text()
                        held.append((await response.json())["held"])
        finally:
            await asyncio.to_thread(serve.shutdown)
    first, second, third = NAMES
    assert held == [[first], [first, second], [second, third], [third, first]]
