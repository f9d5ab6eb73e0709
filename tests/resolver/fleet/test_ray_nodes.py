"""Three nodes of Ray, of which one is removed while ids are resolved, and another one while models are called."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

import pytest
import transformers

from resolver.local_hub import Catalog, LocalHub, repos_from_rows, start_process, synthetic
from resolver.local_hub.testing import faults
from tests.resolver.fleet.conftest import ROOT, SITE
from tests.resolver.loading.families import BERT
from tests.store import postgres

pytest.importorskip("ray")
pytestmark = pytest.mark.slow

COUNT, SERVED, MODELS = 400, 50, 8


async def test_ids_and_models_outlive_a_node(tmp_path: Path, ray_folder: Path, postgres_server: str) -> None:
    names = [f"acme/m{number}" for number in range(MODELS)]
    model = transformers.BertForMaskedLM(transformers.BertConfig(**BERT))
    for name in names:
        model.save_pretrained(tmp_path / "models" / name)
    environment = {
        **os.environ,
        "HF_HOME": str(tmp_path / "hf"),
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": os.pathsep.join(map(str, (ROOT, SITE))),
        "RAY_AUTH_MODE": "disabled",
        "RAY_TMPDIR": str(ray_folder),
        # How often Ray asks whether a node is there; five questions without an answer end it.
        "RAY_health_check_period_ms": "500",
    }

    async def wait_for_removal() -> None:
        while not (tmp_path / "ids-removed").exists():
            await asyncio.sleep(0.05)

    catalog = Catalog(repos_from_rows(synthetic(COUNT, COUNT)))
    async with postgres.create_database(postgres_server) as store, LocalHub(catalog) as ids_hub:
        ids_hub.faults.add(faults.Hold(wait_for_removal), skip=SERVED, times=None)
        with start_process(folder=tmp_path / "models") as models_hub:
            arguments = (str(tmp_path), store, ids_hub.endpoint, str(COUNT), models_hub.endpoint, *names)
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, str(Path(__file__).with_name("three_nodes.py")), *arguments), env=environment
            )
            try:
                assert await process.wait() == 0
            finally:
                if process.returncode is None:
                    process.terminate()
                    await process.wait()
    done = json.loads((tmp_path / "result.json").read_text())
    assert done["rows"] == [*range(COUNT)]
    assert done["models"] == dict.fromkeys(names, sum(item.numel() for item in model.parameters()))
    # Of four, the one that was added in between included.
    assert done["alive"] == 2
    assert not (ray_folder / "ray" / "ray_current_cluster").exists()
