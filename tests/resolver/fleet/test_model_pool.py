"""`ModelPool` on a real Ray: tiny models, a bound on memory, and every way in which one model can fail."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

from resolver import Failure, Resolution, Settings
from resolver.fleet import ModelPool, ModelResult, WorkerSpec
from resolver.local_hub.server.process import HubProcess, start_process
from tests.resolver.fleet.conftest import ROOT, SITE
from tests.resolver.loading.families import BERT

pytest.importorskip("ray")
pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("ray_cluster")]

COUNT = 20
NAMES = [f"acme/m{number}" for number in range(COUNT)]
KILLER, BIG = "acme/killer", "acme/big"


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty tiny models, one whose function will end the worker, and one that fits nowhere."""
    folder = tmp_path_factory.mktemp("fleet")
    for number, name in enumerate([*NAMES, KILLER]):
        torch.manual_seed(number)
        transformers.BertForMaskedLM(transformers.BertConfig(**BERT)).save_pretrained(folder / name)
    big = {**BERT, "vocab_size": 40_000}
    transformers.BertForMaskedLM(transformers.BertConfig(**big)).save_pretrained(folder / BIG)
    return folder


def get_first_weight(model: Any, resolution: Resolution) -> tuple[int, float]:
    """The worker's process id and the model's first weight. Some models are trouble."""
    if resolution.repo_id == KILLER:
        os._exit(1)
    if resolution.repo_id == NAMES[3]:
        raise ValueError("this one cannot be measured")
    return os.getpid(), float(next(model.parameters()).detach().flatten()[0])


async def map_all(hub: HubProcess, store: Path, ids: list[str], **options: Any) -> list[ModelResult | Failure]:
    settings = Settings(endpoint=hub.endpoint, store=store, token=False)
    spec = WorkerSpec(count=2, max_resident_bytes=1_500_000, ray_options={"num_cpus": 1})
    async with ModelPool(settings, [spec]) as pool:
        return [item async for item in pool.map(get_first_weight, ids, **options)]


async def test_each_model_is_called_once_and_trouble_is_its_own(
    models: Path, tmp_path: Path, ray_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(ray_home / "hub"))
    ids = [*NAMES[:6], KILLER, *NAMES[6:], BIG, "acme/missing", "not//an id"]
    with start_process(folder=models) as hub:
        items = await map_all(hub, tmp_path / "store.sqlite3", ids)
        # The sizes of the models came with the answers.
        assert "paths_info" not in hub.counts()["kind"]
        again = await map_all(hub, tmp_path / "store.sqlite3", NAMES[:2])
    assert sorted(item.repo_id for item in items) == sorted(ids)
    results = {item.repo_id: item for item in items if isinstance(item, ModelResult)}
    codes = {item.repo_id: item.error.code for item in items if isinstance(item, Failure)}
    assert codes == {
        KILLER: "worker_lost",
        NAMES[3]: "function_failed",
        BIG: "memory_budget",
        "acme/missing": "repo_not_found",
        "not//an id": "invalid_repo_id",
    }
    for number, name in enumerate(NAMES):
        if name in results:
            torch.manual_seed(number)
            expected = transformers.BertForMaskedLM(transformers.BertConfig(**BERT))
            assert results[name].value[1] == pytest.approx(float(next(expected.parameters()).detach().flatten()[0]))
            assert results[name].parameters == sum(item.numel() for item in expected.parameters())
    # Nothing of the model that fits nowhere was fetched.
    assert not list(ray_home.glob("hub/models--acme--big/blobs/*"))
    assert len({item.value[0] for item in results.values()}) >= 2
    assert {type(item) for item in again} == {ModelResult}


async def test_a_consumer_that_leaves_early_ends_the_work(models: Path, tmp_path: Path) -> None:
    with start_process(folder=models) as hub:
        settings = Settings(endpoint=hub.endpoint, store=tmp_path / "store.sqlite3", token=False)
        async with ModelPool(settings) as pool:
            results = pool.map(get_first_weight, NAMES[4:])
            first = await anext(results)
            await results.aclose()
            rest = [item async for item in pool.map(get_first_weight, NAMES[4:6])]
    assert isinstance(first, ModelResult)
    assert sorted(item.repo_id for item in rest) == NAMES[4:6]


@pytest.mark.parametrize("example", ["export_farm", "evaluation_sweep"])
async def test_an_example_runs_on_this_machine(example: str, models: Path, tmp_path: Path, ray_folder: Path) -> None:
    ids = tmp_path / "ids.txt"
    ids.write_text("".join(f"{name}\n" for name in (NAMES[0], "acme/missing")))
    arguments = [str(ids), str(tmp_path / "exported")][: 2 if example == "export_farm" else 1]
    environment = {
        **os.environ,
        "HUBRESOLVE_STORE": str(tmp_path / "store.sqlite3"),
        "PYTHONPATH": os.pathsep.join(map(str, (ROOT, SITE))),
        # A Ray of its own, not the one that another program of this machine has started, or has left behind.
        "RAY_ADDRESS": "local",
        "RAY_AUTH_MODE": "disabled",
        "RAY_TMPDIR": str(ray_folder),
    }
    with start_process(folder=models) as hub:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, str(ROOT / "examples" / f"{example}.py"), *arguments),
            env={**environment, "HF_ENDPOINT": hub.endpoint},
            stdout=asyncio.subprocess.PIPE,
        )
        output = (await process.communicate())[0].decode()
    assert process.returncode == 1
    assert "acme/missing does not exist" in output
    if example == "export_farm":
        assert (tmp_path / "exported" / "acme--m0.onnx").stat().st_size > 1_000
    else:
        (line,) = [line for line in output.splitlines() if line.endswith(NAMES[0])]
        assert float(line.split()[0]) > 0
