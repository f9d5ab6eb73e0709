"""A real Ray on this machine, with two CPUs and without its dashboard; started once."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.store.conftest import postgres_server as postgres_server

ROOT = Path(__file__).resolve().parents[3]
SITE = ROOT / "tests" / "resolver" / "loading" / "site"


@pytest.fixture(scope="session")
def ray_folder() -> Iterator[Path]:
    """Where Ray keeps its logs and sockets; the paths of these must be short."""
    folder = Path(tempfile.mkdtemp(prefix="ray-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def ray_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home folder of Hugging Face of all workers."""
    return tmp_path_factory.mktemp("ray-hf")


@pytest.fixture(scope="session")
def ray_cluster(ray_home: Path, ray_folder: Path) -> Iterator[str]:
    """The address of a running cluster that this process is connected to. Its workers have the environment of the time
    when it starts.
    """
    ray = pytest.importorskip("ray")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_HOME", str(ray_home))
        patch.setenv("HF_HUB_DISABLE_TELEMETRY", "1")
        patch.setenv("OMP_NUM_THREADS", "1")
        patch.setenv("PYTHONPATH", os.pathsep.join(map(str, (ROOT, SITE))))
        patch.setenv("RAY_AUTH_MODE", "disabled")
        for name in ("HF_HUB_CACHE", "HF_TOKEN", "HF_ENDPOINT", "HUBRESOLVE_STORE"):
            patch.delenv(name, raising=False)
        context = ray.init(
            num_cpus=2,
            include_dashboard=False,
            log_to_driver=False,
            logging_level="warning",
            object_store_memory=200 * 2**20,
            _temp_dir=str(ray_folder),
        )
    ray.data.DataContext.get_current().enable_progress_bars = False
    yield context.address_info["gcs_address"]
    ray.shutdown()
