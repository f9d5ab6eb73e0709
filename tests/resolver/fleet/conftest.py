"""A real Ray on this machine, with two CPUs and without its dashboard; started once."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.store.conftest import postgres_server as postgres_server

ROOT = Path(__file__).resolve().parents[3]
SITE = ROOT / "tests" / "resolver" / "loading" / "site"


@pytest.fixture(scope="session")
def ray_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home folder of Hugging Face of all workers."""
    return tmp_path_factory.mktemp("ray-hf")


@pytest.fixture(scope="session")
def ray_cluster(ray_home: Path) -> Iterator[None]:
    """Ray runs, and this process is connected to it."""
    ray = pytest.importorskip("ray")
    environment = {
        "HF_HOME": str(ray_home),
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": os.pathsep.join(map(str, (ROOT, SITE))),
    }
    os.environ["RAY_AUTH_MODE"] = "disabled"
    ray.init(
        num_cpus=2,
        include_dashboard=False,
        log_to_driver=False,
        logging_level="warning",
        runtime_env={"env_vars": environment},
        object_store_memory=200 * 2**20,
        _temp_dir="/tmp/hubresolve-ray",  # paths of sockets are short
    )
    ray.data.DataContext.get_current().enable_progress_bars = False
    yield
    ray.shutdown()
