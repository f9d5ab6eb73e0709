"""`hubresolve store`: what the store holds, carried, checked and cleared."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import click

from registry.decision import Decision
from registry.defaults import default_registry
from registry.facts import RepoFacts
from registry.rules.decide import decide
from resolver.cli.exits import ALL_ANSWERED, ERROR_ROWS
from resolver.render import age, printable
from resolver.settings import Settings
from store.bundle.exporting import export_bundle
from store.bundle.importing import import_bundle
from store.errors import DamagedStoreError
from store.keys import DecisionKey
from store.maintenance.prune import prune
from store.maintenance.verify import verify
from store.store import MetadataStore

PROBLEMS_SHOWN = 50
_UNITS_S = {"": 1, "s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 7 * 86_400}


def parse_age(text: str) -> float:
    """Seconds from "90", "90s", "15m", "12h", "30d" or "2w". Pure.

    Raises:
        click.BadParameter: it is none of these.
    """
    match = re.fullmatch(r"(\d{1,9}(?:\.\d{1,9})?)([smhdw]?)", text.strip())
    if match is None:
        raise click.BadParameter(f"{text!r} is no length of time such as 3600, 15m, 12h, 30d or 2w")
    return float(match[1]) * _UNITS_S[match[2]]


async def show_info(location: str | None) -> int:
    """Write counts, sizes, ages and hit rates of a store."""
    async with _existing(location) as store:
        info = await store.info()
    now_s = time.time()
    rows = [
        ("store", info.location),
        ("schema", str(info.schema_version)),
        ("size", f"{info.size_bytes / 1e3:,.0f} kB"),
        ("commits", f"{info.facts:,} ({info.private:,} for certain tokens only)"),
        ("refs", f"{info.refs:,} ({info.missing:,} known to be missing)"),
        ("decisions", f"{info.decisions:,}"),
        ("oldest check", _when(info.oldest_check_s, now_s)),
        ("newest check", _when(info.newest_check_s, now_s)),
        ("answered", _rate(info.hits, info.misses)),
        ("in 30 days", _rate(info.recent_hits, info.recent_misses)),
        *((f"refs at {endpoint}", f"{count:,}") for endpoint, count in info.endpoints),
    ]
    width = max(len(name) for name, _ in rows)
    for name, value in rows:
        click.echo(f"{name:<{width}}  {printable(value)}")
    return ALL_ANSWERED


async def export_to(location: str | None, file: str, repo_ids: Sequence[str], *, with_private: bool) -> int:
    """Write a bundle; the exit code says whether all that was asked for is in it."""
    async with _existing(location) as store:
        exported = await export_bundle(store, Path(file), repo_ids, with_private=with_private)
    click.echo(f"{file}: {exported.refs:,} refs to {exported.facts:,} commits", err=True)
    for repo_id in exported.unknown:
        print(f"hubresolve: the store knows nothing of {printable(repo_id)} that may be exported", file=sys.stderr)
    return ERROR_ROWS if exported.unknown or exported.damaged else ALL_ANSWERED


async def import_from(location: str | None, file: str) -> int:
    """Merge a bundle into the store."""
    async with MetadataStore(_location(location)) as store:
        imported = await import_bundle(store, Path(file))
    made = _when(imported.made_at_s, time.time())
    click.echo(f"{file}: {imported.refs:,} refs to {imported.facts:,} commits, exported {made}", err=True)
    return ALL_ANSWERED


async def prune_rows(
    location: str | None, *, older_than_s: float | None, endpoint: str | None, repo_ids: Sequence[str]
) -> int:
    """Remove what the criteria are true of."""
    before_s = time.time() - older_than_s if older_than_s is not None else None
    if endpoint is not None:
        endpoint = Settings(endpoint=endpoint).filled().endpoint
    async with _existing(location) as store:
        pruned = await prune(store, checked_before_s=before_s, endpoint=endpoint, repo_ids=repo_ids)
    click.echo(f"removed {pruned.refs:,} refs, {pruned.facts:,} commits and {pruned.decisions:,} decisions", err=True)
    return ALL_ANSWERED


async def verify_rows(location: str | None, *, drop: bool) -> int:
    """Check every row; the exit code says whether all are as they were stored and decided."""
    registry = default_registry()

    def again(facts: RepoFacts, task: str | None, library: str | None) -> Decision:
        return decide(facts, registry, task, library=library)

    try:
        async with _existing(location) as store:
            found = await verify(store, rules_id=DecisionKey(registry.digest()).rules_id, decide=again, drop=drop)
    except DamagedStoreError as error:
        print(f"hubresolve: {error}; the next `hubresolve resolve` keeps it and begins a new one", file=sys.stderr)
        return ERROR_ROWS
    for problem in found.problems[:PROBLEMS_SHOWN]:
        click.echo(printable(problem))
    if len(found.problems) > PROBLEMS_SHOWN:
        click.echo(f"... and {len(found.problems) - PROBLEMS_SHOWN:,} more")
    rows = f"{found.facts:,} commits, {found.refs:,} refs, {found.decisions:,} decisions"
    decided = f"{found.decided:,} decided again, {found.outdated:,} of other rules"
    problems = f"{len(found.problems):,} problems{' (dropped)' if drop else ''}"
    click.echo(f"{rows}: {decided}; {problems}", err=True)
    return ERROR_ROWS if found.problems else ALL_ANSWERED


def _location(location: str | None) -> str | Path:
    return Settings(store=location).filled().store


def _existing(location: str | None) -> MetadataStore:
    """To be looked at or cleared, not begun."""
    return MetadataStore(_location(location), may_create=False)


def _rate(hits: int, misses: int) -> str:
    total = hits + misses
    return f"{hits:,} of {total:,} look-ups ({hits / total:.1%})" if total else "no look-up yet"


def _when(seconds: int | None, now_s: float) -> str:
    if seconds is None:
        return "never"
    return f"{datetime.fromtimestamp(seconds, UTC).strftime('%Y-%m-%d %H:%M UTC')} ({age(seconds, now_s)})"
