"""A process that is killed at any moment loses no answer that it has given, and leaves a valid store."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from resolver.local_hub import HubOptions, LocalHub
from store.maintenance.verify import verify
from store.store import MetadataStore
from tests.hostile.damage import REGISTRY, ROUNDS, resolve_all
from tests.resolver.support import bert_row, catalog_of, code_of, environment

COUNT = 2_000
"""Repos: more than are answered before the process is killed."""

WORKER = """
import asyncio, sys
from resolver.resolver import Resolver
from resolver.settings import Settings

async def main():
    endpoint, store, start, count = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    ids = [f"org/model-{(start + number) % count}" for number in range(count)]
    settings = Settings(endpoint=endpoint, store=store, token=False, offline=False, refresh=True)
    async with Resolver(settings) as resolver:
        async for answer in resolver.resolve_many(ids):
            print(answer.repo_id, flush=True)

asyncio.run(main())
"""


async def kill_and_check(path: Path, kills: range) -> None:
    """Kill a worker after some answers, then look for all of its answers in the store, offline."""
    rows = [bert_row(f"org/model-{number}", sha=f"{number + 1:040x}") for number in range(COUNT)]
    async with LocalHub(catalog_of(*rows), HubOptions()) as hub:
        for seed in kills:
            chosen = random.Random(seed)
            arguments = [hub.endpoint, str(path), str(chosen.randrange(COUNT)), str(COUNT)]
            answered = await _run_and_kill(arguments, chosen.randrange(1, 400))
            assert answered
            kept = await resolve_all(hub, path, answered, offline=True)
            assert [item.repo_id for item in kept] == answered and not any(map(code_of, kept)), seed
    async with MetadataStore(path) as store:
        assert (await verify(store, REGISTRY)).problems == []


async def _run_and_kill(arguments: list[str], answers_before: int) -> list[str]:
    """The ids that a worker answered before it was killed: at least so many, unless it ended before."""
    worker = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", WORKER, *arguments), stdout=subprocess.PIPE, env=environment()
    )
    assert worker.stdout is not None
    lines = [await worker.stdout.readline() for _ in range(answers_before)]
    os.kill(worker.pid, signal.SIGKILL)
    rest = await worker.stdout.read()
    await worker.wait()
    printed = b"".join(lines) + rest
    # The last line may be half a line.
    return printed.decode().split("\n")[:-1]


async def test_a_killed_process_keeps_what_it_has_answered(tmp_path: Path) -> None:
    await kill_and_check(tmp_path / "store.sqlite3", range(2))


@pytest.mark.slow
async def test_a_hundred_killed_processes_keep_what_they_have_answered(tmp_path: Path) -> None:
    await kill_and_check(tmp_path / "store.sqlite3", range(2, 2 + 100 * ROUNDS))
