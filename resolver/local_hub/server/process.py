"""Runs the local Hub in another process, for benchmarks and tests that must not share an event loop with it."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

from resolver.local_hub.errors import HubProcessError

_ROOT: Final = Path(__file__).resolve().parents[3]
_STOP_TIMEOUT_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class HubProcess:
    """A running server. `endpoint` is a value for `HF_ENDPOINT`."""

    endpoint: str
    pid: int

    def counts(self) -> dict[str, Any]:
        """The counters of the server; this request is not counted and uses no quota."""
        with urllib.request.urlopen(f"{self.endpoint}/-/counts", timeout=10) as response:
            counts: dict[str, Any] = msgspec.json.decode(response.read())
        return counts


@contextlib.contextmanager
def start_process(
    *,
    jsonl: str | Path | None = None,
    folder: str | Path | None = None,
    synthetic: int | None = None,
    port: int = 0,
    latency_ms: float = 0.0,
    quota_api: int | None = None,
    quota_resolvers: int | None = None,
    window_s: float | None = None,
    extra: tuple[str, ...] = (),
) -> Iterator[HubProcess]:
    """A context in which `python -m resolver.local_hub` runs with these options; `extra` are further arguments.

    Raises:
        HubProcessError: the server ended before it printed its endpoint; its message is on stderr.
    """
    flags: tuple[tuple[str, object], ...] = (
        ("--jsonl", jsonl),
        ("--folder", folder),
        ("--synthetic", synthetic),
        ("--port", port),
        ("--latency-ms", latency_ms),
        ("--quota-api", quota_api),
        ("--quota-resolvers", quota_resolvers),
        ("--window", window_s),
    )
    arguments = [text for name, value in flags if value is not None for text in (name, str(value))]
    paths = [str(_ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    process = subprocess.Popen(
        [sys.executable, "-m", "resolver.local_hub", "--quiet", *arguments, *extra],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
    )
    try:
        endpoint = process.stdout.readline().strip() if process.stdout is not None else ""
        if not endpoint:
            raise HubProcessError(f"the local Hub did not start (exit code {process.wait(_STOP_TIMEOUT_S)})")
        yield HubProcess(endpoint, process.pid)
    finally:
        process.terminate()
        try:
            process.wait(_STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()
