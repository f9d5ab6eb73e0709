"""A fresh process whose environment names another Hub, and a token: models load, and that Hub gets no request."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from pathlib import Path

import pytest
import torch

from resolver.local_hub import Catalog, HubOptions, LocalHub, read_folder
from tests.resolver.loading.canaries import MODEL_CANARIES
from tests.resolver.loading.models import save_old_detr
from tests.resolver.loading.support import serve_models
from tests.resolver.support import ROOT

SCRIPT = """
import asyncio, sys
from resolver import Resolver, Settings
from resolver.errors import ModelLoadError

async def main(endpoint, store, offline, *ids):
    settings = Settings(endpoint=endpoint, store=store, token=False, offline=offline == "offline")
    async with Resolver(settings) as resolver:
        for repo_id in ids:
            try:
                print(repo_id, type(await resolver.load(repo_id)).__name__)
            except ModelLoadError as error:
                print(repo_id, error.code, error)

asyncio.run(main(*sys.argv[1:]))
"""


async def run_script(home: Path, counting: LocalHub, *arguments: str) -> str:
    """The output of the script, whose environment has the counting Hub and a token for it."""
    site = str(Path(__file__).with_name("site"))
    variables = {"HF_ENDPOINT": counting.endpoint, "HF_TOKEN": "hf_secret", "HF_HOME": str(home)}
    variables |= {"PYTHONPATH": os.pathsep.join((site, str(ROOT))), "OMP_NUM_THREADS": "1"}
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        SCRIPT,
        *arguments,
        env={**environment, **variables},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()[-3_000:]
    return out.decode()


@pytest.mark.slow
async def test_no_request_and_no_token_go_to_the_hub_of_the_environment(
    good_models: dict[str, Path], tmp_path: Path
) -> None:
    hostile = [canary for canary in MODEL_CANARIES if canary.model == "detr"]
    for name in ("bert", "st", "sd"):
        shutil.copytree(good_models[name], tmp_path / "hub" / "acme" / name)
    for number, canary in enumerate(hostile):
        folder = tmp_path / "hub" / "acme" / f"hostile-{number}"
        shutil.copytree(good_models[canary.model], folder)
        canary.change(folder, tmp_path / "mark")
    ids = sorted(f"acme/{path.name}" for path in (tmp_path / "hub" / "acme").iterdir())
    async with LocalHub(Catalog([]), HubOptions(tokens={"hf_secret": "user"})) as counting:
        async with LocalHub(read_folder(tmp_path / "hub")) as hub:
            arguments = (hub.endpoint, str(tmp_path / "store"))
            online = await run_script(tmp_path / "home", counting, *arguments, "online", *ids)
            assert not [entry.path for entry in hub.requests if "other/repo" in entry.path]
        offline = await run_script(tmp_path / "home", counting, *arguments, "offline", *ids)
        assert not [entry.path for entry in counting.requests]
    for output in (online, offline):
        lines = dict(line.split(" ", 1) for line in output.splitlines())
        assert [lines[f"acme/{name}"] for name in ("bert", "st", "sd")] == [
            "BertForMaskedLM",
            "SentenceTransformer",
            "StableDiffusionPipeline",
        ]
        for number in range(len(hostile)):
            assert "asked for the repo other/repo" in lines[f"acme/hostile-{number}"]


@pytest.mark.slow
async def test_a_detector_with_a_backbone_that_was_trained_before_loads_with_its_own_weights(tmp_path: Path) -> None:
    saved = save_old_detr(tmp_path / "hub" / "acme" / "detr")
    picture = torch.linspace(-1, 1, 3 * 32 * 32).reshape(1, 3, 32, 32)
    async with serve_models(tmp_path / "hub", tmp_path / "store") as served:
        model = await served.load("acme/detr")
    with torch.no_grad():
        assert torch.equal(saved(pixel_values=picture).logits, model(pixel_values=picture).logits)
