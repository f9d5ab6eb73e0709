"""Runs the command in a process of its own and tells how much memory it took."""

from __future__ import annotations

import os
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.resolver.support import command

MAX_MEMORY_BYTES = 300 * 1000 * 1000
"""What no run may take, whatever a Hub, a folder or a line of input holds."""


@dataclass(frozen=True, kw_only=True)
class Done:
    """A run that has ended. `peak_bytes`: the most memory that the process had."""

    returncode: int
    stdout: bytes
    stderr: str
    peak_bytes: int


def run_measured(*arguments: str | Path, stdin: Path | None = None, **environment: str) -> Done:
    """The command, run to its end, with a file as standard input."""
    line, env = command(*arguments, **environment)
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err, open(stdin or os.devnull, "rb") as given:
        process = subprocess.Popen(line, env=env, stdin=given, stdout=out, stderr=err)
        # wait4, unlike getrusage, is about this process alone.
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        done = Done(
            returncode=process.returncode,
            stdout=out.read(),
            stderr=err.read().decode("utf-8", "replace"),
            peak_bytes=usage.ru_maxrss * 1024,
        )
    assert "Traceback" not in done.stderr, done.stderr
    return done
