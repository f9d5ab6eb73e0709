"""Measures many processes on one store: one quota for all, each repo requested once, and PostgreSQL beside SQLite.

    python benchmarks/fleet.py [--workers 8] [--repos 1000] [--quota 200] [--window 10] [--json FILE]
    python benchmarks/fleet.py --only quota|same|cost|connections [--rounds 3]

`quota`: processes with one token share the repos and the quota; `over` is the time by the least time that the quota
allows, `refused` the part of the requests that the Hub refused. `same`: all processes resolve the same repos. `cost`:
one process resolves repos of a Hub that is 20 ms away, with a SQLite file and with PostgreSQL, in turns; `ratio` is
PostgreSQL's time divided by SQLite's. `connections`: the most connections that workers have open to PostgreSQL.

Every worker is a process of its own, whose start is not counted. PostgreSQL is started as for the tests.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import asyncpg

from resolver import Failure, Resolver, Settings
from resolver.local_hub import Catalog, HubOptions, LocalHub, repos_from_rows, start_process, synthetic
from tests.store import postgres

TOKEN = "hf_fleet"
ROOT = Path(__file__).resolve().parent.parent
SAME_WORKERS, SAME_REPOS = 4, 600
COST_REPOS, COST_LATENCY_MS = 3_000, 20.0
CONNECTED_WORKERS, CONNECTED_REPOS = 20, 1_000

Row = dict[str, Any]


class Run(NamedTuple):
    """How long all workers took together, and how many repos failed."""

    seconds: float
    failed: int


def build_catalog(repos: int) -> Catalog:
    # One repo for each author, so that no listing is used.
    return Catalog(repos_from_rows(synthetic(repos, repos)))


class Worker:
    """A process that resolves repos with the library. It begins when it is told to: the start of Python and the imports
    are none of what is measured.
    """

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def wait_until_ready(self) -> None:
        assert self._process.stdout is not None
        if await self._process.stdout.readline() != b"ready\n":
            raise SystemExit("a worker did not start; its message is above")

    async def run(self) -> int:
        """How many repos it answered."""
        answered, _ = await self._process.communicate(b"go\n")
        return int(answered or -1)


async def run_workers(endpoint: str, store: str, parts: Sequence[Sequence[str]], token: str = TOKEN) -> Run:
    """Resolve each of `parts` in a process of its own, all at the same time."""
    workers = []
    for part in parts:
        task = json.dumps({"endpoint": endpoint, "store": store, "token": token, "ids": part})
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            sys.executable, __file__, "--worker", stdin=pipe, stdout=pipe, cwd=ROOT
        )
        assert process.stdin is not None
        process.stdin.write(task.encode() + b"\n")
        workers.append(Worker(process))
    for worker in workers:
        await worker.wait_until_ready()
    started_s = time.perf_counter()
    answered = await asyncio.gather(*(worker.run() for worker in workers))
    return Run(time.perf_counter() - started_s, sum(map(len, parts)) - sum(answered))


async def work() -> None:
    """What a worker does: read its task from standard input, and resolve the repos when the next line comes."""
    from resolver.hub import client

    assert client
    task = json.loads(sys.stdin.readline())
    settings = Settings(endpoint=task["endpoint"], store=task["store"], token=task["token"] or False, lean=True)
    async with Resolver(settings) as resolver:
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        answers = [answer async for answer in resolver.resolve_many(task["ids"], ordered=False)]
        answered = sum(not isinstance(answer, Failure) for answer in answers)
    print(answered, flush=True)


@contextlib.asynccontextmanager
async def open_store(kind: str, folder: Path, server: str) -> AsyncIterator[str]:
    """The location of an empty store of a kind: "sqlite" or "postgresql"."""
    if kind == "sqlite":
        with tempfile.TemporaryDirectory(dir=folder) as inner:
            yield str(Path(inner) / "store.sqlite3")
    else:
        async with postgres.create_database(server) as url:
            yield url


async def measure_quota(kind: str, options: argparse.Namespace, folder: Path, server: str, workers: int) -> Row:
    catalog = build_catalog(options.repos)
    ids = [repo.id for repo in catalog]
    limits = HubOptions(quota_api=options.quota, window_s=options.window, tokens={TOKEN: ("*",)})
    best_s = (options.repos - 1) // options.quota * options.window
    async with LocalHub(catalog, limits) as hub, open_store(kind, folder, server) as store:
        run = await run_workers(hub.endpoint, store, [ids[number::workers] for number in range(workers)])
        requests, refused = hub.count.bucket["api"], hub.count.status[HTTPStatus.TOO_MANY_REQUESTS]
    return {
        "what": f"quota, {kind}",
        "workers": workers,
        "repos": len(ids),
        "failed": run.failed,
        "requests": requests,
        "refused": round(refused / requests, 4),
        "seconds": round(run.seconds, 1),
        "over": round(run.seconds / best_s, 3),
    }


async def measure_same(kind: str, folder: Path, server: str) -> Row:
    catalog = build_catalog(SAME_REPOS)
    ids = [repo.id for repo in catalog]
    limits = HubOptions(tokens={TOKEN: ("*",)})
    async with (
        LocalHub(catalog, limits, latency_s=COST_LATENCY_MS / 1_000) as hub,
        open_store(kind, folder, server) as store,
    ):
        run = await run_workers(hub.endpoint, store, [ids] * SAME_WORKERS)
        return {
            "what": f"same, {kind}",
            "workers": SAME_WORKERS,
            "repos": len(ids),
            "failed": run.failed,
            "requests": hub.count.bucket["api"],
            "seconds": round(run.seconds, 1),
        }


async def measure_cost(options: argparse.Namespace, folder: Path, server: str) -> AsyncIterator[Row]:
    ids = [repo.id for repo in build_catalog(COST_REPOS)]
    seconds: dict[str, list[float]] = {"sqlite": [], "postgresql": []}
    with start_process(synthetic=COST_REPOS, latency_ms=COST_LATENCY_MS, extra=("--authors", str(COST_REPOS))) as hub:
        for _ in range(options.rounds):
            for kind, found in seconds.items():
                async with open_store(kind, folder, server) as store:
                    run = await run_workers(hub.endpoint, store, [ids], token="")
                    found.append(run.seconds)
                    if run.failed:
                        raise SystemExit(f"{run.failed} repos failed, so the figures would be wrong")
    for kind, found in seconds.items():
        yield {"what": f"cost, {kind}", "workers": 1, "repos": len(ids), "seconds": round(statistics.median(found), 2)}
    ratios = [ours / theirs for ours, theirs in zip(seconds["postgresql"], seconds["sqlite"], strict=True)]
    yield {"what": "cost", "ratio": round(statistics.median(ratios), 2)}


async def measure_connections(folder: Path, server: str) -> Row:
    catalog = build_catalog(CONNECTED_REPOS)
    ids = [repo.id for repo in catalog]
    most = 0

    async def watch(url: str) -> None:
        nonlocal most
        plain, _, name = url.replace("+asyncpg", "").rpartition("/")
        connection = await asyncpg.connect(f"{plain}/postgres")
        try:
            while True:
                query = "SELECT count(*) FROM pg_stat_activity WHERE datname = $1"
                most = max(most, await connection.fetchval(query, name))
                await asyncio.sleep(0.05)
        finally:
            await connection.close()

    limits = HubOptions(tokens={TOKEN: ("*",)})
    async with (
        LocalHub(catalog, limits, latency_s=COST_LATENCY_MS / 1_000) as hub,
        open_store("postgresql", folder, server) as store,
    ):
        watching = asyncio.create_task(watch(store))
        run = await run_workers(hub.endpoint, store, [ids] * CONNECTED_WORKERS)
        watching.cancel()
        await asyncio.wait([watching])
        return {
            "what": "connections",
            "workers": CONNECTED_WORKERS,
            "repos": len(ids),
            "failed": run.failed,
            "requests": hub.count.bucket["api"],
            "connections": most,
        }


async def measure_all(options: argparse.Namespace, folder: Path, server: str) -> AsyncIterator[Row]:
    kinds: Sequence[str] = ("sqlite", "postgresql")
    if options.only in (None, "quota"):
        for kind in kinds:
            for workers in dict.fromkeys((1, options.workers)):
                yield await measure_quota(kind, options, folder, server, workers)
    if options.only in (None, "same"):
        for kind in kinds:
            yield await measure_same(kind, folder, server)
    if options.only in (None, "cost"):
        async for row in measure_cost(options, folder, server):
            yield row
    if options.only in (None, "connections"):
        yield await measure_connections(folder, server)


async def run_benchmark(options: argparse.Namespace) -> None:
    rows = []
    with tempfile.TemporaryDirectory() as folder, run_postgres() as server:
        async for row in measure_all(options, Path(folder), server):
            rows.append(row)
            print("  ".join(f"{name} {value}" for name, value in row.items()), flush=True)
    if options.json is not None:
        options.json.write_text(json.dumps(rows, indent=1) + "\n", "utf-8")


@contextlib.contextmanager
def run_postgres() -> Iterator[str]:
    """A server with as many connections as PostgreSQL allows by default."""
    with postgres.run_server(max_connections=100) as server:
        yield server


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--workers", type=int, default=8)
    parser.add_argument("--repos", type=int, default=1_000)
    parser.add_argument("--quota", type=int, default=200)
    parser.add_argument("--window", type=float, default=10.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", choices=("quota", "same", "cost", "connections"))
    parser.add_argument("--json", type=Path)
    parser.add_argument("--worker", action="store_true", help="resolve what standard input says; for this benchmark")
    options = parser.parse_args()
    asyncio.run(work() if options.worker else run_benchmark(options))


if __name__ == "__main__":
    main()
