"""Measures requests, rates and memory for many repos, next to other clients, in one run on one machine.

    python benchmarks/bulk.py [--repos 2000] [--latency-ms 0 --latency-ms 20] [--peer-python P] [--json FILE]
    python benchmarks/bulk.py --repos 200000 --large [--json FILE]

A local Hub in another process serves synthetic repos. Rates are repos per second of wall time; `ratio` is hubresolve's
rate divided by the peer's. Peers: bare aiohttp sends the same requests, reads the bodies and does nothing else; a pool
of 32 threads calls `HfApi.model_info`; bare sqlite3 reads the same rows by the same keys; TasksManager runs in a loop
and in 32 threads, with `--peer-python`, a Python that has optimum. `--large` measures listings and the store only.
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

from benchmarks.bulk_peers import (
    CONCURRENCY,
    measure_aiohttp,
    measure_hf_api,
    measure_sqlite,
    measure_tasks_manager,
    record_requests,
)
from resolver import Failure, Resolver, Settings
from resolver.limits import Limits
from resolver.local_hub import HubProcess, start_process
from resolver.lookup.author_listings import ListingLimits

LOOP_REPOS, POOL_REPOS = 24, 256
"""Repos for TasksManager in a loop and in threads; it takes about a second for each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """One line of the report. `what` names the measurement; `peer_rate` is None where there is no peer."""

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
class RunResult:
    """The figures of one run of hubresolve. `peak_bytes` is the peak memory of its process."""

    repos: int
    seconds: float
    requests: dict[str, int]
    peak_bytes: int

    @property
    def rate(self) -> float:
        return self.repos / self.seconds


def run_in_process(function: object, *arguments: object) -> RunResult:
    """The result of a function in a new process, so that its peak memory is measured alone."""
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        result: RunResult = pool.apply(function, arguments)  # type: ignore[arg-type]
        return result


def read_peak_bytes() -> int:
    # Linux counts in kibibytes, macOS in bytes.
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def resolve_ids(settings: Settings, ids_path: Path, by_author: bool = False) -> RunResult:
    """The figures of resolving the ids of a file, one in each line.

    Listings of authors are used only with `by_author`, since the peers do not use them.
    """
    return asyncio.run(_resolve_ids(settings, ids_path, by_author))


async def _resolve_ids(settings: Settings, ids_path: Path, by_author: bool) -> RunResult:
    listings = ListingLimits() if by_author else ListingLimits(min_repos=sys.maxsize)
    done = failed = 0
    async with Resolver(settings, limits=Limits(listings=listings)) as resolver:
        with ids_path.open(encoding="utf-8") as lines:
            started_s = time.perf_counter()
            async for answer in resolver.resolve_many(line.rstrip() for line in lines):
                done += 1
                failed += isinstance(answer, Failure)
            seconds = time.perf_counter() - started_s
        if failed:
            raise SystemExit(f"{failed} of {done} repos failed, so the figures would be wrong")
        return RunResult(repos=done, seconds=seconds, requests=resolver.requests, peak_bytes=read_peak_bytes())


def list_repos(settings: Settings, tag: str | None, ids_path: Path | None = None) -> RunResult:
    """The figures of resolving all repos that the Hub lists (with a tag); writes their ids to a file."""
    return asyncio.run(_list_repos(settings, tag, ids_path))


async def _list_repos(settings: Settings, tag: str | None, ids_path: Path | None) -> RunResult:
    count = 0
    with (ids_path or Path(os.devnull)).open("w", encoding="utf-8") as lines:
        async with Resolver(settings) as resolver:
            started_s = time.perf_counter()
            async for answer in resolver.resolve_listing(filter=tag):
                lines.write(f"{answer.repo_id}\n")
                count += 1
            seconds = time.perf_counter() - started_s
            return RunResult(repos=count, seconds=seconds, requests=resolver.requests, peak_bytes=read_peak_bytes())


