"""Makes Python environments of their own, for libraries that need other versions than this project's tests."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.resolver.support import environment

_PIP = ("-m", "pip", "--disable-pip-version-check", "-q")


def find_or_make_python(variable: str, folder: Path, *installs: Sequence[str]) -> Path:
    """The Python that the environment variable names, else a new one, as `make_python` makes it."""
    configured = os.environ.get(variable)
    return Path(configured) if configured else make_python(folder, *installs)


def make_python(folder: Path, *installs: Sequence[str]) -> Path:
    """A Python in `folder`. pip installs each of `installs`, one after the other: packages, or options of pip.

    The test is skipped only if no package index can be reached; any other failure fails it.
    """
    package = installs[0][0]
    download = _run([sys.executable, *_PIP, "download", "--no-deps", "-d", str(folder / "download"), package])
    if download.returncode:
        pytest.skip(f"no package index with {package} can be reached: {download.stderr.strip()[-200:]}")
    venv.create(folder / "venv", with_pip=True)
    python = folder / "venv" / ("Scripts" if os.name == "nt" else "bin") / "python"
    for packages in installs:
        installed = _run([str(python), *_PIP, "install", *packages])
        assert installed.returncode == 0, installed.stderr[-4_000:]
    return python


def _run(line: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(line, env=environment(), capture_output=True, text=True, check=False)
