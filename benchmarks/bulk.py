"""Many repos: requests, rates and memory, beside what a user would write instead, in one run on one machine.

    python benchmarks/bulk.py [--repos 2000] [--latency-ms 0 --latency-ms 20] [--json FILE]

A local Hub of its own process serves synthetic repos. Rates are repos a second of wall time; `ratio` is ours to the
peer's. Peers: bare aiohttp sends the same requests and reads the bodies, no more; a thread pool of 32 calls
`HfApi.model_info`; bare sqlite3 reads the same rows by the same keys.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import platform
import resource
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

import aiohttp
from huggingface_hub import HfApi

from resolver import Failure, Resolver, Settings, listing
from resolver.hub.urls import file_url, model_info_url
from resolver.local_hub import start_process
from store.keys import PUBLIC, ref_key

CONCURRENCY = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One measurement. `peer_rate` is None where there is nothing to compare with."""

    what: str
    latency_ms: float
    repos: int
    rate: float
    api_per_repo: float
    resolvers_per_repo: float
    peer: str = ""
    peer_rate: float | None = None

    @property
    def ratio(self) -> float | None:
        return self.rate / self.peer_rate if self.peer_rate else None


async def ours(settings: Settings, ids: Sequence[str], *, by_author: bool = False) -> tuple[float, dict[str, int]]:
    """Repos a second, and requests by bucket; authors are listed only with `by_author`, to compare like with like."""
    listing.WORTH_LISTING, kept = listing.WORTH_LISTING if by_author else sys.maxsize, listing.WORTH_LISTING
    try:
        async with Resolver(settings) as resolver:
            started_s = time.perf_counter()
            failed = 0
            async for answer in resolver.resolve_many(ids):
                failed += isinstance(answer, Failure)
            if failed:
                raise SystemExit(f"{failed} of {len(ids)} repos failed; the figures would mean nothing")
            return len(ids) / (time.perf_counter() - started_s), resolver.requests
    finally:
        listing.WORTH_LISTING = kept


async def bare_aiohttp(endpoint: str, ids: Sequence[str], *, files: bool) -> float:
    """Model info of each repo, and with `files` its config.json at the same time, by a pool of workers."""
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=2 * CONCURRENCY)) as session:

        async def get(url: str) -> None:
            async with session.get(url) as response:
                await response.read()

        waiting = iter(ids)

        async def work() -> None:
            for name in waiting:
                urls = [model_info_url(endpoint, name, "main")]
                if files:
                    urls.append(file_url(endpoint, name, "main", "config.json"))
                await asyncio.gather(*map(get, urls))

        started_s = time.perf_counter()
        await asyncio.gather(*(work() for _ in range(CONCURRENCY)))
        return len(ids) / (time.perf_counter() - started_s)


def thread_pool(endpoint: str, ids: Sequence[str]) -> float:
    api = HfApi(endpoint=endpoint, token=False)
    started_s = time.perf_counter()
    with ThreadPoolExecutor(CONCURRENCY) as pool:
        for _ in pool.map(api.model_info, ids):
            pass
    return len(ids) / (time.perf_counter() - started_s)


def bare_sqlite(path: Path, endpoint: str, ids: Sequence[str]) -> float:
    """The rows that a warm look-up reads, a thousand a query."""
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


async def list_all(settings: Settings) -> tuple[list[str], float, dict[str, int]]:
    async with Resolver(settings) as resolver:
        started_s = time.perf_counter()
        ids = [answer.repo_id async for answer in resolver.resolve_listing()]
        return ids, len(ids) / (time.perf_counter() - started_s), resolver.requests


def measure(latency_ms: float, repos: int, folder: Path) -> Iterable[Row]:
    with start_process(synthetic=repos, latency_ms=latency_ms) as hub:

        def settings(name: str, *, lean: bool = False, refresh: bool = False, offline: bool = False) -> Settings:
            return Settings(
                endpoint=hub.endpoint,
                token=False,
                store=folder / f"{name}-{latency_ms}.db",
                lean=lean,
                refresh=refresh,
                offline=offline,
            )

        def row(what: str, rate: float, sent: dict[str, int], peer: str = "", peer_rate: float | None = None) -> Row:
            return Row(
                what=what,
                latency_ms=latency_ms,
                repos=len(ids),
                rate=rate,
                api_per_repo=sent.get("api", 0) / len(ids),
                resolvers_per_repo=sent.get("resolvers", 0) / len(ids),
                peer=peer,
                peer_rate=peer_rate,
            )

        ids, rate, sent = asyncio.run(list_all(settings("listed")))
        yield row("listing", rate, sent)
        rate, sent = asyncio.run(ours(settings("eager"), ids))
        yield row("cold, eager", rate, sent, "aiohttp", asyncio.run(bare_aiohttp(hub.endpoint, ids, files=True)))
        rate, sent = asyncio.run(ours(settings("lean", lean=True), ids))
        yield row("cold, lean", rate, sent, "aiohttp", asyncio.run(bare_aiohttp(hub.endpoint, ids, files=False)))
        yield row("cold, lean", rate, sent, "HfApi, 32 threads", thread_pool(hub.endpoint, ids))
        rate, sent = asyncio.run(ours(settings("by-author"), ids, by_author=True))
        yield row("cold, by author", rate, sent)
        rate, sent = asyncio.run(ours(settings("lean", refresh=True, lean=True), ids))
        yield row("stale, unchanged", rate, sent)
        rate, sent = asyncio.run(ours(settings("eager"), ids))
        peer_rate = bare_sqlite(folder / f"eager-{latency_ms}.db", hub.endpoint, ids)
        yield row("warm", rate, sent, "sqlite3", peer_rate)
        rate, sent = asyncio.run(ours(settings("eager", offline=True), ids))
        yield row("warm, offline", rate, sent, "sqlite3", peer_rate)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--repos", type=int, default=2_000)
    parser.add_argument("--latency-ms", type=float, action="append")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    rows = []
    print(f"{'':18} {'ms':>4} {'repos/s':>9} {'api':>6} {'files':>6}  ratio to")
    with tempfile.TemporaryDirectory() as folder:
        for latency_ms in options.latency_ms or (0.0, 20.0):
            for row in measure(latency_ms, options.repos, Path(folder)):
                rows.append(row)
                ratio = f"{row.ratio:.2f}  {row.peer}" if row.ratio is not None else ""
                cost = f"{row.api_per_repo:6.3f} {row.resolvers_per_repo:6.3f}"
                print(f"{row.what:18} {row.latency_ms:4.0f} {row.rate:9.0f} {cost}  {ratio}", flush=True)
        size_bytes = (Path(folder) / f"listed-{rows[0].latency_ms}.db").stat().st_size
    peak_bytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(
        f"store, of listed repos: {size_bytes / options.repos:.0f} bytes a repo; peak memory {peak_bytes / 1e6:.0f} MB"
    )
    if options.json is not None:
        report = {
            "machine": {"python": platform.python_version(), "system": platform.platform()},
            "versions": {name: version(name) for name in ("hubresolve", "aiohttp", "huggingface_hub", "SQLAlchemy")},
            "rows": [{**asdict(row), "ratio": row.ratio} for row in rows],
            "bytes_per_listed_repo": size_bytes / options.repos,
            "peak_memory_bytes": peak_bytes,
        }
        options.json.write_text(json.dumps(report, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
