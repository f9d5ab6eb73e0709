"""Measures the peers of `bulk.py`: aiohttp, `HfApi` in threads, sqlite3 and TasksManager."""

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
from store.keys import PUBLIC, compute_ref_key

CONCURRENCY = 64
THREADS = 32
TASKS_MANAGER_SCRIPT = Path(__file__).with_name("bulk_tasks_manager.py")

Requests = Mapping[Bucket, Sequence[str]]
"""Requested URLs, in order, by the quota that they count against."""


@contextmanager
def record_requests() -> Iterator[Requests]:
    """A context that records the requests that hubresolve sends inside it."""
    requests: dict[Bucket, list[str]] = {bucket: [] for bucket in Bucket}
    send = Transport.send

    def send_recorded(self: Transport, url: URL, bucket: Bucket, *rest: Any) -> Any:
        requests[bucket].append(str(url))
        return send(self, url, bucket, *rest)

    Transport.send = send_recorded  # type: ignore[method-assign,assignment]
    try:
        yield requests
    finally:
        Transport.send = send  # type: ignore[method-assign]


async def measure_aiohttp(requests: Requests) -> float:
    """The seconds that bare aiohttp takes for the same requests at the same concurrency; it drops the bodies."""
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=2 * CONCURRENCY)) as session:

        async def fetch_all(urls: Iterator[str]) -> None:
            for url in urls:
                async with session.get(url) as response:
                    await response.read()

        started_s = time.perf_counter()
        queues = [iter(urls) for urls in requests.values()]
        await asyncio.gather(*(fetch_all(queue) for queue in queues for _ in range(CONCURRENCY)))
        return time.perf_counter() - started_s


def measure_hf_api(endpoint: str, ids: Sequence[str]) -> float:
    """Repos per second of `HfApi.model_info` in threads; its one request fetches less than a decision needs."""
    api = HfApi(endpoint=endpoint, token=False)
    started_s = time.perf_counter()
    with ThreadPoolExecutor(THREADS) as pool:
        for _ in pool.map(api.model_info, ids):
            pass
    return len(ids) / (time.perf_counter() - started_s)


def measure_sqlite(path: Path, endpoint: str, ids: Sequence[str]) -> float:
    """Repos per second of sqlite3 reading the rows that a warm look-up reads, 1,000 in each query."""
    query = (
        "SELECT refs.*, decisions.body FROM json_each(?) JOIN refs ON refs.key = json_each.value "
        "LEFT JOIN decisions ON decisions.facts_id = refs.facts_id AND decisions.hints_id = refs.hints_id"
    )
    connection = sqlite3.connect(path)
    started_s = time.perf_counter()
    for start in range(0, len(ids), 1_000):
        keys = [compute_ref_key(endpoint, PUBLIC, repo_id, "main") for repo_id in ids[start : start + 1_000]]
        connection.execute(query, (str(keys),)).fetchall()
    rate = len(ids) / (time.perf_counter() - started_s)
    connection.close()
    return rate


def measure_tasks_manager(python: Path, endpoint: str, ids: Sequence[str], *, threads: int) -> float:
    """Repos per second of optimum's TasksManager, in another Python, in a loop or in threads."""
    process = subprocess.run(
        [python, TASKS_MANAGER_SCRIPT, str(threads)],
        input=json.dumps(ids),
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "HF_ENDPOINT": endpoint, "HF_HUB_DISABLE_PROGRESS_BARS": "1"},
    )
    result: dict[str, float] = json.loads(process.stdout.splitlines()[-1])
    if result["answered"] < len(ids) / 2:
        raise SystemExit(f"TasksManager answered only {result['answered']} of {len(ids)}, so its rate would be wrong")
    return result["rate"]
