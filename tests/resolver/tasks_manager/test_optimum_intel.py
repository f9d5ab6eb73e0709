"""optimum-intel's exporter, with our `TasksManager` put in before its import, exports models to OpenVINO that run.

pip installs it into a separate environment, which takes minutes. `OPTIMUM_INTEL_PYTHON` may name a Python that already
has torch, optimum-intel 2.2, openvino, nncf and this project.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.resolver.own_environment import find_or_make_python
from tests.resolver.support import ROOT, environment

pytestmark = pytest.mark.slow

PACKAGES = ("optimum-intel==2.2.0", "transformers==4.57.6", "torch==2.13.0", "torchvision==0.28.0")


@pytest.fixture(scope="session")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python with optimum-intel and this project."""
    folder = tmp_path_factory.mktemp("optimum-intel")
    return find_or_make_python("OPTIMUM_INTEL_PYTHON", folder, [*PACKAGES, "-e", str(ROOT)])


def test_tiny_models_are_exported_to_openvino_and_run(python: Path, tmp_path: Path) -> None:
    offline = {
        "HF_HUB_OFFLINE": "1",
        "OMP_NUM_THREADS": "1",
        "HUBRESOLVE_STORE": str(tmp_path / "store.sqlite3"),
        "PYTHONPATH": str(ROOT),
    }
    line = [str(python), str(Path(__file__).with_name("openvino_models.py")), str(tmp_path)]
    done = subprocess.run(line, env=environment(**offline), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-4_000:]
    lines = [line for line in done.stdout.splitlines() if "close" in line]
    assert lines == ["close bert", "close gpt2", "close t5", "close vit"]
