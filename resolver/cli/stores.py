"""Runs `hubresolve store`: shows, exports, imports, prunes and verifies a store."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import click

from resolver.cli.exits import ALL_ANSWERED, ERROR_ROWS
from resolver.cli.messages import show_message
from resolver.cli.tables import format_bytes
from resolver.registry_in_force import get_registry
from resolver.render import describe_age, make_printable, render_json_line
from resolver.row import format_time
from resolver.settings import Settings
from store.bundle.exporting import export_bundle
from store.bundle.importing import import_bundle
from store.errors import DamagedStoreError
from store.maintenance.prune import prune
from store.maintenance.verify import verify
from store.store import MetadataStore

MAX_SHOWN_PROBLEMS = 50

_COUNTS = (
    *("location", "schema_version", "size_bytes", "facts", "private", "refs", "missing", "decisions"),
    *("hits", "misses", "recent_hits", "recent_misses"),
)
"""The fields of `StoreInfo` that JSON has as they are."""


async def show_info(location: str | None, *, as_json: bool = False) -> int:
    """Write counts, size, ages and hit rates of a store."""
    async with open_existing(location) as store:
        info = await store.get_info()
    if as_json:
        times = {name: format_time(getattr(info, f"{name}_s")) for name in ("oldest_check", "newest_check")}
        counts = {name: getattr(info, name) for name in _COUNTS}
        click.echo(render_json_line({**counts, **times, "endpoints": dict(info.endpoints)}))
        return ALL_ANSWERED
    now_s = time.time()
    rows = [
        ("store", info.location),
        ("schema", str(info.schema_version)),
        ("size", format_bytes(info.size_bytes)),
        ("commits", f"{info.facts:,} ({info.private:,} visible to certain tokens only)"),
        ("refs", f"{info.refs:,} ({info.missing:,} known to be missing)"),
        ("decisions", f"{info.decisions:,}"),
        ("oldest check", _format_time(info.oldest_check_s, now_s)),
        ("newest check", _format_time(info.newest_check_s, now_s)),
        ("hits", _format_hit_rate(info.hits, info.misses)),
        ("hits in 30 days", _format_hit_rate(info.recent_hits, info.recent_misses)),
        *((f"refs at {endpoint}", f"{count:,}") for endpoint, count in info.endpoints),
    ]
    width = max(len(name) for name, _ in rows)
    for name, value in rows:
        click.echo(f"{name:<{width}}  {make_printable(value)}")
    return ALL_ANSWERED


async def export_to(location: str | None, file: str, repo_ids: Sequence[str], *, with_private: bool) -> int:
    """Write a bundle; the exit code is 0 if it holds all requested repos."""
    async with open_existing(location) as store:
        exported = await export_bundle(store, Path(file), repo_ids, with_private=with_private)
    click.echo(f"{file}: {_count(exported.refs, 'ref')} to {_count(exported.facts, 'commit')}", err=True)
    for repo_id in exported.unknown:
        show_message(f"the store has nothing to export for {repo_id}")
    return ERROR_ROWS if exported.unknown or exported.damaged else ALL_ANSWERED


async def import_from(
    location: str | None, file: str, *, endpoint: str | None = None, as_of_s: float | None = None
) -> int:
    """Merge a bundle, or a snapshot of model infos, into the store."""
    from resolver.cli.snapshots import find_snapshot_time, import_infos_from

    changed_at_s = find_snapshot_time(Path(file))
    if changed_at_s is not None:
        seen_at_s = as_of_s if as_of_s is not None else changed_at_s
        return await import_infos_from(choose_location(location), Path(file), endpoint=endpoint, seen_at_s=seen_at_s)
    if endpoint is not None or as_of_s is not None:
        raise click.UsageError("--endpoint and --as-of are for model infos: a bundle has its own")
    async with MetadataStore(choose_location(location)) as store:
        imported = await import_bundle(store, Path(file))
    exported_at = _format_time(imported.made_at_s, time.time())
    click.echo(
        f"{file}: {_count(imported.refs, 'ref')} to {_count(imported.facts, 'commit')}, exported {exported_at}",
        err=True,
    )
    for update in imported.updates:
        click.echo(make_printable(f"{file}: registry update of {update.library} {update.version}"), err=True)
    return ALL_ANSWERED


async def prune_rows(
    location: str | None, *, older_than_s: float | None, endpoint: str | None, repo_ids: Sequence[str]
) -> int:
    """Remove the refs that match all given criteria, and the rows that nothing refers to any more."""
    before_s = time.time() - older_than_s if older_than_s is not None else None
    if endpoint is not None:
        endpoint = Settings(endpoint=endpoint).fill().endpoint
    async with open_existing(location) as store:
        pruned = await prune(store, checked_before_s=before_s, endpoint=endpoint, repo_ids=repo_ids)
    removed = (
        f"{_count(pruned.refs, 'ref')}, {_count(pruned.facts, 'commit')} and {_count(pruned.decisions, 'decision')}"
    )
    click.echo(f"removed {removed}", err=True)
    return ALL_ANSWERED


async def verify_rows(location: str | None, *, drop: bool) -> int:
    """Check every row; the exit code is 0 if all rows are as they were stored and decided."""
    try:
        async with open_existing(location) as store:
            report = await verify(store, await get_registry(store), drop=drop)
    except DamagedStoreError as error:
        show_message(f"{error}; the next `hubresolve resolve` moves the file aside and begins a new store")
        return ERROR_ROWS
    for problem in report.problems[:MAX_SHOWN_PROBLEMS]:
        click.echo(make_printable(problem))
    if len(report.problems) > MAX_SHOWN_PROBLEMS:
        click.echo(f"... and {len(report.problems) - MAX_SHOWN_PROBLEMS:,} more")
    rows = f"{report.facts:,} commits, {report.refs:,} refs, {report.decisions:,} decisions"
    decided = f"{report.decided:,} decided again, {report.outdated:,} made by other rules"
    problems = f"{len(report.problems):,} problems{' (dropped)' if drop else ''}"
    click.echo(f"{rows}: {decided}; {problems}", err=True)
    return ERROR_ROWS if report.problems else ALL_ANSWERED


def choose_location(location: str | None) -> str | Path:
    """Where the store is: as given, else as the settings say."""
    return Settings(store=location).fill().store


def open_existing(location: str | None) -> MetadataStore:
    """The store at `location`, which must exist."""
    return MetadataStore(choose_location(location), may_create=False)


def _format_hit_rate(hits: int, misses: int) -> str:
    total = hits + misses
    return f"{hits:,} of {total:,} look-ups ({hits / total:.1%})" if total else "no look-ups yet"


def _format_time(seconds: int | None, now_s: float) -> str:
    if seconds is None:
        return "never"
    try:
        moment = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")
    except (ValueError, OverflowError, OSError):
        return f"{seconds} s after 1970, by a wrong clock or a damaged row"
    return f"{moment} ({describe_age(seconds, now_s)})"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
