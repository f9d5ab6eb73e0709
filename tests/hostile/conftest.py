"""A store's path; and the memory of the campaign, which is measured during each of its tests."""

from __future__ import annotations

import re
import resource
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.hostile.measured import MAX_MEMORY_BYTES

STATUS, RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")
RESET_PEAK = "5"
"""What makes Linux forget the most memory that a process had (proc_pid_clear_refs(5))."""

MAX_OTHERS_BYTES = 100 * 1000 * 1000
"""More than this process has before the campaign: other tests that ran in it have left more."""


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """Where the store is to be."""
    return tmp_path / "store.sqlite3"


def read_memory(name: str) -> int:
    """Bytes of this process: "VmRSS", what it has, or "VmHWM", the most that it had; 0 where that is not known."""
    found = re.search(rf"{name}:\s*(\d+) kB", STATUS.read_text()) if STATUS.exists() else None
    return int(found[1]) * 1024 if found is not None else 0


def read_children_peak() -> int:
    """The most bytes that a process had which this one started and which has ended."""
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024


@pytest.fixture(autouse=True)
def memory(request: pytest.FixtureRequest) -> Iterator[None]:
    """Neither this process, which has the hostile Hub too, nor one that it starts takes more than is allowed.

    What earlier tests of other folders have left in this process is not the campaign's. A test marked `large_server`
    has a Hub here that sends a gigabyte at once; its client, which it measures, is another process.
    """
    with suppress(OSError):
        RESET.write_text(RESET_PEAK)
    others = max(0, read_memory("VmRSS") - MAX_OTHERS_BYTES)
    before = read_children_peak()
    yield
    if request.node.get_closest_marker("large_server") is None:
        assert read_memory("VmHWM") - others < MAX_MEMORY_BYTES
    # A new process begins with the memory of this one.
    after = read_children_peak()
    assert after == before or after - others < MAX_MEMORY_BYTES
