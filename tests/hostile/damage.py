"""Prepared stores and bundles, and how the campaign damages them."""

from __future__ import annotations

import hashlib
import os
import random
import sqlite3
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from registry.defaults import shipped_registry
from resolver.answer import Failure
from resolver.local_hub import HubOptions, LocalHub
from resolver.resolution import Resolution
from resolver.resolver import Resolver
from resolver.settings import Settings
from store.bundle.format import MAGIC
from tests.resolver.support import LIMITS, TOKENS, bert_row, catalog_of

ROUNDS = int(os.environ.get("HOSTILE_ROUNDS", "1"))
"""How many times longer than in CI the campaign runs; each round has seeds of its own."""

REGISTRY = shipped_registry()
IDS = [f"org{number % 3}/model-{number}" for number in range(24)]


def build_hub() -> LocalHub:
    """A Hub with the repos of `IDS`, all different."""
    rows = [bert_row(repo_id, sha=f"{number + 1:040x}") for number, repo_id in enumerate(IDS)]
    return LocalHub(catalog_of(*rows), HubOptions(tokens=TOKENS))


async def resolve_all(
    hub: LocalHub | str, store: Path, ids: Sequence[str] = IDS, **more: Any
) -> list[Resolution | Failure]:
    """The answers of a resolver that is opened for `ids`."""
    endpoint = hub if isinstance(hub, str) else hub.endpoint
    settings = Settings(**{"endpoint": endpoint, "store": store, "token": False, "offline": False, **more})
    async with Resolver(settings, limits=LIMITS) as resolver:
        return [item async for item in resolver.resolve_many(ids)]


def list_answers(items: Sequence[Resolution | Failure]) -> list[dict[str, Any]]:
    """The rows of answers, but for where they came from."""
    return [{**item.to_dict(), "source": None, "checked_at": None, "stale": None} for item in items]


def flip_bit(path: Path, chosen: random.Random) -> None:
    """Flip one bit of a file."""
    content = bytearray(path.read_bytes())
    place = chosen.randrange(8 * len(content))
    content[place // 8] ^= 1 << place % 8
    path.write_bytes(content)


def copy_store(source: Path, target: Path) -> Path:
    """A copy of a store that nobody has open, with nothing beside it."""
    for old in target.parent.glob(f"{target.name}*"):
        old.unlink()
    target.write_bytes(source.read_bytes())
    return target


def close_log(path: Path) -> None:
    """Move everything from the write-ahead log into the file itself."""
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


def read_blocks(path: Path) -> list[Any]:
    """The header and the blocks of a bundle, as plain values."""
    content, place, blocks = path.read_bytes()[:-32], len(MAGIC), []
    while place < len(content):
        length = int.from_bytes(content[place : place + 4], "big")
        blocks.append(msgspec.msgpack.decode(zlib.decompress(content[place + 4 : place + 4 + length])))
        place += 4 + length
    return blocks


def write_blocks(path: Path, blocks: Sequence[Any]) -> None:
    """A bundle of any blocks, given as values or as their MessagePack bytes, with a valid digest of the file."""
    content = MAGIC
    for value in blocks:
        block = zlib.compress(value if isinstance(value, bytes) else msgspec.msgpack.encode(value), 1)
        content += len(block).to_bytes(4, "big") + block
    path.write_bytes(content + hashlib.sha256(content).digest())
