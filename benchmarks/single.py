"""Measures rates of warm `await resolver.resolve(id)` calls and of `resolve(id)`, next to bare database reads.

    python benchmarks/single.py [--repos 5000] [--rounds 3] [--store URL] [--json FILE]

`in process`: repos in the answer cache of this process. `through the database`: repos that are in the store only, one
at a time, and by 64 tasks at once. `without await`: the same by `resolver.resolve(id)`, with its resolver open; `time
per awaited call` is how many times as long such a call takes as the awaited one. Peers: a `SELECT` by key, one at a
time, with aiosqlite on the same file, and with sqlite3 without asyncio. Rates are the best of the rounds; `ratio` is
hubresolve's rate divided by the peer's. No requests are sent.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import platform
import sqlite3
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import aiosqlite
from msgspec.structs import replace

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from registry.defaults import default_registry
from resolver import Resolver, Settings, blocking, resolve
from store.keys import PUBLIC, DecisionKey, compute_ref_key
from store.store import MetadataStore
from tests.store.support import HUB, make_record

TASKS = 64
SELECT = "SELECT * FROM refs LEFT JOIN decisions USING (facts_id, hints_id) WHERE key = ?"


async def fill_store(location: str, ids: list[str]) -> None:
    decision_key, now_s = DecisionKey(default_registry().digest()), int(time.time())
    async with MetadataStore(location) as store:
        for start in range(0, len(ids), 1000):
            records = [make_record(repo_id, checked_at_s=now_s) for repo_id in ids[start : start + 1000]]
            await store.put([replace(record, decision_key=decision_key) for record in records])


async def measure_in_process(settings: Settings, ids: list[str]) -> float:
    async with Resolver(settings) as resolver:
        for repo_id in ids:
            await resolver.resolve(repo_id)
        started_s = time.perf_counter()
        for repo_id in ids:
            await resolver.resolve(repo_id)
        return time.perf_counter() - started_s


async def measure_store(settings: Settings, ids: list[str]) -> float:
    async with Resolver(settings) as resolver:
        started_s = time.perf_counter()
        for repo_id in ids:
            await resolver.resolve(repo_id)
        return time.perf_counter() - started_s


async def measure_store_concurrently(settings: Settings, ids: list[str]) -> float:
    async with Resolver(settings) as resolver:

        async def resolve_all(repo_ids: list[str]) -> None:
            for repo_id in repo_ids:
                await resolver.resolve(repo_id)

        started_s = time.perf_counter()
        await asyncio.gather(*(resolve_all(ids[number::TASKS]) for number in range(TASKS)))
        return time.perf_counter() - started_s


def measure_blocking(settings: Settings, ids: list[str], *, in_process: bool) -> float:
    """Without await, after the resolver was opened."""
    for repo_id in ids if in_process else ids[:1]:
        resolve(repo_id, settings=settings)
    started_s = time.perf_counter()
    for repo_id in ids:
        resolve(repo_id, settings=settings)
    duration_s = time.perf_counter() - started_s
    blocking.close()
    return duration_s


async def measure_aiosqlite(path: str, ids: list[str]) -> float:
    async with aiosqlite.connect(path) as connection:
        started_s = time.perf_counter()
        for repo_id in ids:
            await connection.execute_fetchall(SELECT, [compute_ref_key(HUB, PUBLIC, repo_id, "main")])
        return time.perf_counter() - started_s


async def measure_sqlite(path: str, ids: list[str]) -> float:
    connection = sqlite3.connect(path)
    started_s = time.perf_counter()
    for repo_id in ids:
        connection.execute(SELECT, [compute_ref_key(HUB, PUBLIC, repo_id, "main")]).fetchall()
    duration_s = time.perf_counter() - started_s
    connection.close()
    return duration_s


async def compute_best_rate(rounds: int, count: int, measure: Callable[[], Awaitable[float]]) -> float:
    return count / min([await measure() for _ in range(rounds)])


async def run_benchmark(repos: int, rounds: int, location: str | None) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        store_location = location or str(Path(folder) / "store.sqlite3")
        ids = [f"org{number}/model" for number in range(repos)]
        await fill_store(store_location, ids)
        settings = Settings(endpoint=HUB, store=store_location, token=False)
        measurements: dict[str, Callable[[], Awaitable[float]]] = {
            "in process": lambda: measure_in_process(settings, ids),
            "through the database": lambda: measure_store(settings, ids),
            f"through the database, {TASKS} at once": lambda: measure_store_concurrently(settings, ids),
        }

        async def measure_without_await(in_process: bool) -> float:
            return measure_blocking(settings, ids, in_process=in_process)

        measurements["without await, in process"] = lambda: measure_without_await(True)
        measurements["without await, through the database"] = lambda: measure_without_await(False)
        rates = {name: await compute_best_rate(rounds, repos, measure) for name, measure in measurements.items()}
        peers: dict[str, float] = {}
        if location is None:
            peers["aiosqlite"] = await compute_best_rate(rounds, repos, lambda: measure_aiosqlite(store_location, ids))
            peers["sqlite3"] = await compute_best_rate(rounds, repos, lambda: measure_sqlite(store_location, ids))
    return {
        "machine": {
            "system": platform.platform(),
            "python": platform.python_version(),
            "store": store_location.split(":")[0],
        },
        "versions": {name: version(name) for name in ("hubresolve", "sqlalchemy", "aiosqlite")},
        "repos": repos,
        "rounds": rounds,
        "requests": 0,
        "repos_per_s": {name: round(rate) for name, rate in rates.items()},
        "peers_per_s": {name: round(rate) for name, rate in peers.items()},
        "time per awaited call": {
            place: round(rates[place] / rates[f"without await, {place}"], 2)
            for place in ("in process", "through the database")
        },
        "ratio": {
            f"{name} / {peer}": round(rate / peer_rate, 2)
            for name, rate in rates.items()
            for peer, peer_rate in peers.items()
        },
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repos", type=int, default=5_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--store", help="an empty PostgreSQL database instead of a SQLite file")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    result = asyncio.run(run_benchmark(arguments.repos, arguments.rounds, arguments.store))
    text = json.dumps(result, indent=2)
    print(text)
    if arguments.json:
        arguments.json.write_text(text + "\n", "utf-8")


if __name__ == "__main__":
    main()
