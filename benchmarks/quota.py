"""Many repos under a Hub's quota: how long, how many requests, and how many of them are refused.

    python benchmarks/quota.py [--repos 1000] [--quota 200] [--window 10] [--json FILE]

A local Hub with a quota of API requests serves made-up repos. They are asked for one by one with hubresolve and, in 32
threads, with `HfApi.model_info`; the best time possible is that of the windows before the last one. Then repos of a few
authors are asked for by id, which hubresolve sees and lists.
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
AUTHORS, LISTED = 20, 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One run. `sent_empty` are requests that went out although the last answer had said that nothing was left; None
    where that cannot be seen. `best_s` is the least time that the quota allows, in seconds.
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
def sent_empty() -> Iterator[list[int]]:
    """Of each request sent inside the block although nothing was left of its quota: what was left."""
    found: list[int] = []
    record_sent = QuotaPacer.record_sent

    def noting(self: QuotaPacer, now_s: float) -> SentRequest:
        if self.left is not None and self.left < self.cost and now_s < self.resets_at_s:
            found.append(self.left)
        return record_sent(self, now_s)

    QuotaPacer.record_sent = noting  # type: ignore[method-assign]
    try:
        yield found
    finally:
        QuotaPacer.record_sent = record_sent  # type: ignore[method-assign]


async def ours(what: str, hub: LocalHub, ids: Sequence[str], folder: Path, best_s: float | None) -> Row:
    settings = Settings(endpoint=hub.endpoint, token=False, lean=True, store=folder / f"{len(ids)}.db")
    hub.reset_counts()
    started_s = time.perf_counter()
    with sent_empty() as empty:
        async with Resolver(settings) as resolver:
            answers = [answer async for answer in resolver.resolve_many(ids, ordered=False)]
    answered = sum(not isinstance(answer, Failure) for answer in answers)
    return row(what, hub, len(ids), answered, time.perf_counter() - started_s, best_s, len(empty))


async def threads(hub: LocalHub, ids: Sequence[str], best_s: float) -> Row:
    api = HfApi(endpoint=hub.endpoint, token=False)

    def ask(repo_id: str) -> bool:
        try:
            return api.model_info(repo_id).id == repo_id
        except HfHubHTTPError:
            return False

    def ask_all() -> int:
        with ThreadPoolExecutor(THREADS) as pool:
            return sum(pool.map(ask, ids))

    hub.reset_counts()
    started_s = time.perf_counter()
    answered = await asyncio.to_thread(ask_all)
    return row(f"HfApi, {THREADS} threads", hub, len(ids), answered, time.perf_counter() - started_s, best_s, None)


def row(
    what: str, hub: LocalHub, repos: int, answered: int, seconds: float, best_s: float | None, empty: int | None
) -> Row:
    return Row(
        what=what,
        repos=repos,
        answered=answered,
        api=hub.count.bucket["api"],
        resolvers=hub.count.bucket["resolvers"],
        refused=hub.count.status[HTTPStatus.TOO_MANY_REQUESTS],
        sent_empty=empty,
        seconds=seconds,
        best_s=best_s,
    )


async def measure(options: argparse.Namespace, folder: Path) -> AsyncIterator[Row]:
    # One repo an author: none is worth listing.
    catalog = Catalog(repos_from_rows(synthetic(options.repos, options.repos)))
    ids = [repo.id for repo in catalog]
    best_s = (options.repos - 1) // options.quota * options.window
    quota = HubOptions(quota_api=options.quota, window_s=options.window)
    async with LocalHub(catalog, quota) as hub:
        yield await ours("one by one", hub, ids, folder, best_s)
    async with LocalHub(catalog, quota) as hub:
        yield await threads(hub, ids, best_s)
    catalog = Catalog(repos_from_rows(synthetic(LISTED, AUTHORS)))
    async with LocalHub(catalog) as hub:
        yield await ours(f"of {AUTHORS} authors", hub, [repo.id for repo in catalog], folder, None)


async def run(options: argparse.Namespace) -> None:
    rows = []
    print(f"{'':20} {'repos':>6} {'answered':>8} {'api':>6} {'files':>6} {'429':>5} {'empty':>5} {'s':>6} {'best':>6}")
    with tempfile.TemporaryDirectory() as folder:
        async for item in measure(options, Path(folder)):
            rows.append(item)
            empty = "" if item.sent_empty is None else str(item.sent_empty)
            best = "" if item.best_s is None else f"{item.best_s:.0f}"
            print(
                f"{item.what:20} {item.repos:6} {item.answered:8} {item.api:6} {item.resolvers:6} {item.refused:5} "
                f"{empty:>5} {item.seconds:6.1f} {best:>6}",
                flush=True,
            )
    if options.json is not None:
        options.json.write_text(json.dumps([asdict(item) for item in rows], indent=1) + "\n", "utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--repos", type=int, default=1_000)
    parser.add_argument("--quota", type=int, default=200)
    parser.add_argument("--window", type=float, default=10.0)
    parser.add_argument("--json", type=Path)
    asyncio.run(run(parser.parse_args()))


if __name__ == "__main__":
    main()
