"""Runs `hubresolve store import` of a snapshot of model infos."""

from __future__ import annotations

import time
from pathlib import Path

import click

from registry.defaults import add_updates, default_registry
from resolver.cli.exits import ALL_ANSWERED, ERROR_ROWS, NOTHING_FOUND
from resolver.cli.input.model_infos import is_snapshot, read_model_infos
from resolver.cli.messages import show_message
from resolver.lookup.snapshot import SnapshotReport, import_snapshot
from resolver.settings import Settings
from store.store import MetadataStore


def find_snapshot_time(path: Path) -> float | None:
    """When a snapshot was last changed (seconds since 1970, UTC); None where the file is none, or cannot be read."""
    try:
        return path.stat().st_mtime if is_snapshot(path) else None
    except OSError:
        return None


async def import_infos_from(location: str | Path, path: Path, *, endpoint: str | None, seen_at_s: float) -> int:
    """Store what a snapshot tells; the exit code is 0 if all of its rows could be used."""
    async with MetadataStore(location) as store:
        registry = add_updates(default_registry(), await store.get_registry_updates())
        report = await import_snapshot(
            store,
            registry,
            read_model_infos(path),
            endpoint=Settings(endpoint=endpoint).fill().endpoint,
            seen_at_s=int(min(time.time(), seen_at_s)),
        )
    for problem in report.problems:
        show_message(problem)
    click.echo(f"{path}: {_describe(report)}", err=True)
    if not report.rows:
        return NOTHING_FOUND
    return ERROR_ROWS if report.left_out else ALL_ANSWERED


def _describe(report: SnapshotReport) -> str:
    parts = [f"{report.rows:,} rows, {report.stored:,} stored"]
    if report.partial:
        parts.append(f"{report.partial:,} of them partial")
    if report.known:
        parts.append(f"{report.known:,} known already")
    parts.extend(f"{count:,} left out: {reason}" for reason, count in report.left_out.most_common())
    return ", ".join(parts)
