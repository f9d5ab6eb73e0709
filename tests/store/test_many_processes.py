"""Many processes on one store: nothing lost, nothing torn, whatever ends them."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from resolver.local_hub import start_process
from store.maintenance.verify import verify
from store.store import MetadataStore
from tests.resolver.support import bert_row, command
from tests.store.support import DECISION, ROOT, RULES, recall_one

PROCESSES, REPOS = 8, 2_000


@pytest.mark.slow
async def test_eight_processes_with_two_thousand_repos_each_lose_nothing_and_fetch_nothing_twice(
    tmp_path: Path,
) -> None:
    store, rows = tmp_path / "store.sqlite3", tmp_path / "rows.jsonl"
    # The same repos for all, each process in an order of its own; no two of one author, so that none are listed.
    ids = [f"org{number}/m" for number in range(REPOS)]
    rows.write_text("\n".join(json.dumps(bert_row(repo_id)) for repo_id in ids))
    with start_process(jsonl=rows) as hub:

        async def work(number: int) -> tuple[int | None, list[str], str]:
            file = tmp_path / f"ids{number}"
            file.write_text("\n".join(random.Random(number).sample(ids, REPOS)))
            arguments = ("resolve", "--file", file, "--format", "jsonl", "--endpoint", hub.endpoint, "--store", store)
            line, environment = command(*arguments)
            pipe = asyncio.subprocess.PIPE
            process = await asyncio.create_subprocess_exec(*line, env=environment, stdout=pipe, stderr=pipe)
            out, said = await process.communicate()
            return process.returncode, out.decode().splitlines(), said.decode()

        done = await asyncio.gather(*(work(number) for number in range(PROCESSES)))
    for code, answers, said in done:
        assert (code, len(answers)) == (0, REPOS), said
        assert "locked" not in said and "not remembered" not in said and "damaged" not in said
        # The summary tells how many requests were sent: one for a repo and one for its config, in two hops, at most.
        sent = said.split("requests: ")[1]
        assert int(sent.split(" api")[0]) <= REPOS, sent
    async with MetadataStore(store) as opened:
        info = await opened.info()
        assert (info.refs, info.facts) == (REPOS, REPOS)
        found = await verify(opened, rules_id=RULES.rules_id, decide=lambda *_: DECISION)
        assert found.problems == []


WRITES = """
import asyncio, sys
sys.path.insert(0, {root!r})
from store.store import MetadataStore
from tests.store.support import record

async def main(start):
    async with MetadataStore({location!r}) as store:
        print("open", flush=True)
        for number in range(start, start + 100_000):
            await store.put([record(f"org/k{{number}}-{{i}}") for i in range(20)])
            print(number, flush=True)

asyncio.run(main(int(sys.argv[1])))
"""


@pytest.mark.slow
async def test_a_writer_killed_fifty_times_leaves_a_store_that_verifies_with_all_it_said_it_stored(
    location: str,
) -> None:
    script, chance, said = WRITES.format(root=str(ROOT), location=location), random.Random(1), list[int]()
    async with MetadataStore(location) as store:
        for round_ in range(50):
            command_line = [sys.executable, "-c", script, str(round_ * 1_000_000)]
            with subprocess.Popen(command_line, stdout=subprocess.PIPE, text=True) as writer:
                assert writer.stdout is not None
                # In the middle of a write: at no particular point of it.
                lines = [writer.stdout.readline() for _ in range(1 + chance.randrange(4))]
                await asyncio.sleep(chance.random() * 0.02)
                os.kill(writer.pid, signal.SIGKILL)
                lines += writer.stdout.readlines()
            said += [int(line) for line in lines[1:] if line.endswith("\n")]
            found = await verify(store, rules_id=RULES.rules_id, decide=lambda *_: DECISION)
            assert found.problems == []
        assert len(said) > 50
        for number in said:
            first, last = await recall_one(store, f"org/k{number}-0"), await recall_one(store, f"org/k{number}-19")
            assert first is not None and last is not None
