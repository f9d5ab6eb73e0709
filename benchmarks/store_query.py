"""Measures queries of a large store, its upgrade, and the reading of what has changed.

    python benchmarks/store_query.py [--repos 1000000] [--kinds 20000] [--store PATH]

The store is filled without a Hub: `--kinds` synthetic repos are decided on, and stored under `--repos` names. An
existing `--store` is used as it is.
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from registry.defaults import shipped_registry
from registry.facts import CommitFacts, FileState, HubHints, RepoFacts, SmallFile
from registry.rules.decide import decide
from resolver.local_hub.testing.synthetic import synthetic
from store.keys import DecisionKey, FactsKey, RefKey
from store.query import run_query
from store.records import Record
from store.store import MetadataStore

ENDPOINT = "https://huggingface.co"
REPOS_PER_TRANSACTION = 5_000
CHECKED_AT_S = 1_790_000_000

QUERIES = (
    "SELECT task, count(*) FROM answers GROUP BY task",
    "SELECT library, framework, count(*) FROM answers GROUP BY 1, 2",
    "SELECT count(*) FROM answers WHERE conflict",
    "SELECT * FROM answers WHERE repo_id LIKE '%-000777'",
)


def build_records(repos: int, kinds: int) -> Iterator[Record]:
    """A record for each name; their facts, hints and decisions are those of `kinds` synthetic repos."""
    registry = shipped_registry()
    decision_key = DecisionKey(registry.digest())
    decided = []
    for row in synthetic(kinds):
        config = row.get("config")
        files = {"config.json": SmallFile(state=FileState.READ, content=config)} if config is not None else {}
        facts = CommitFacts(filenames=tuple(row["siblings"]), files=files)
        hints = HubHints(
            pipeline_tag=row.get("pipeline_tag"),
            library_name=row.get("library_name"),
            tags=tuple(row.get("tags", ())),
        )
        decided.append((row["id"], facts, hints, decide(RepoFacts(commit=facts, hints=hints), registry)))
    for number in range(repos):
        name, facts, hints, decision = decided[number % kinds]
        repo_id = f"{name}-{number // kinds}"
        yield Record(
            ref_keys=(RefKey(ENDPOINT, repo_id, "main"),),
            hints=hints,
            checked_at_s=CHECKED_AT_S,
            facts_key=FactsKey(ENDPOINT, repo_id, f"{number:040x}"),
            facts=facts,
            decision_key=decision_key,
            decision=decision,
        )


async def fill(path: Path, repos: int, kinds: int) -> None:
    async with MetadataStore(path) as store:
        records = build_records(repos, kinds)
        while batch := list(islice(records, REPOS_PER_TRANSACTION)):
            await store.put(batch)


async def measure(path: Path) -> None:
    async with MetadataStore(path, may_create=False) as store:
        for sql in QUERIES:
            started_s, cpu_s = time.perf_counter(), time.process_time()
            async with run_query(store, sql) as found:
                count = sum([len(page) async for page in found.pages])
            seconds, cpu_s = time.perf_counter() - started_s, time.process_time() - cpu_s
            print(f"{seconds:6.2f} s ({cpu_s:.2f} s of CPU)  {count} rows: {sql}")
        started_s = time.perf_counter()
        pages = store.list_past_refs(
            ENDPOINT, DecisionKey("none"), moment_s=CHECKED_AT_S + 1_000, since_s=CHECKED_AT_S + 500
        )
        count = sum([len(page) async for page in pages])
        print(f"{time.perf_counter() - started_s:6.2f} s  {count} refs that changed between two moments")


def downgrade(path: Path) -> None:
    """Take away what schema 4 added, so that opening the store upgrades it."""
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(
            "DROP VIEW answers; DROP VIEW answers_private; DROP TABLE latest_decisions; DROP TABLE decision_columns;"
            "DROP TABLE ref_history; ALTER TABLE refs DROP COLUMN changed_at;"
            "UPDATE schema_version SET version_num = '3'; PRAGMA user_version = 3;"
        )


async def upgrade(path: Path) -> None:
    started_s = time.perf_counter()
    async with MetadataStore(path):
        print(f"{time.perf_counter() - started_s:6.2f} s  upgrade from schema 3")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--repos", type=int, default=1_000_000)
    parser.add_argument("--kinds", type=int, default=20_000)
    parser.add_argument("--store", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = options.store or Path(folder) / "store.sqlite3"
        if not path.exists():
            started_s = time.perf_counter()
            asyncio.run(fill(path, options.repos, min(options.kinds, options.repos)))
            seconds, size_bytes = time.perf_counter() - started_s, path.stat().st_size
            print(f"{seconds:6.2f} s  {options.repos} repos are stored: {size_bytes} bytes")
        asyncio.run(measure(path))
        if options.store is None:
            downgrade(path)
            asyncio.run(upgrade(path))
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")


if __name__ == "__main__":
    main()
