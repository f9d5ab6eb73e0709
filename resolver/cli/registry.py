"""Runs `hubresolve registry`: reads the tables of newer releases into a store, and shows what is in force."""

from __future__ import annotations

import re
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import click

from registry.defaults import add_updates, default_registry, find_tables_date, shipped_registry
from registry.environment.newer_release import is_newer
from registry.registry import Registry
from registry.releases.fetch import fetch_wheels
from registry.releases.files import find_releases
from registry.releases.reading import read_release
from registry.releases.update import LIBRARIES, RegistryUpdate, ReleaseError
from resolver.cli.exits import ALL_ANSWERED, ERROR_ROWS
from resolver.cli.messages import show_message
from resolver.cli.stores import choose_location
from resolver.render import describe_age, make_printable, render_json_line
from resolver.row import format_time
from resolver.version import __version__
from store.errors import StoreMissingError
from store.keys import DecisionKey
from store.store import MetadataStore

MAX_SHOWN_CLASSES = 200
"""New classes that are named; the remaining ones are counted."""

_VERSION = re.compile(r"\d[0-9A-Za-z.+!-]*$")
_REQUIREMENT = re.compile(r"([A-Za-z][A-Za-z_-]*?)(?:==(\d[0-9A-Za-z.+!-]*))?$")


class Sources(NamedTuple):
    """What `--from` names: files and folders, and what pip is to fetch."""

    paths: tuple[Path, ...]
    requirements: tuple[str, ...]


def parse_sources(sources: Sequence[str]) -> Sources:
    """The values of `--from`; without any, the newest release of each library is to be fetched.

    Raises:
        click.UsageError: one is neither a file, nor a folder, nor a release.
    """
    paths: list[Path] = []
    requirements: list[str] = []
    for source in sources:
        named = _REQUIREMENT.match(source)
        if Path(source).exists():
            paths.append(Path(source))
        elif _VERSION.match(source):
            requirements.append(f"transformers=={source}")
        elif named is not None and named.group(1).replace("-", "_") in LIBRARIES:
            requirements.append(source)
        else:
            raise click.UsageError(
                f"--from {source}: there is no such file or folder, and it is not a release such as 5.25.0 or "
                "diffusers==0.43.0"
            )
    return Sources(tuple(paths), tuple(requirements) if sources else LIBRARIES)


async def update_registry(location: str | None, sources: Sources) -> int:
    """Read releases into the store; all workers of the store decide by them from their next start on.

    A release that cannot be read is named, and the others are stored; the exit code is then 1.

    Raises:
        ReleaseError: no release can be found or read, or one is older than the tables of this program; nothing was
            stored.
    """
    updates, problems = _read_updates(sources)
    for problem in problems:
        show_message(str(problem))
    async with MetadataStore(choose_location(location)) as store:
        before = add_updates(default_registry(), await store.get_registry_updates())
        await store.put_registry_updates(updates)
        after = add_updates(default_registry(), await store.get_registry_updates())
        for update in updates:
            click.echo(f"{update.library} {update.version}: read from {make_printable(update.source)}", err=True)
        click.echo(f"{store.name}: {_describe_growth(before, after)}", err=True)
        if new := sorted(_list_classes(after) - _list_classes(before)):
            more = f" and {len(new) - MAX_SHOWN_CLASSES:,} more" if len(new) > MAX_SHOWN_CLASSES else ""
            click.echo(make_printable(f"new: {', '.join(new[:MAX_SHOWN_CLASSES])}{more}"), err=True)
    return ERROR_ROWS if problems else ALL_ANSWERED


async def reset_registry(location: str | None) -> int:
    """Remove all updates from the store."""
    async with MetadataStore(choose_location(location), may_create=False) as store:
        count = await store.remove_registry_updates()
    click.echo(f"removed the updates of {count} libraries", err=True)
    return ALL_ANSWERED


