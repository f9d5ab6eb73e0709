"""The hostile models, with the lowest releases of the libraries that this project allows.

pip installs them into separate environments, which takes minutes. sentence-transformers needs a newer transformers than
the lowest, so there are two sets. torch is that of the constraints in both: lower ones have no build without CUDA here.
"""

from __future__ import annotations

import os
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from tests.resolver.own_environment import make_python
from tests.resolver.support import ROOT

pytestmark = pytest.mark.slow

SETS: dict[str, dict[str, str]] = {
    # Set -> package -> its release; "" is the lower bound in pyproject.toml.
    "transformers": {"transformers": "", "diffusers": "", "timm": "", "peft": "", "huggingface_hub": ""},
    "sentence-transformers": {"sentence-transformers": "", "transformers": "5.0.0", "huggingface_hub": "1.3.0"},
}


def read_lower_bounds() -> dict[str, str]:
    """Package -> its lower bound in pyproject.toml, of the dependencies and the extras."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    lines = [*project["dependencies"], *(line for extra in project["optional-dependencies"].values() for line in extra)]
    matches = [re.match(r"([\w-]+)(?:\[\w+\])?>=([\w.]+)", line) for line in lines]
    return {match[1]: match[2] for match in matches if match is not None}


def read_torch_release() -> str:
    """The line of torch in the constraints."""
    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    return next(line for line in lines if line.startswith("torch=="))


def list_installs(packages: dict[str, str]) -> list[list[str]]:
    """What pip installs for these packages, one list after the other."""
    bounds = read_lower_bounds()
    lines = [f"{name}=={release or bounds[name]}" for name, release in packages.items()]
    # torch first and alone: a resolver that may choose it could take a build with CUDA.
    return [[read_torch_release()], [*lines, read_torch_release(), "torchvision", *TOOLS]]


TOOLS = ("-e", str(ROOT), "hypothesis", "pytest", "pytest-asyncio", "pytest-xdist")


def run(*line: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(line, capture_output=True, text=True, cwd=ROOT, check=False)


def find_python(name: str, folder: Path) -> Path:
    """The Python that `LOWEST_PYTHONS` names for the set, else one in a new environment."""
    configured = dict(item.split("=", 1) for item in os.environ.get("LOWEST_PYTHONS", "").split(",") if item)
    return Path(configured[name]) if name in configured else make_python(folder, *list_installs(SETS[name]))


@pytest.mark.parametrize("name", sorted(SETS))
def test_hostile_models_do_nothing_with_the_lowest_releases(name: str, tmp_path: Path) -> None:
    python = find_python(name, tmp_path)
    # Old releases warn of what newer Pythons and libraries deprecate.
    options = (
        "-q",
        "-p",
        "no:cacheprovider",
        "-W",
        "ignore",
        "-o",
        "filterwarnings=",
        f"--basetemp={tmp_path / 'run'}",
    )
    done = run(str(python), "-m", "pytest", *options, "tests/resolver/loading/test_canaries.py")
    assert done.returncode == 0, done.stdout[-6_000:]
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed is not None and int(passed[1]) > 50, done.stdout[-2_000:]
