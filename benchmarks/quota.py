"""Measures many repos under a Hub's quota: time, requests, and refused requests.

    python benchmarks/quota.py [--repos 1000] [--quota 200] [--window 10] [--json FILE]

A local Hub with a quota of API requests serves synthetic repos. hubresolve and, in 32 threads, `HfApi.model_info`
request them by id; the best possible time is the length of all windows but the last. Then hubresolve requests repos of
a few authors by id, and fetches the listings of these authors instead.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from http import HTTPStatus
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from huggingface_hub import HfApi
from huggingface_hub.errors import HfHubHTTPError

from resolver import Failure, Resolver, Settings
from resolver.hub.pacing.quota_pacer import QuotaPacer, SentRequest
from resolver.local_hub import Catalog, HubOptions, LocalHub, repos_from_rows, synthetic

THREADS = 32
AUTHORS, LISTED_REPOS = 20, 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotaRun:
    """One run. `sent_empty` are requests that were sent although the last response had shown an exhausted quota; None
    where this is not measured. `best_s` is the least time that the quota allows, in seconds.
    """

    what: str
    repos: int
    answered: int
    api: int
    resolvers: int
    refused: int
    sent_empty: int | None
    seconds: float
    best_s: float | None


@contextmanager
def record_sent_empty() -> Iterator[list[int]]:
    """A context that records, for each request sent under an exhausted quota, how many requests were left."""
    left_when_sent: list[int] = []
    record_sent = QuotaPacer.record_sent

    def record_checked(self: QuotaPacer, now_s: float) -> SentRequest:
        if self.left is not None and self.left < self.cost and now_s < self.resets_at_s:
            left_when_sent.append(self.left)
        return record_sent(self, now_s)

    QuotaPacer.record_sent = record_checked  # type: ignore[method-assign]
    try:
        yield left_when_sent
    finally:
        QuotaPacer.record_sent = record_sent  # type: ignore[method-assign]


async def measure_resolver(
    what: str, hub: LocalHub, ids: Sequence[str], folder: Path, best_s: float | None
) -> QuotaRun:
    settings = Settings(endpoint=hub.endpoint, token=False, lean=True, store=folder / f"{len(ids)}.db")
    hub.reset_counts()
    started_s = time.perf_counter()
    with record_sent_empty() as sent_empty:
        async with Resolver(settings) as resolver:
            answers = [answer async for answer in resolver.resolve_many(ids, ordered=False)]
    answered = sum(not isinstance(answer, Failure) for answer in answers)
    return build_run(what, hub, len(ids), answered, time.perf_counter() - started_s, best_s, len(sent_empty))


async def measure_threads(hub: LocalHub, ids: Sequence[str], best_s: float) -> QuotaRun:
    api = HfApi(endpoint=hub.endpoint, token=False)

    def fetch(repo_id: str) -> bool:
        try:
            return api.model_info(repo_id).id == repo_id
        except HfHubHTTPError:
            return False

    def fetch_all() -> int:
        with ThreadPoolExecutor(THREADS) as pool:
            return sum(pool.map(fetch, ids))

    hub.reset_counts()
    started_s = time.perf_counter()
    answered = await asyncio.to_thread(fetch_all)
    return build_run(
        f"HfApi, {THREADS} threads", hub, len(ids), answered, time.perf_counter() - started_s, best_s, None
    )


def build_run(
    what: str, hub: LocalHub, repos: int, answered: int, seconds: float, best_s: float | None, sent_empty: int | None
) -> QuotaRun:
    return QuotaRun(
        what=what,
        repos=repos,
        answered=answered,
        api=hub.count.bucket["api"],
        resolvers=hub.count.bucket["resolvers"],
        refused=hub.count.status[HTTPStatus.TOO_MANY_REQUESTS],
        sent_empty=sent_empty,
        seconds=seconds,
        best_s=best_s,
    )


async def measure_all(options: argparse.Namespace, folder: Path) -> AsyncIterator[QuotaRun]:
    # One repo for each author, so that no listing is used.
    catalog = Catalog(repos_from_rows(synthetic(options.repos, options.repos)))
    ids = [repo.id for repo in catalog]
    best_s = (options.repos - 1) // options.quota * options.window
    quota = HubOptions(quota_api=options.quota, window_s=options.window)
    async with LocalHub(catalog, quota) as hub:
        yield await measure_resolver("one by one", hub, ids, folder, best_s)
    async with LocalHub(catalog, quota) as hub:
        yield await measure_threads(hub, ids, best_s)
    catalog = Catalog(repos_from_rows(synthetic(LISTED_REPOS, AUTHORS)))
    async with LocalHub(catalog) as hub:
        yield await measure_resolver(f"of {AUTHORS} authors", hub, [repo.id for repo in catalog], folder, None)


async def run_benchmark(options: argparse.Namespace) -> None:
    runs = []
    print(f"{'':20} {'repos':>6} {'answered':>8} {'api':>6} {'files':>6} {'429':>5} {'empty':>5} {'s':>6} {'best':>6}")
    with tempfile.TemporaryDirectory() as folder:
        async for run in measure_all(options, Path(folder)):
            runs.append(run)
            empty = "" if run.sent_empty is None else str(run.sent_empty)
            best = "" if run.best_s is None else f"{run.best_s:.0f}"
            print(
                f"{run.what:20} {run.repos:6} {run.answered:8} {run.api:6} {run.resolvers:6} {run.refused:5} "
                f"{empty:>5} {run.seconds:6.1f} {best:>6}",
                flush=True,
            )
    if options.json is not None:
        options.json.write_text(json.dumps([asdict(run) for run in runs], indent=1) + "\n", "utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--repos", type=int, default=1_000)
    parser.add_argument("--quota", type=int, default=200)
    parser.add_argument("--window", type=float, default=10.0)
    parser.add_argument("--json", type=Path)
    asyncio.run(run_benchmark(parser.parse_args()))


if __name__ == "__main__":
    main()
