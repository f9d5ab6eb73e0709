"""Many repos: requests, rates and memory, beside what a user would write instead, in one run on one machine.

    python benchmarks/bulk.py [--repos 2000] [--latency-ms 0 --latency-ms 20] [--peer-python P] [--json FILE]
    python benchmarks/bulk.py --repos 200000 --large [--json FILE]

A local Hub of its own process serves synthetic repos. Rates are repos a second of wall time; `ratio` is ours to the
peer's. Peers: bare aiohttp sends the very requests that we sent, reads the bodies, and does no more; a thread pool of
32 calls `HfApi.model_info`; bare sqlite3 reads the same rows by the same keys; with `--peer-python`, a Python that has
optimum, its TasksManager in a loop and in a pool of 32 threads. `--large` leaves out what asks for repos one by one.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import os
import platform
import resource
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.bulk_peers import CONCURRENCY, bare_aiohttp, bare_sqlite, requests_noted, tasks_manager, thread_pool
from resolver import Failure, Resolver, Settings
from resolver.local_hub import HubProcess, start_process
from resolver.lookup import listing

LOOPED, POOLED = 24, 256
"""Repos that TasksManager is given, which takes about a second for one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One measurement. `peer_rate` is None where there is nothing to compare with."""

    what: str
    latency_ms: float
    repos: int
    rate: float
    api_per_repo: float
    resolvers_per_repo: float
    peak_bytes: int
    peer: str = ""
    peer_rate: float | None = None

    @property
    def ratio(self) -> float | None:
        return self.rate / self.peer_rate if self.peer_rate else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """How a run of ours went. `peak_bytes` is the most memory its process held."""

    repos: int
    seconds: float
    requests: dict[str, int]
    peak_bytes: int

    @property
    def rate(self) -> float:
        return self.repos / self.seconds


def in_process(work: object, *arguments: object) -> Run:
    """`work` in a process of its own, so that its memory is its own."""
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        run: Run = pool.apply(work, arguments)  # type: ignore[arg-type]
        return run


def peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def resolve_ids(settings: Settings, ids: Path, by_author: bool = False) -> Run:
    """Resolves the ids of a file, one a line; authors are listed only with `by_author`, to compare like with like."""
    return asyncio.run(_resolve_ids(settings, ids, by_author))


async def _resolve_ids(settings: Settings, ids: Path, by_author: bool) -> Run:
    kept, listing.WORTH_LISTING = listing.WORTH_LISTING, listing.WORTH_LISTING if by_author else sys.maxsize
    done = failed = 0
    try:
        async with Resolver(settings) as resolver:
            with ids.open(encoding="utf-8") as lines:
                started_s = time.perf_counter()
                async for answer in resolver.resolve_many(line.rstrip() for line in lines):
                    done += 1
                    failed += isinstance(answer, Failure)
                seconds = time.perf_counter() - started_s
            if failed:
                raise SystemExit(f"{failed} of {done} repos failed; the figures would mean nothing")
            return Run(repos=done, seconds=seconds, requests=resolver.requests, peak_bytes=peak_bytes())
    finally:
        listing.WORTH_LISTING = kept


def list_repos(settings: Settings, tag: str | None, ids: Path | None = None) -> Run:
    """Resolves all repos that the Hub lists (with a tag), and writes their ids to a file."""
    return asyncio.run(_list_repos(settings, tag, ids))


async def _list_repos(settings: Settings, tag: str | None, ids: Path | None) -> Run:
    count = 0
    with (ids or Path(os.devnull)).open("w", encoding="utf-8") as lines:
        async with Resolver(settings) as resolver:
            started_s = time.perf_counter()
            async for answer in resolver.resolve_listing(filter=tag):
                lines.write(f"{answer.repo_id}\n")
                count += 1
            seconds = time.perf_counter() - started_s
            return Run(repos=count, seconds=seconds, requests=resolver.requests, peak_bytes=peak_bytes())


class Measuring:
    """The rows of one latency, against one Hub."""

    def __init__(self, hub: HubProcess, folder: Path, latency_ms: float) -> None:
        self.hub = hub
        self.folder = folder
        self.latency_ms = latency_ms
        self.ids = folder / f"ids-{latency_ms}.txt"

    def store(self, name: str) -> Path:
        return self.folder / f"{name}-{self.latency_ms}.db"

    def settings(self, name: str, *, lean: bool = False, refresh: bool = False, offline: bool = False) -> Settings:
        return Settings(
            endpoint=self.hub.endpoint,
            token=False,
            store=self.store(name),
            lean=lean,
            refresh=refresh,
            offline=offline,
            concurrency=CONCURRENCY,
        )

    def row(self, what: str, run: Run, peer: str = "", peer_rate: float | None = None) -> Row:
        return Row(
            what=what,
            latency_ms=self.latency_ms,
            repos=run.repos,
            rate=run.rate,
            api_per_repo=run.requests.get("api", 0) / run.repos,
            resolvers_per_repo=run.requests.get("resolvers", 0) / run.repos,
            peak_bytes=run.peak_bytes,
            peer=peer,
            peer_rate=peer_rate,
        )

    def listings(self) -> Iterable[Row]:
        yield self.row("listing", in_process(list_repos, self.settings("listed"), None, self.ids))
        # Of these a page tells all; of others a file is read as well.
        yield self.row("listing, transformers", in_process(list_repos, self.settings("some"), "transformers"))

    def one_by_one(self, peer_python: Path | None) -> Iterable[Row]:
        names = self.ids.read_text("utf-8").split()
        lean = None
        for what, is_lean in (("cold, eager", False), ("cold, lean", True)):
            with requests_noted() as requests:
                resolve_ids(self.settings(f"noted-{is_lean}", lean=is_lean), self.ids)
            peer_s = asyncio.run(bare_aiohttp(requests))
            run = in_process(resolve_ids, self.settings(f"cold-{is_lean}", lean=is_lean), self.ids)
            yield self.row(what, run, "aiohttp", len(names) / peer_s)
            lean = run
        assert lean is not None
        yield self.row("cold, lean", lean, "HfApi, 32 threads", thread_pool(self.hub.endpoint, names))
        if peer_python is not None:
            for peer, threads, count in (("TasksManager", 1, LOOPED), ("TasksManager, 32 threads", 32, POOLED)):
                peer_rate = tasks_manager(peer_python, self.hub.endpoint, names[:count], threads=threads)
                yield self.row("cold, lean", lean, peer, peer_rate)
        yield self.row("cold, by author", in_process(resolve_ids, self.settings("by-author"), self.ids, True))
        again = self.settings("cold-True", lean=True, refresh=True)
        yield self.row("stale, unchanged", in_process(resolve_ids, again, self.ids))

    def warm(self) -> Iterable[Row]:
        names = self.ids.read_text("utf-8").split()
        peer_rate = bare_sqlite(self.store("listed"), self.hub.endpoint, names)
        run = in_process(resolve_ids, self.settings("listed"), self.ids)
        yield self.row("warm", run, "sqlite3", peer_rate)
        run = in_process(resolve_ids, self.settings("listed", offline=True), self.ids)
        yield self.row("warm, offline", run, "sqlite3", peer_rate)


def measure(options: argparse.Namespace, folder: Path) -> Iterator[Row]:
    for latency_ms in options.latency_ms or ((0.0,) if options.large else (0.0, 20.0, 100.0)):
        with start_process(synthetic=options.repos, latency_ms=latency_ms) as hub:
            measuring = Measuring(hub, folder, latency_ms)
            yield from measuring.listings()
            if not options.large:
                yield from measuring.one_by_one(options.peer_python)
            yield from measuring.warm()


def report(rows: Sequence[Row], bytes_per_repo: float) -> dict[str, object]:
    return {
        "machine": {"python": platform.python_version(), "system": platform.platform()},
        "versions": {name: version(name) for name in ("hubresolve", "aiohttp", "huggingface_hub", "SQLAlchemy")},
        "rows": [{**asdict(row), "ratio": row.ratio} for row in rows],
        "store_bytes_per_listed_repo": bytes_per_repo,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--repos", type=int, default=2_000)
    parser.add_argument("--latency-ms", type=float, action="append")
    parser.add_argument("--large", action="store_true")
    parser.add_argument("--peer-python", type=Path)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    rows = []
    print(f"{'':22} {'ms':>4} {'repos/s':>9} {'api':>6} {'files':>6} {'MB':>5}  ratio to")
    with tempfile.TemporaryDirectory() as folder:
        for row in measure(options, Path(folder)):
            rows.append(row)
            ratio = f"{row.ratio:.2f}  {row.peer}" if row.ratio is not None else ""
            cost = f"{row.api_per_repo:6.3f} {row.resolvers_per_repo:6.3f} {row.peak_bytes / 1e6:5.0f}"
            print(f"{row.what:22} {row.latency_ms:4.0f} {row.rate:9.0f} {cost}  {ratio}", flush=True)
        bytes_per_repo = (Path(folder) / f"listed-{rows[0].latency_ms}.db").stat().st_size / options.repos
    print(f"store, of listed repos: {bytes_per_repo:.0f} bytes a repo")
    if options.json is not None:
        options.json.write_text(json.dumps(report(rows, bytes_per_repo), indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
