"""What a user would write instead of `bulk.py`'s runs: aiohttp, `HfApi` in threads, sqlite3, TasksManager."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import aiohttp
from huggingface_hub import HfApi
from yarl import URL

from resolver.hub.response import Bucket
from resolver.hub.transport import Transport
from store.keys import PUBLIC, ref_key

CONCURRENCY = 64
THREADS = 32
TASKS_MANAGER = Path(__file__).with_name("bulk_tasks_manager.py")

Requests = Mapping[Bucket, Sequence[str]]
"""URLs asked for, in order, by the quota they count for."""


@contextmanager
def requests_noted() -> Iterator[Requests]:
    """The requests that hubresolve sends inside the block, for a peer to send them too."""
    noted: dict[Bucket, list[str]] = {bucket: [] for bucket in Bucket}
    send = Transport.send

    def noting(self: Transport, url: URL, bucket: Bucket, *rest: Any) -> Any:
        noted[bucket].append(str(url))
        return send(self, url, bucket, *rest)

    Transport.send = noting  # type: ignore[method-assign,assignment]
    try:
        yield noted
    finally:
        Transport.send = send  # type: ignore[method-assign]


async def bare_aiohttp(requests: Requests) -> float:
    """Seconds that bare aiohttp takes for the same requests, bodies read and thrown away, with as many at a time."""
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=2 * CONCURRENCY)) as session:

        async def work(waiting: Iterator[str]) -> None:
            for url in waiting:
                async with session.get(url) as response:
                    await response.read()

        started_s = time.perf_counter()
        queues = [iter(urls) for urls in requests.values()]
        await asyncio.gather(*(work(queue) for queue in queues for _ in range(CONCURRENCY)))
        return time.perf_counter() - started_s


def thread_pool(endpoint: str, ids: Sequence[str]) -> float:
    """Repos a second of `HfApi.model_info`, which asks for less than a decision needs."""
    api = HfApi(endpoint=endpoint, token=False)
    started_s = time.perf_counter()
    with ThreadPoolExecutor(THREADS) as pool:
        for _ in pool.map(api.model_info, ids):
            pass
    return len(ids) / (time.perf_counter() - started_s)


def bare_sqlite(path: Path, endpoint: str, ids: Sequence[str]) -> float:
    """Repos a second of reading the rows that a warm look-up reads, a thousand a query."""
    query = (
        "SELECT refs.*, decisions.body FROM json_each(?) JOIN refs ON refs.key = json_each.value "
        "LEFT JOIN decisions ON decisions.facts_id = refs.facts_id AND decisions.hints_id = refs.hints_id"
    )
    connection = sqlite3.connect(path)
    started_s = time.perf_counter()
    for start in range(0, len(ids), 1_000):
        keys = [ref_key(endpoint, PUBLIC, name, "main") for name in ids[start : start + 1_000]]
        connection.execute(query, (str(keys),)).fetchall()
    rate = len(ids) / (time.perf_counter() - started_s)
    connection.close()
    return rate


def tasks_manager(python: Path, endpoint: str, ids: Sequence[str], *, threads: int) -> float:
    """Repos a second of optimum's TasksManager, in its own environment, in a loop or a pool of threads."""
    done = subprocess.run(
        [python, TASKS_MANAGER, str(threads)],
        input=json.dumps(ids),
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "HF_ENDPOINT": endpoint, "HF_HUB_DISABLE_PROGRESS_BARS": "1"},
    )
    answer: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    if answer["answered"] < len(ids) / 2:
        raise SystemExit(
            f"TasksManager answered only {answer['answered']} of {len(ids)}; the figures would mean nothing"
        )
    return answer["rate"]
