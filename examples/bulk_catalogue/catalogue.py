"""Writes a catalogue of all repos of some authors to a Parquet file, and says what has changed since the last time.

    python catalogue.py Qwen BAAI --output catalogue.parquet

Run it again to bring the catalogue up to date: what is known costs no request.
"""

from __future__ import annotations

import argparse
import asyncio
from collections import Counter
from pathlib import Path

import pyarrow.parquet

from resolver import Failure, Resolution, Resolver, Settings, to_arrow


async def list_repos(resolver: Resolver, authors: list[str]) -> list[Resolution | Failure]:
    """The answers for every repo of the authors. A listing brings up to a thousand repos in a request."""
    return [answer for author in authors async for answer in resolver.resolve_listing(author=author)]


def read_classes(path: Path) -> dict[str, str | None]:
    """Repo id -> model class, as an earlier run has written it; empty where there was none."""
    if not path.exists():
        return {}
    table = pyarrow.parquet.read_table(path, columns=["repo_id", "model_class"])
    return dict(zip(table["repo_id"].to_pylist(), table["model_class"].to_pylist(), strict=True))


async def make_catalogue(authors: list[str], output: Path) -> None:
    """Write the catalogue, and print counts and changes."""
    before = read_classes(output)
    async with Resolver(Settings(lean=True)) as resolver:
        answers = await list_repos(resolver, authors)
        requests = sum(resolver.requests.values())
    pyarrow.parquet.write_table(to_arrow(answers), output)

    after = read_classes(output)
    libraries = Counter(answer.library for answer in answers if isinstance(answer, Resolution))
    print(
        f"{len(answers)} repos, {requests} requests:", ", ".join(f"{name} {n}" for name, n in libraries.most_common())
    )
    if before:
        changed = sorted(name for name in before.keys() & after.keys() if before[name] != after[name])
        print(f"new {len(after.keys() - before.keys())}, gone {len(before.keys() - after.keys())}, changed {changed}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Write a catalogue of all repos of some authors.")
    parser.add_argument("authors", nargs="+")
    parser.add_argument("--output", type=Path, default=Path("catalogue.parquet"))
    arguments = parser.parse_args()
    asyncio.run(make_catalogue(arguments.authors, arguments.output))