class LatencyBenchmark:
    """The measurements at one latency, against one local Hub."""

    def __init__(self, hub: HubProcess, folder: Path, latency_ms: float) -> None:
        self.hub = hub
        self.folder = folder
        self.latency_ms = latency_ms
        self.ids_path = folder / f"ids-{latency_ms}.txt"

    def get_store_path(self, name: str) -> Path:
        return self.folder / f"{name}-{self.latency_ms}.db"

    def build_settings(
        self, name: str, *, lean: bool = False, refresh: bool = False, offline: bool = False
    ) -> Settings:
        return Settings(
            endpoint=self.hub.endpoint,
            token=False,
            store=self.get_store_path(name),
            lean=lean,
            refresh=refresh,
            offline=offline,
            concurrency=CONCURRENCY,
        )

    def build_measurement(
        self, what: str, run: RunResult, peer: str = "", peer_rate: float | None = None
    ) -> Measurement:
        return Measurement(
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

    def measure_listings(self) -> Iterable[Measurement]:
        run = run_in_process(list_repos, self.build_settings("listed"), None, self.ids_path)
        yield self.build_measurement("listing", run)
        # Pages settle all repos with this tag; for some of the others, a file is fetched too.
        run = run_in_process(list_repos, self.build_settings("listed-transformers"), "transformers")
        yield self.build_measurement("listing, transformers", run)

    def measure_ids(self, peer_python: Path | None) -> Iterable[Measurement]:
        ids = self.ids_path.read_text("utf-8").split()
        lean_run = None
        for what, is_lean in (("cold, eager", False), ("cold, lean", True)):
            with record_requests() as requests:
                resolve_ids(self.build_settings(f"recorded-{is_lean}", lean=is_lean), self.ids_path)
            peer_s = asyncio.run(measure_aiohttp(requests))
            run = run_in_process(resolve_ids, self.build_settings(f"cold-{is_lean}", lean=is_lean), self.ids_path)
            yield self.build_measurement(what, run, "aiohttp", len(ids) / peer_s)
            lean_run = run
        assert lean_run is not None
        peer_rate = measure_hf_api(self.hub.endpoint, ids)
        yield self.build_measurement("cold, lean", lean_run, "HfApi, 32 threads", peer_rate)
        if peer_python is not None:
            for peer, threads, count in (("TasksManager", 1, LOOP_REPOS), ("TasksManager, 32 threads", 32, POOL_REPOS)):
                peer_rate = measure_tasks_manager(peer_python, self.hub.endpoint, ids[:count], threads=threads)
                yield self.build_measurement("cold, lean", lean_run, peer, peer_rate)
        run = run_in_process(resolve_ids, self.build_settings("by-author"), self.ids_path, True)
        yield self.build_measurement("cold, by author", run)
        stale = self.build_settings("cold-True", lean=True, refresh=True)
        yield self.build_measurement("stale, unchanged", run_in_process(resolve_ids, stale, self.ids_path))

    def measure_warm(self) -> Iterable[Measurement]:
        ids = self.ids_path.read_text("utf-8").split()
        peer_rate = measure_sqlite(self.get_store_path("listed"), self.hub.endpoint, ids)
        run = run_in_process(resolve_ids, self.build_settings("listed"), self.ids_path)
        yield self.build_measurement("warm", run, "sqlite3", peer_rate)
        run = run_in_process(resolve_ids, self.build_settings("listed", offline=True), self.ids_path)
        yield self.build_measurement("warm, offline", run, "sqlite3", peer_rate)


def measure_all(options: argparse.Namespace, folder: Path) -> Iterator[Measurement]:
    for latency_ms in options.latency_ms or ((0.0,) if options.large else (0.0, 20.0, 100.0)):
        with start_process(synthetic=options.repos, latency_ms=latency_ms) as hub:
            benchmark = LatencyBenchmark(hub, folder, latency_ms)
            yield from benchmark.measure_listings()
            if not options.large:
                yield from benchmark.measure_ids(options.peer_python)
            yield from benchmark.measure_warm()


def build_report(rows: Sequence[Measurement], bytes_per_repo: float) -> dict[str, object]:
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
        for row in measure_all(options, Path(folder)):
            rows.append(row)
            ratio = f"{row.ratio:.2f}  {row.peer}" if row.ratio is not None else ""
            cost = f"{row.api_per_repo:6.3f} {row.resolvers_per_repo:6.3f} {row.peak_bytes / 1e6:5.0f}"
            print(f"{row.what:22} {row.latency_ms:4.0f} {row.rate:9.0f} {cost}  {ratio}", flush=True)
        bytes_per_repo = (Path(folder) / f"listed-{rows[0].latency_ms}.db").stat().st_size / options.repos
    print(f"store, of listed repos: {bytes_per_repo:.0f} bytes a repo")
    if options.json is not None:
        options.json.write_text(json.dumps(build_report(rows, bytes_per_repo), indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
