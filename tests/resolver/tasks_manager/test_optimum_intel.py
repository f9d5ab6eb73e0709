"""optimum-intel's exporter, with our `TasksManager` put in before its import, exports models to OpenVINO that run.

pip installs it into a separate environment, which takes minutes. `OPTIMUM_INTEL_PYTHON` may name a Python that already
has torch, optimum-intel 2.2, openvino, nncf and this project.
"""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from tests.resolver.support import ROOT, environment

pytestmark = pytest.mark.slow

PACKAGES = ("optimum-intel==2.2.0", "transformers==4.57.6", "torch==2.13.0", "torchvision==0.28.0")


@pytest.fixture(scope="session")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python with optimum-intel and this project."""
    if configured := os.environ.get("OPTIMUM_INTEL_PYTHON"):
        return Path(configured)
    folder = tmp_path_factory.mktemp("optimum-intel")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q"]
    # Skipped only if no package index can be reached; any other failure fails the test.
    download = subprocess.run(
        [*pip, "download", "--no-deps", "-d", str(folder / "download"), PACKAGES[0]],
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    if download.returncode:
        pytest.skip(f"no package index with {PACKAGES[0]} can be reached: {download.stderr.strip()[-200:]}")
    venv.create(folder / "venv", with_pip=True)
    venv_python = folder / "venv" / ("Scripts" if os.name == "nt" else "bin") / "python"
    line = [str(venv_python), *pip[1:], "install", *PACKAGES, "-e", str(ROOT)]
    installed = subprocess.run(line, env=environment(), capture_output=True, text=True, check=False)
    assert installed.returncode == 0, installed.stderr[-4_000:]
    return venv_python


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
