"""Runs `hubresolve demo`: resolves bundled repos from a local Hub, then again offline from the store."""

from __future__ import annotations

import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import click

from resolver.answer import Failure
from resolver.cli.exits import ALL_ANSWERED, ERROR_ROWS
from resolver.cli.tables import TableRow, print_table
from resolver.hub.response import Bucket
from resolver.local_hub import LocalHub, demo_catalog
from resolver.resolution import Resolution
from resolver.resolver import Resolver
from resolver.settings import Settings

MAX_TABLE_ROWS = 12
"""Rows of the table of answers; rarer answers are counted together in one more row."""


async def run_demo() -> int:
    """Resolve the bundled repos from a local Hub into a temporary store, then again without the Hub; the exit code."""
    catalog = demo_catalog()
    ids = list(catalog.ids())
    with tempfile.TemporaryDirectory(prefix="hubresolve-demo-") as folder:
        store = Path(folder) / "store.sqlite3"
        async with LocalHub(catalog) as hub:
            click.echo(f"A local Hub with {len(ids)} bundled repos runs at {hub.endpoint}. Resolving them over HTTP.\n")
            settings = Settings(endpoint=hub.endpoint, token=False, store=store, offline=False)
            online, requests, online_s = await _resolve_all(settings, ids)
            endpoint = hub.endpoint
        _print_counts(online)
        sent = " and ".join(f"{count} {Bucket(bucket).noun}" for bucket, count in requests.items())
        click.echo(f"\nResolved {len(online)} repos in {online_s:.2f} s, with {sent} requests.")
        settings = Settings(endpoint=endpoint, token=False, store=store, offline=True)
        offline, requests, offline_s = await _resolve_all(settings, ids)
    same = sum(
        _row_without_source(first) == _row_without_source(second) for first, second in zip(online, offline, strict=True)
    )
    click.echo(
        f"Stopped the Hub and resolved the same repos offline: {same} of {len(ids)} answers are the same, "
        f"in {offline_s:.2f} s, with {sum(requests.values())} requests."
    )
    failed = sum(isinstance(answer, Failure) for answer in online)
    return ALL_ANSWERED if same == len(ids) and not failed else ERROR_ROWS


async def _resolve_all(settings: Settings, ids: list[str]) -> tuple[list[Resolution | Failure], dict[str, int], float]:
    """The answers, the number of requests by quota bucket, and the seconds taken."""
    started_s = time.monotonic()
    async with Resolver(settings) as resolver:
        answers = [answer async for answer in resolver.resolve_many(ids)]
        return answers, resolver.requests, time.monotonic() - started_s


def _row_without_source(answer: Resolution | Failure) -> dict[str, object]:
    return {key: value for key, value in answer.to_dict().items() if key != "source"}


def _print_counts(answers: list[Resolution | Failure]) -> None:
    """Print a table of the different answers, the most frequent first, each with an example."""
    counts: Counter[tuple[str, str, str]] = Counter()
    examples: dict[tuple[str, str, str], str] = {}
    for answer in answers:
        if isinstance(answer, Failure):
            key = ("error", answer.error.code, "")
        else:
            key = (answer.library or "-", answer.task or "undecided", answer.model_class or "-")
        counts[key] += 1
        examples.setdefault(key, answer.repo_id)
    shown = counts.most_common(MAX_TABLE_ROWS)
    rows = [TableRow((str(count), *key, examples[key])) for key, count in shown]
    other_count = counts.total() - sum(count for _, count in shown)
    if other_count:
        rows.append(TableRow((str(other_count), "", f"{len(counts) - MAX_TABLE_ROWS} more kinds", "", "")))
    print_table(("repos", "library", "task", "class", "for example"), rows, sys.stdout, right_aligned=("repos",))
