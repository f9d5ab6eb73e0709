"""Runs Python in a process of its own and tells how much memory it took."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.resolver.support import ROOT, environment

MAX_MEMORY_BYTES = 300 * 1000 * 1000
"""What no run may take, whatever a Hub, a folder or a line of input holds."""

COMMAND = "resolver.__main__"

_RUN = """
import atexit, importlib, pathlib, re, sys
peak_file, module = sys.argv.pop(1), sys.argv.pop(1)
def write_peak():
    # VmHWM, unlike ru_maxrss, does not begin with what the parent process had.
    status = pathlib.Path("/proc/self/status")
    if status.exists():
        pathlib.Path(peak_file).write_text(re.search(r"VmHWM:\\s*(\\d+) kB", status.read_text())[1])
atexit.register(write_peak)
importlib.import_module(module).main()
"""


@dataclass(frozen=True, kw_only=True)
class Done:
    """A run that has ended. `peak_bytes`: the most memory that the process had, 0 where that cannot be known."""

    returncode: int
    stdout: bytes
    stderr: str
    peak_bytes: int


def run_measured(module: str, *arguments: str | Path, stdin: bytes | Path = b"", **more: str) -> Done:
    """`main()` of a module, run to its end; `more` are environment variables."""
    with tempfile.TemporaryDirectory() as folder:
        peak, given = Path(folder) / "peak", Path(folder) / "stdin"
        if isinstance(stdin, bytes):
            given.write_bytes(stdin)
        with (given if isinstance(stdin, bytes) else stdin).open("rb") as file:
            line = [sys.executable, "-c", _RUN, str(peak), module, *map(str, arguments)]
            done = subprocess.run(line, env=environment(**more), cwd=ROOT, stdin=file, capture_output=True, check=False)
        size_kb = int(peak.read_text()) if peak.exists() else 0
    stderr = done.stderr.decode("utf-8", "replace")
    return Done(returncode=done.returncode, stdout=done.stdout, stderr=stderr, peak_bytes=size_kb * 1024)
