"""Measures answers under both of a Hub's quotas: model info alone, and with facts from files beside (`--partial`).

    python benchmarks/both_buckets.py [--repos 5000] [--api 100] [--files 500] [--window 5] [--windows 6]
        [--corpus FILE] [--json FILE]

A local Hub with a quota of API requests and one of file requests serves unrelated repos: synthetic ones, or those of
a JSONL file, repeated under other ids. Each run is measured for a number of windows: what counts is how many repos are
answered in one. `hops` says whether the redirected request for a small file counts against the quota too. At the end
all partial answers are compared with the complete ones, from a Hub without quotas.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import aclosing
from dataclasses import asdict, dataclass, replace
from http import HTTPStatus
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from resolver import Failure, Resolution, Resolver, Settings
from resolver.limits import Limits
from resolver.local_hub import Catalog, HubOptions, LocalHub, read_jsonl, repos_from_rows, synthetic
from resolver.lookup.author_listings import ListingLimits

LIMITS = Limits(listings=ListingLimits(min_repos=sys.maxsize))
"""Unrelated repos: no listing of an author helps."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BucketRun:
    """One run. `per_window` are answers in a window, `same` the partial answers that are the same as the complete ones
    in library, task and class.
    """

    what: str
    hops: str
    answered: int
    failed: int
    partial: int
    same: int
    api: int
    resolvers: int
    refused: int
    seconds: float
    per_window: float


def build_catalog(count: int, corpus: Path | None) -> Catalog:
    """Repos of which no two have the same author."""
    if corpus is None:
        return Catalog(repos_from_rows(synthetic(count, count)))
    rows = list(read_jsonl(corpus))
    return Catalog(replace(rows[n % len(rows)], id=f"author{n}/repo", author=None) for n in range(count))


async def measure(
    what: str, hub: LocalHub, ids: Sequence[str], store: Path, seconds: float, *, partial: bool, lean: bool
) -> tuple[list[Resolution], BucketRun]:
    """The answers of a run that is ended after so many seconds, and its figures."""
    settings = Settings(endpoint=hub.endpoint, token=False, store=store, partial=partial, lean=lean)
    answers: list[Resolution] = []
    failed = 0
    started_s = time.perf_counter()
    async with Resolver(settings, limits=LIMITS) as resolver:
        async with aclosing(resolver.resolve_many(ids, ordered=False)) as items:
            try:
                async with asyncio.timeout(seconds):
                    async for answer in items:
                        if isinstance(answer, Failure):
                            failed += 1
                        else:
                            answers.append(answer)
            except TimeoutError:
                pass
    elapsed_s = min(time.perf_counter() - started_s, seconds)
    return answers, BucketRun(
        what=what,
        hops="counted" if hub.options.meter_resolve_cache else "free",
        answered=len(answers),
        failed=failed,
        partial=sum(bool(answer.partial) for answer in answers),
        same=0,
        api=hub.count.bucket["api"],
        resolvers=hub.count.bucket["resolvers"],
        refused=hub.count.status[HTTPStatus.TOO_MANY_REQUESTS],
        seconds=elapsed_s,
        per_window=len(answers) / elapsed_s * hub.options.window_s,
    )


async def count_same(catalog: Catalog, answers: Sequence[Resolution], store: Path) -> int:
    """How many partial answers are the same as the complete ones."""
    partial = {answer.repo_id: answer for answer in answers if answer.partial}
    async with LocalHub(catalog) as hub:
        async with Resolver(Settings(endpoint=hub.endpoint, token=False, store=store), limits=LIMITS) as resolver:
            complete = [item async for item in resolver.resolve_many(list(partial))]
    return sum(
        isinstance(item, Resolution)
        and (item.library, item.task, item.model_class)
        == ((other := partial[item.repo_id]).library, other.task, other.model_class)
        for item in complete
    )


async def run_benchmark(options: argparse.Namespace) -> None:
    catalog = build_catalog(options.repos, options.corpus)
    ids = [repo.id for repo in catalog]
    runs = []
    print(f"{'':10} {'hops':8} {'answers':>7} {'partial':>7} {'same':>6} {'429':>4} {'a window':>8} {'ratio':>6}")
    with tempfile.TemporaryDirectory() as folder:
        for run in await measure_all(options, catalog, ids, Path(folder)):
            runs.append(run)
    if options.json is not None:
        options.json.write_text(json.dumps([asdict(run) for run in runs], indent=1) + "\n", "utf-8")


def list_kinds() -> Iterator[tuple[str, bool, bool]]:
    """Name, partial and lean of each run."""
    yield "complete", False, False
    yield "lean", False, True
    yield "partial", True, False


async def measure_all(
    options: argparse.Namespace, catalog: Catalog, ids: Sequence[str], folder: Path
) -> list[BucketRun]:
    runs = []
    for are_counted in (False, True):
        best = 0.0
        for what, partial, lean in list_kinds():
            hub_options = HubOptions(
                quota_api=options.api,
                quota_resolvers=options.files,
                window_s=options.window,
                meter_resolve_cache=are_counted,
            )
            store = folder / f"{what}-{are_counted}.db"
            async with LocalHub(catalog, hub_options) as hub:
                seconds = options.window * options.windows
                answers, run = await measure(what, hub, ids, store, seconds, partial=partial, lean=lean)
            if partial:
                run = replace(run, same=await count_same(catalog, answers, folder / f"whole-{are_counted}.db"))
            else:
                best = max(best, run.per_window)
            same = f"{run.same / run.partial:.1%}" if run.partial else ""
            ratio = f"{run.per_window / best:.2f}" if partial else ""
            print(
                f"{run.what:10} {run.hops:8} {run.answered:7} {run.partial:7} {same:>6} {run.refused:4} "
                f"{run.per_window:8.0f} {ratio:>6}",
                flush=True,
            )
            runs.append(run)
    return runs


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--repos", type=int, default=5_000)
    parser.add_argument("--api", type=int, default=100)
    parser.add_argument("--files", type=int, default=500)
    parser.add_argument("--window", type=float, default=5.0)
    parser.add_argument("--windows", type=int, default=6)
    parser.add_argument("--corpus", type=Path)
    parser.add_argument("--json", type=Path)
    asyncio.run(run_benchmark(parser.parse_args()))


if __name__ == "__main__":
    main()
