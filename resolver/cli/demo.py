"""`hubresolve demo`: the main job on this machine alone, first over HTTP and then from memory."""

from __future__ import annotations

import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import click

from resolver.answer import Failure
from resolver.cli.exits import ALL_ANSWERED, ERROR_ROWS
from resolver.local_hub import LocalHub, demo_catalog
from resolver.render import row_of
from resolver.resolution import Resolution
from resolver.resolver import Resolver
from resolver.settings import Settings

SHOWN = 12


async def run_demo() -> int:
    """Resolve the bundled repos from a local Hub into a temporary store, then again with the Hub stopped."""
    catalog = demo_catalog()
    ids = list(catalog.ids())
    with tempfile.TemporaryDirectory(prefix="hubresolve-demo-") as folder:
        store = Path(folder) / "store.sqlite3"
        async with LocalHub(catalog) as hub:
            click.echo(f"A Hub with {len(ids)} bundled repos runs at {hub.endpoint}; resolving them over HTTP.\n")
            settings = Settings(endpoint=hub.endpoint, token=False, store=store, offline=False)
            online, requests, online_s = await _resolve_all(settings, ids)
            endpoint = hub.endpoint
        _show(online)
        sent = ", ".join(f"{count} {bucket}" for bucket, count in requests.items())
        click.echo(f"\n{len(online)} repos in {online_s:.2f} s, with {sent} requests.")
        settings = Settings(endpoint=endpoint, token=False, store=store, offline=True)
        offline, requests, offline_s = await _resolve_all(settings, ids)
    same = sum(_without_source(a) == _without_source(b) for a, b in zip(online, offline, strict=True))
    click.echo(
        f"Then the Hub was stopped and all were asked for again, offline: {same} of {len(ids)} answers are the same, "
        f"in {offline_s:.2f} s, with {sum(requests.values())} requests."
    )
    failed = sum(isinstance(answer, Failure) for answer in online)
    return ALL_ANSWERED if same == len(ids) and not failed else ERROR_ROWS


async def _resolve_all(settings: Settings, ids: list[str]) -> tuple[list[Resolution | Failure], dict[str, int], float]:
    started_s = time.monotonic()
    async with Resolver(settings) as resolver:
        answers = [answer async for answer in resolver.resolve_many(ids)]
        return answers, resolver.requests, time.monotonic() - started_s


def _without_source(answer: Resolution | Failure) -> dict[str, object]:
    return {key: value for key, value in row_of(answer).items() if key != "source"}


def _show(answers: list[Resolution | Failure]) -> None:
    """A table of what was found, the most frequent first, each with one example."""
    from rich.console import Console
    from rich.table import Table

    counts: Counter[tuple[str, str, str]] = Counter()
    examples: dict[tuple[str, str, str], str] = {}
    for answer in answers:
        if isinstance(answer, Failure):
            key = ("error", answer.error.code, "")
        else:
            key = (answer.library or "-", answer.task or "undecided", answer.model_class or "-")
        counts[key] += 1
        examples.setdefault(key, answer.repo_id)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("repos", "library", "task", "class", "for example"):
        table.add_column(name, justify="right" if name == "repos" else "left")
    shown = counts.most_common(SHOWN)
    for key, count in shown:
        table.add_row(str(count), *key, examples[key])
    rest = counts.total() - sum(count for _, count in shown)
    if rest:
        table.add_row(str(rest), "", f"{len(counts) - SHOWN} more kinds", "", "")
    # A pipe has no width to fit into.
    Console(highlight=False, width=None if sys.stdout.isatty() else 140).print(table)
