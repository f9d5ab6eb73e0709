"""Makes a Python environment of its own, for libraries that need other versions than this project's tests."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.resolver.support import environment


def find_or_make_python(variable: str, packages: Sequence[str], constraints: Path, folder: Path) -> Path:
    """The Python that the environment variable names, else a new one in `folder` in which pip has installed `packages`.

    The test is skipped only if no package index can be reached; any other failure fails it.
    """
    if configured := os.environ.get(variable):
        return Path(configured)
    pip = ["-m", "pip", "--disable-pip-version-check", "-q"]
    download = _run([sys.executable, *pip, "download", "--no-deps", "-d", str(folder / "download"), packages[0]])
    if download.returncode:
        pytest.skip(f"no package index with {packages[0]} can be reached: {download.stderr.strip()[-200:]}")
    venv.create(folder / "venv", with_pip=True)
    python = folder / "venv" / ("Scripts" if os.name == "nt" else "bin") / "python"
    installed = _run([str(python), *pip, "install", "-c", str(constraints), *packages])
    assert installed.returncode == 0, installed.stderr[-4_000:]
    return python


def _run(line: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(line, env=environment(), capture_output=True, text=True, check=False)
