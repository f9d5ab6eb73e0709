"""Fetches the wheel of a release with the pip of this environment and its settings. Nothing is installed."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from registry.releases.update import ReleaseError


def fetch_wheels(requirements: Sequence[str], folder: Path) -> None:
    """Fetch the wheels of `requirements` ("transformers==5.25.0", or a name alone for the newest) into `folder`.

    Raises:
        ReleaseError: there is no pip, or it fails; the message has the last error that it writes.
    """
    if importlib.util.find_spec("pip") is None:
        raise ReleaseError(
            "this environment has no pip to fetch a release: fetch a wheel elsewhere, and give it with --from WHEEL"
        )
    options = ("--no-deps", "--only-binary", ":all:", "--no-input", "--disable-pip-version-check", "--quiet")
    command = [sys.executable, "-m", "pip", "download", *options, "--dest", str(folder), "--", *requirements]
    done = subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603 (names that were checked)
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        lines = [line for line in lines if line.startswith("ERROR")] or lines or ["it gives no reason"]
        raise ReleaseError(
            f"pip cannot fetch {', '.join(requirements)}: {lines[-1]}; or give a wheel with --from WHEEL"
        )