async def show_registry(location: str | None, *, as_json: bool = False) -> int:
    """Write which release of each library the tables in force are of, where they come from, and how old they are."""
    updates: tuple[RegistryUpdate, ...] = ()
    store = MetadataStore(choose_location(location), may_create=False)
    try:
        async with store:
            updates = await store.get_registry_updates()
    except StoreMissingError:
        pass
    registry = add_updates(default_registry(), updates)
    rows = [_describe_library(library, registry, updates) for library in LIBRARIES]
    extensions = [extension.name for extension in registry.extensions]
    counts = _count(registry)
    # As the view `answers` has it.
    decided_by = DecisionKey(registry.digest()).decided_by
    if as_json:
        digests = {"digest": registry.digest(), "decided_by": decided_by}
        content = {"store": store.name, **digests, "libraries": rows, "extensions": extensions}
        click.echo(render_json_line({**content, **counts}))
        return ALL_ANSWERED
    now_s = time.time()
    by_library = {update.library: update for update in updates}
    for row in rows:
        update = by_library.get(str(row["library"]))
        read = f", read {describe_age(update.read_at_s, now_s)}" if update is not None and row["read_at"] else ""
        click.echo(make_printable(f"{row['library']:<22}{row['version']:<12}{row['origin']}{read}"))
    for name, count in counts.items():
        click.echo(f"{name.replace('_', ' '):<22}{count:,}")
    if extensions:
        click.echo(make_printable(f"{'extensions':<22}{', '.join(extensions)}"))
    click.echo(f"{'digest':<22}{registry.digest()}")
    click.echo(f"{'decided_by':<22}{decided_by}")
    click.echo(make_printable(f"{'store':<22}{store.name}"))
    return ALL_ANSWERED


def describe_version() -> str:
    """The version of the program, and which releases its tables are of, with their age. Opens no store."""
    made_on = find_tables_date()
    days = max(0, (datetime.now(UTC).date() - made_on).days)
    age = "today" if days == 0 else "yesterday" if days == 1 else f"{days} days ago"
    releases = ", ".join(f"{name} {version}" for name, version in shipped_registry().versions.items())
    return f"hubresolve, version {__version__}\ntables of {releases}\nmade on {made_on}, {age}"


def _read_updates(sources: Sources) -> tuple[list[RegistryUpdate], list[ReleaseError]]:
    with tempfile.TemporaryDirectory(prefix="hubresolve-") as folder:
        paths = list(sources.paths)
        if sources.requirements:
            fetch_wheels([name.replace("_", "-") for name in sources.requirements], Path(folder))
            paths.append(Path(folder))
        releases = [release for path in paths for release in find_releases(path)]
        twice = sorted({one.library for one in releases if sum(one.library == other.library for other in releases) > 1})
        if twice:
            raise ReleaseError(f"two releases of {', '.join(twice)} are given; give one")
        shipped = shipped_registry().versions
        for release in releases:
            if is_newer(shipped[release.library], release.source.version):
                raise ReleaseError(
                    f"{release.library} {release.source.version} is older than the tables of this program "
                    f"({shipped[release.library]}): it would add nothing"
                )
        updates: list[RegistryUpdate] = []
        problems: list[ReleaseError] = []
        for release in releases:
            try:
                updates.append(read_release(release, read_at_s=int(time.time())))
            except ReleaseError as error:
                problems.append(error)
        if not updates:
            raise problems[0]
        return updates, problems


def _list_classes(registry: Registry) -> set[str]:
    return {*registry.served_tasks, *registry.other_architectures, *registry.pipelines}


def _count(registry: Registry) -> dict[str, int]:
    return {
        "architectures": len({*registry.served_tasks, *registry.other_architectures}),
        "model_types": len(registry.model_types),
        "pipelines": len(registry.pipelines),
    }


def _describe_growth(before: Registry, after: Registry) -> str:
    """Such as "24 architectures, 9 model types and 0 pipelines more than before"."""
    old, new = _count(before), _count(after)
    *first, last = [f"{new[name] - old[name]:,} {name.replace('_', ' ')}" for name in new]
    remade = "; decisions are made again from stored facts" if before.digest() != after.digest() else ""
    return f"{', '.join(first)} and {last} more than before{remade}"


def _describe_library(library: str, registry: Registry, updates: Sequence[RegistryUpdate]) -> dict[str, str | None]:
    shipped = shipped_registry().versions[library]
    update = next((item for item in updates if item.library == library), None)
    read_at = None
    if update is not None and not is_newer(shipped, update.version):
        origin, read_at = f"update from {update.source}", format_time(update.read_at_s)
    elif registry.versions[library] != shipped:
        origin = "the installed library"
    else:
        origin = "the tables of this program"
    return {"library": library, "version": registry.versions[library], "origin": origin, "read_at": read_at}
