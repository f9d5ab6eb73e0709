"""One repo after the other, warm: rates of `await resolver.resolve(id)`, beside what it stands on.

    python benchmarks/single.py [--repos 5000] [--rounds 3] [--store URL] [--json FILE]

`in process`: repos that this process has seen. `through the database`: repos that another process has stored, one at a
time, and by 64 tasks at once. Beside them a bare `SELECT` by key, one at a time, with aiosqlite on the same file, and
sqlite3 without asyncio. Rates are the best of the rounds; `ratio` is ours to the peer's. No request is sent.
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
from resolver import Resolver, Settings
from store.keys import PUBLIC, DecisionKey, ref_key
from store.store import MetadataStore
from tests.store.support import HUB, record

TASKS = 64
SELECT = "SELECT * FROM refs LEFT JOIN decisions USING (facts_id, hints_id) WHERE key = ?"


async def fill(location: str, ids: list[str]) -> None:
    rules, now_s = DecisionKey(default_registry().digest()), int(time.time())
    async with MetadataStore(location) as store:
        for start in range(0, len(ids), 1000):
            some = [record(repo_id, checked_at_s=now_s) for repo_id in ids[start : start + 1000]]
            await store.put([replace(item, decision_key=rules) for item in some])


async def in_process(settings: Settings, ids: list[str]) -> float:
    async with Resolver(settings) as resolver:
        for repo_id in ids:
            await resolver.resolve(repo_id)
        started_s = time.perf_counter()
        for repo_id in ids:
            await resolver.resolve(repo_id)
        return time.perf_counter() - started_s


async def through_database(settings: Settings, ids: list[str]) -> float:
    async with Resolver(settings) as resolver:
        started_s = time.perf_counter()
        for repo_id in ids:
            await resolver.resolve(repo_id)
        return time.perf_counter() - started_s


async def through_database_at_once(settings: Settings, ids: list[str]) -> float:
    async with Resolver(settings) as resolver:

        async def work(some: list[str]) -> None:
            for repo_id in some:
                await resolver.resolve(repo_id)

        started_s = time.perf_counter()
        await asyncio.gather(*(work(ids[number::TASKS]) for number in range(TASKS)))
        return time.perf_counter() - started_s


async def bare_aiosqlite(path: str, ids: list[str]) -> float:
    async with aiosqlite.connect(path) as connection:
        started_s = time.perf_counter()
        for repo_id in ids:
            await connection.execute_fetchall(SELECT, [ref_key(HUB, PUBLIC, repo_id, "main")])
        return time.perf_counter() - started_s


async def bare_sqlite(path: str, ids: list[str]) -> float:
    connection = sqlite3.connect(path)
    started_s = time.perf_counter()
    for repo_id in ids:
        connection.execute(SELECT, [ref_key(HUB, PUBLIC, repo_id, "main")]).fetchall()
    taken_s = time.perf_counter() - started_s
    connection.close()
    return taken_s


async def best(rounds: int, count: int, measure: Callable[[], Awaitable[float]]) -> float:
    return count / min([await measure() for _ in range(rounds)])


async def run(repos: int, rounds: int, location: str | None) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        place = location or str(Path(folder) / "store.sqlite3")
        ids = [f"org{number}/model" for number in range(repos)]
        await fill(place, ids)
        settings = Settings(endpoint=HUB, store=place, token=False)
        ours: dict[str, Callable[[], Awaitable[float]]] = {
            "in process": lambda: in_process(settings, ids),
            "through the database": lambda: through_database(settings, ids),
            f"through the database, {TASKS} at once": lambda: through_database_at_once(settings, ids),
        }
        rates = {name: await best(rounds, repos, measure) for name, measure in ours.items()}
        peers: dict[str, float] = {}
        if location is None:
            peers["aiosqlite"] = await best(rounds, repos, lambda: bare_aiosqlite(place, ids))
            peers["sqlite3"] = await best(rounds, repos, lambda: bare_sqlite(place, ids))
    return {
        "machine": {"system": platform.platform(), "python": platform.python_version(), "store": place.split(":")[0]},
        "versions": {name: version(name) for name in ("hubresolve", "sqlalchemy", "aiosqlite")},
        "repos": repos,
        "rounds": rounds,
        "requests": 0,
        "repos_per_s": {name: round(rate) for name, rate in rates.items()},
        "peers_per_s": {name: round(rate) for name, rate in peers.items()},
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
    result = asyncio.run(run(arguments.repos, arguments.rounds, arguments.store))
    text = json.dumps(result, indent=2)
    print(text)
    if arguments.json:
        arguments.json.write_text(text + "\n", "utf-8")


if __name__ == "__main__":
    main()
