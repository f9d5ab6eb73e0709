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
from contextlib import aclosing, suppress
from dataclasses import asdict, dataclass, replace
from http import HTTPStatus
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from resolver import Failure, Resolution, Resolver, Settings
from resolver.limits import Limits
from resolver.local_hub import HubProcess, start_process, synthetic
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


def build_rows(count: int, corpus: Path | None) -> list[dict[str, Any]]:
    """Rows of repos of which no two have the same author."""
    if corpus is None:
        return list(synthetic(count, count))
    rows = [json.loads(line) for line in corpus.read_text("utf-8").splitlines()]
    return [{**rows[number % len(rows)], "id": f"author{number}/repo", "author": None} for number in range(count)]


async def measure(
    what: str, hub: HubProcess, ids: Sequence[str], settings: Settings, options: argparse.Namespace, hops: str
) -> tuple[list[Resolution], BucketRun]:
    """The answers of a run that is ended after so many windows, and its figures."""
    answers: list[Resolution] = []
    failed, seconds = 0, options.window * options.windows
    started_s = time.perf_counter()
    async with Resolver(settings, limits=LIMITS) as resolver:
        async with aclosing(resolver.resolve_many(ids, ordered=False)) as items:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    async for answer in items:
                        if isinstance(answer, Failure):
                            failed += 1
                        else:
                            answers.append(answer)
            elapsed_s = time.perf_counter() - started_s
    counts = hub.counts()
    return answers, BucketRun(
        what=what,
        hops=hops,
        answered=len(answers),
        failed=failed,
        partial=sum(bool(answer.partial) for answer in answers),
        same=0,
        api=counts["bucket"].get("api", 0),
        resolvers=counts["bucket"].get("resolvers", 0),
        refused=counts["status"].get(str(HTTPStatus.TOO_MANY_REQUESTS.value), 0),
        seconds=elapsed_s,
        per_window=len(answers) / elapsed_s * options.window,
    )


async def count_same(endpoint: str, answers: Sequence[Resolution], store: Path) -> int:
    """How many partial answers are the same as the complete ones."""
    partial = {answer.repo_id: answer for answer in answers if answer.partial}
    async with Resolver(Settings(endpoint=endpoint, token=False, store=store), limits=LIMITS) as resolver:
        complete = [item async for item in resolver.resolve_many(list(partial))]
    return sum(
        isinstance(item, Resolution)
        and (item.library, item.task, item.model_class)
        == ((other := partial[item.repo_id]).library, other.task, other.model_class)
        for item in complete
    )


KINDS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("complete", {}),
    ("lean", {"lean": True}),
    ("partial", {"partial": True}),
)
"""Name and settings of each run; the last one is compared with the better one before it."""


def measure_all(options: argparse.Namespace, folder: Path) -> Iterator[tuple[BucketRun, float | None]]:
    """The runs, each with its ratio to the best one without `partial`."""
    rows = build_rows(options.repos, options.corpus)
    ids = [str(row["id"]) for row in rows]
    catalog = folder / "catalog.jsonl"
    catalog.write_text("".join(f"{json.dumps(row)}\n" for row in rows), "utf-8")
    for hops, extra in (("free", ("--free-redirects",)), ("counted", ())):
        best = 0.0
        for what, more in KINDS:
            with start_process(
                jsonl=catalog,
                quota_api=options.api,
                quota_resolvers=options.files,
                window_s=options.window,
                extra=extra,
            ) as hub:
                store = folder / f"{what}-{hops}.db"
                settings = Settings(endpoint=hub.endpoint, token=False, store=store, **more)
                answers, run = asyncio.run(measure(what, hub, ids, settings, options, hops))
            if "partial" not in more:
                best = max(best, run.per_window)
                yield run, None
                continue
            with start_process(jsonl=catalog) as hub:
                same = asyncio.run(count_same(hub.endpoint, answers, folder / f"whole-{hops}.db"))
            yield replace(run, same=same), run.per_window / best


def run_benchmark(options: argparse.Namespace) -> None:
    runs = []
    print(f"{'':10} {'hops':8} {'answers':>7} {'partial':>7} {'same':>6} {'429':>4} {'a window':>8} {'ratio':>6}")
    with tempfile.TemporaryDirectory() as folder:
        for run, ratio in measure_all(options, Path(folder)):
            runs.append(run)
            same = f"{run.same / run.partial:.1%}" if run.partial else ""
            print(
                f"{run.what:10} {run.hops:8} {run.answered:7} {run.partial:7} {same:>6} {run.refused:4} "
                f"{run.per_window:8.0f} {'' if ratio is None else f'{ratio:.2f}':>6}",
                flush=True,
            )
    if options.json is not None:
        options.json.write_text(json.dumps([asdict(run) for run in runs], indent=1) + "\n", "utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--repos", type=int, default=5_000)
    parser.add_argument("--api", type=int, default=100)
    parser.add_argument("--files", type=int, default=500)
    parser.add_argument("--window", type=float, default=5.0)
    parser.add_argument("--windows", type=int, default=6)
    parser.add_argument("--corpus", type=Path)
    parser.add_argument("--json", type=Path)
    run_benchmark(parser.parse_args())


if __name__ == "__main__":
    main()
