"""Measures a whole Hub: its listing, a snapshot of it, and a second night in which some repos were changed.

    python benchmarks/whole_hub.py [--repos 100000] [--night-repos 20000] [--json FILE]

A local Hub in another process serves synthetic repos. `Resolver.resolve_listing` reads them all, once with the file
requests for what pages do not settle, once from the pages alone; then the same model infos are imported as JSON lines
and as Parquet, each into a new store in a process of its own. `ratio` is the rate divided by that of the listing.
A part of the answers of the snapshot is then read offline. The second night is measured in requests: one repo of a
hundred has a new commit.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import multiprocessing
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.bulk import RunResult, list_repos, read_peak_bytes, run_in_process
from registry.defaults import default_registry
from resolver import Resolution, Resolver, Settings
from resolver.cli.input.model_infos import read_model_infos
from resolver.hub.payloads import parse_next_link
from resolver.hub.urls import listing_url
from resolver.local_hub import Catalog, LocalHub, repos_from_rows, start_process, synthetic
from resolver.lookup.snapshot import import_snapshot
from store.store import MetadataStore

ROWS_PER_GROUP = 100_000
MAX_ASKED = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class WholeRun:
    """One line of the report; `ratio` is None where there is nothing to compare with."""

    what: str
    repos: int
    rate: float
    requests: int
    peak_bytes: int
    ratio: float | None = None


def import_infos(path: Path, store: Path, endpoint: str) -> RunResult:
    """The figures of importing a snapshot into a new store."""
    return asyncio.run(_import_infos(path, store, endpoint))


async def _import_infos(path: Path, store: Path, endpoint: str) -> RunResult:
    registry = default_registry()
    async with MetadataStore(store) as opened:
        started_s = time.perf_counter()
        batches = read_model_infos(path)
        report = await import_snapshot(opened, registry, batches, endpoint=endpoint, seen_at_s=int(time.time()))
        seconds = time.perf_counter() - started_s
    if report.stored != report.rows:
        raise SystemExit(f"{report.rows - report.stored} rows were not stored, so the figures would be wrong")
    return RunResult(repos=report.stored, seconds=seconds, requests={}, peak_bytes=read_peak_bytes())


def read_pages(endpoint: str) -> Iterator[list[dict[str, object]]]:
    """The model infos of all repos, page by page, as the API gives them."""
    url: str | None = listing_url(endpoint)
    while url is not None:
        with urllib.request.urlopen(url) as response:
            yield json.loads(response.read())
            url = parse_next_link(response.headers.get("Link", ""))


def write_snapshots(endpoint: str, folder: Path) -> tuple[Path, Path]:
    """The same model infos as JSON lines and as Parquet, with text for what has keys of its own."""
    import pyarrow
    from pyarrow.parquet import ParquetWriter

    lines, table = folder / "infos.jsonl", folder / "infos.parquet"
    texts = ("config", "transformersInfo", "gguf")
    names = ("id", "sha", "pipeline_tag", "library_name", *texts)
    files = pyarrow.list_(pyarrow.struct([("rfilename", pyarrow.string())]))
    fields = [(name, pyarrow.string()) for name in names]
    schema = pyarrow.schema(
        [*fields, ("tags", pyarrow.list_(pyarrow.string())), ("siblings", files), ("private", pyarrow.bool_())]
    )
    with lines.open("w", encoding="utf-8") as file, ParquetWriter(table, schema, compression="zstd") as writer:
        rows: list[dict[str, object]] = []
        for page in read_pages(endpoint):
            file.writelines(f"{json.dumps(item)}\n" for item in page)
            rows += [{**item, **{name: json.dumps(item[name]) for name in texts if name in item}} for item in page]
            if len(rows) >= ROWS_PER_GROUP:
                writer.write_table(pyarrow.Table.from_pylist(rows, schema=schema))
                rows = []
        writer.write_table(pyarrow.Table.from_pylist(rows, schema=schema))
    return lines, table


def build_run(what: str, run: RunResult, ratio: float | None = None) -> WholeRun:
    requests = sum(run.requests.values())
    return WholeRun(
        what=what, repos=run.repos, rate=run.rate, requests=requests, peak_bytes=run.peak_bytes, ratio=ratio
    )


def measure_snapshots(count: int, folder: Path) -> Iterator[WholeRun]:
    with start_process(synthetic=count) as hub:
        ids = folder / "ids.txt"
        base = run_in_process(
            list_repos, Settings(endpoint=hub.endpoint, token=False, store=folder / "listed.db"), None, ids
        )
        yield build_run("listing", base)
        alone = Settings(endpoint=hub.endpoint, token=False, store=folder / "pages.db", partial=True)
        pages = run_in_process(list_repos, alone, None)
        yield build_run("listing, pages alone", pages)
        # In a process of its own: a process begins with the peak of the one that started it.
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
            paths = pool.submit(write_snapshots, hub.endpoint, folder).result()
        for path in paths:
            run = run_in_process(import_infos, path, folder / f"{path.suffix}.db", hub.endpoint)
            yield build_run(f"snapshot{path.suffix}", run, run.rate / base.rate)
            yield build_run("  beside pages alone", run, run.rate / pages.rate)
        asked = ids.read_text("utf-8").split()[:MAX_ASKED]
        settings = Settings(endpoint=hub.endpoint, token=False, store=folder / ".jsonl.db", offline=True)
        answered = asyncio.run(count_answers(settings, asked))
        if answered != len(asked):
            raise SystemExit(f"only {answered} of {len(asked)} repos are answered offline")


async def count_answers(settings: Settings, ids: list[str]) -> int:
    """How many of `ids` are answered."""
    async with Resolver(settings) as resolver:
        return sum([isinstance(item, Resolution) async for item in resolver.resolve_many(ids)])


async def measure_nights(count: int, store: Path) -> list[WholeRun]:
    catalog = Catalog(repos_from_rows(synthetic(count, count // 100)))
    runs: list[WholeRun] = []
    async with LocalHub(catalog) as hub:
        settings = Settings(endpoint=hub.endpoint, token=False, store=store)
        for what, since_s in (("first night", None), ("second night", math.inf)):
            hub.reset_counts()
            started_s = time.perf_counter()
            async with Resolver(settings) as resolver:
                answered = sum([1 async for _ in resolver.resolve_listing(since_s=since_s)])
            ratio = hub.count.total / runs[0].requests if runs else None
            rate = answered / (time.perf_counter() - started_s)
            total = hub.count.total
            runs.append(WholeRun(what=what, repos=answered, rate=rate, requests=total, peak_bytes=0, ratio=ratio))
            for repo_id in [repo.id for repo in catalog][::100]:
                catalog.push(repo_id, {"new.txt": "x"}, modified_at=datetime.now(UTC))
    return runs


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--repos", type=int, default=100_000)
    parser.add_argument("--night-repos", type=int, default=20_000)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    runs = []

    def show(run: WholeRun) -> None:
        runs.append(run)
        ratio = "" if run.ratio is None else f"{run.ratio:.3f}"
        print(
            f"{run.what:22} {run.repos:9,} {run.rate:8.0f} {run.requests:9,} {run.peak_bytes / 1e6:5.0f} {ratio:>7}",
            flush=True,
        )

    print(f"{'':22} {'repos':>9} {'repos/s':>8} {'requests':>9} {'MB':>5} {'ratio':>7}")
    with tempfile.TemporaryDirectory() as folder:
        for run in measure_snapshots(options.repos, Path(folder)):
            show(run)
        for run in asyncio.run(measure_nights(options.night_repos, Path(folder) / "nights.db")):
            show(run)
    if options.json is not None:
        options.json.write_text(json.dumps([asdict(run) for run in runs], indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
