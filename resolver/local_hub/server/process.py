"""The local Hub in a process of its own, for benchmarks that must not share an event loop with it."""

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
_STOP_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class HubProcess:
    """A running server. `endpoint` is what `HF_ENDPOINT` takes."""

    endpoint: str
    pid: int

    def counts(self) -> dict[str, Any]:
        """The counters of the server so far; asking costs no quota and is not counted."""
        with urllib.request.urlopen(f"{self.endpoint}/-/counts", timeout=10) as answer:
            counts: dict[str, Any] = msgspec.json.decode(answer.read())
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
    """Run `python -m resolver.local_hub` with these settings until the block ends. `extra` are further arguments.

    Raises:
        HubProcessError: the server ended before it said where it listens; its message is on stderr.
    """
    given: tuple[tuple[str, object], ...] = (
        ("--jsonl", jsonl),
        ("--folder", folder),
        ("--synthetic", synthetic),
        ("--port", port),
        ("--latency-ms", latency_ms),
        ("--quota-api", quota_api),
        ("--quota-resolvers", quota_resolvers),
        ("--window", window_s),
    )
    arguments = [text for name, value in given if value is not None for text in (name, str(value))]
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
            raise HubProcessError(f"the local Hub did not start (exit code {process.wait(_STOP_S)})")
        yield HubProcess(endpoint, process.pid)
    finally:
        process.terminate()
        try:
            process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()
