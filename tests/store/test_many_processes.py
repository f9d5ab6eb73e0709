"""Many processes on one store: no record is lost or stored in part, even when processes are killed."""

from __future__ import annotations

import asyncio
import json
import os
import random
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from registry.defaults import default_registry
from resolver.local_hub import start_process
from store.maintenance.verify import verify
from store.store import MetadataStore
from tests.resolver.support import bert_row, command
from tests.store.support import REGISTRY, ROOT, recall_one

PROCESSES, REPOS = 8, 2_000


@pytest.mark.slow
async def test_eight_processes_with_two_thousand_repos_each_lose_nothing_and_fetch_nothing_twice(
    tmp_path: Path,
) -> None:
    store, rows = tmp_path / "store.sqlite3", tmp_path / "rows.jsonl"
    # Each process resolves the same repos in another order; each repo has its own author, so that none are listed.
    ids = [f"org{number}/m" for number in range(REPOS)]
    rows.write_text("\n".join(json.dumps(bert_row(repo_id)) for repo_id in ids))
    with start_process(jsonl=rows) as hub:

        async def work(number: int) -> tuple[int | None, list[str], str]:
            file = tmp_path / f"ids{number}"
            file.write_text("\n".join(random.Random(number).sample(ids, REPOS)))
            arguments = ("resolve", "--file", file, "--format", "jsonl", "--endpoint", hub.endpoint, "--store", store)
            command_line, environment = command(*arguments)
            pipe = asyncio.subprocess.PIPE
            process = await asyncio.create_subprocess_exec(*command_line, env=environment, stdout=pipe, stderr=pipe)
            stdout, stderr = await process.communicate()
            return process.returncode, stdout.decode().splitlines(), stderr.decode()

        results = await asyncio.gather(*(work(number) for number in range(PROCESSES)))
    for code, lines, stderr in results:
        assert (code, len(lines)) == (0, REPOS), stderr
        assert "locked" not in stderr and "not stored" not in stderr and "damaged" not in stderr
        # The summary has the number of requests: at most one for a repo, and two hops for its config.
        requests = " ".join(stderr.split()).split("requests: ")[1]
        (sent,) = re.findall(r"([\d,]+) API", requests)
        assert int(sent.replace(",", "")) <= REPOS, requests
    async with MetadataStore(store) as opened:
        info = await opened.get_info()
        assert (info.refs, info.facts) == (REPOS, REPOS)
        report = await verify(opened, default_registry())
        assert report.problems == []


WRITE_FOREVER = """
import asyncio, sys
sys.path.insert(0, {root!r})
from store.store import MetadataStore
from tests.store.support import make_record

async def main(start):
    async with MetadataStore({location!r}) as store:
        print("open", flush=True)
        for number in range(start, start + 100_000):
            await store.put([make_record(f"org/k{{number}}-{{i}}") for i in range(20)])
            print(number, flush=True)

asyncio.run(main(int(sys.argv[1])))
"""


@pytest.mark.slow
async def test_a_writer_killed_fifty_times_leaves_a_store_that_verifies_with_every_committed_record(
    location: str,
) -> None:
    script, chance, committed = WRITE_FOREVER.format(root=str(ROOT), location=location), random.Random(1), list[int]()
    async with MetadataStore(location) as store:
        for round_ in range(50):
            command_line = [sys.executable, "-c", script, str(round_ * 1_000_000)]
            with subprocess.Popen(command_line, stdout=subprocess.PIPE, text=True) as writer:
                assert writer.stdout is not None
                # Killed at a random point of a write.
                lines = [writer.stdout.readline() for _ in range(1 + chance.randrange(4))]
                await asyncio.sleep(chance.random() * 0.02)
                os.kill(writer.pid, signal.SIGKILL)
                lines += writer.stdout.readlines()
            committed += [int(line) for line in lines[1:] if line.endswith("\n")]
            report = await verify(store, REGISTRY)
            assert report.problems == []
        assert len(committed) > 50
        for number in committed:
            first, last = await recall_one(store, f"org/k{number}-0"), await recall_one(store, f"org/k{number}-19")
            assert first is not None and last is not None
