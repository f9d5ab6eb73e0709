"""Learns about repos on a machine with a network, and answers on a site without one.

python carry.py learn ids.txt site.bundle      # with a network: asks the Hub, writes the bundle
python carry.py answer ids.txt site.bundle     # without: imports the bundle, answers, opens no socket
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

from resolver import Failure, Resolver, Settings
from store import MetadataStore, export_bundle, import_bundle


async def learn(ids: list[str], bundle: Path, store: Path) -> int:
    """Resolve the repos, and write what is known to a bundle; the number of repos that failed."""
    async with Resolver(Settings(store=store)) as resolver:
        failures = [answer async for answer in resolver.resolve_many(ids) if isinstance(answer, Failure)]
    for failure in failures:
        print(f"{failure.repo_id}: {failure.error}", file=sys.stderr)
    async with MetadataStore(store) as opened:
        await export_bundle(opened, bundle)
    print(f"{bundle}: {len(ids) - len(failures)} of {len(ids)} repos")
    return len(failures)


async def answer(ids: list[str], bundle: Path, store: Path) -> int:
    """Import a bundle, and answer from it; the number of repos that it does not have."""
    async with MetadataStore(store) as opened:
        await import_bundle(opened, bundle)
    missing = 0
    async with Resolver(Settings(store=store, offline=True)) as resolver:
        async for found in resolver.resolve_many(ids):
            if isinstance(found, Failure):
                missing += 1
                print(f"{found.repo_id}: {found.error.code}")
            else:
                print(f"{found.repo_id}: {found.library}, {found.task}, {found.model_class}")
    return missing


def main() -> int:
    """Read the command line; the exit code is 1 if a repo was not answered."""
    parser = argparse.ArgumentParser(description="Carry what is known about repos to a site without a network.")
    parser.add_argument("step", choices=("learn", "answer"))
    parser.add_argument("ids", type=Path, help="a file with one repo id a line")
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--store", type=Path, default=Path("store.sqlite3"))
    arguments = parser.parse_args()
    ids = arguments.ids.read_text("utf-8").split()
    step = learn if arguments.step == "learn" else answer
    return 1 if asyncio.run(step(ids, arguments.bundle, arguments.store)) else 0


if __name__ == "__main__":
    sys.exit(main())
