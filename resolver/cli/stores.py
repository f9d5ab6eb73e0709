"""`hubresolve store`: what the store holds."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from resolver.cli.exits import ALL_ANSWERED
from resolver.settings import Settings
from store.store import MetadataStore


async def show_info(location: str | None) -> int:
    """Write counts, sizes and ages of a store."""
    async with MetadataStore(Settings(store=location).filled().store) as store:
        info = await store.info()
    rows = [
        ("store", info.location),
        ("schema", str(info.schema_version)),
        ("size", f"{info.size_bytes / 1e3:,.0f} kB"),
        ("commits", str(info.facts)),
        ("refs", f"{info.refs} ({info.missing} known to be missing)"),
        ("decisions", str(info.decisions)),
        ("checked", f"{_time(info.oldest_check_s)} to {_time(info.newest_check_s)}"),
        *((f"refs at {endpoint}", str(count)) for endpoint, count in info.endpoints),
    ]
    width = max(len(name) for name, _ in rows)
    for name, value in rows:
        click.echo(f"{name:<{width}}  {value}")
    return ALL_ANSWERED


def _time(seconds: int | None) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC") if seconds is not None else "never"
