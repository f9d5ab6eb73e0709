"""Small repos of every kind, and how tests ask for them."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from resolver.answer import Failure
from resolver.hub.retry import RetryPolicy
from resolver.limits import Limits
from resolver.local_hub import Catalog, LocalHub, repos_from_rows
from resolver.lookup.author_listings import ListingLimits
from resolver.lookup.request import RequestStream
from resolver.resolution import Resolution
from resolver.resolver import Resolver
from resolver.settings import Settings

ROOT = Path(__file__).resolve().parents[2]

READER, STRANGER = "hf_reader_of_everything", "hf_stranger_to_all"
TOKENS = {READER: ("*",), STRANGER: ()}

BERT: dict[str, Any] = {"architectures": ["BertForMaskedLM"], "model_type": "bert", "vocab_size": 30522}
FILES = ("README.md", "config.json", "model.safetensors")
BERT_SHA = "a" * 40

ROWS: tuple[dict[str, Any], ...] = (
    {
        "id": "acme/bert",
        "sha": BERT_SHA,
        "config": BERT,
        "siblings": FILES,
        "library_name": "transformers",
        "pipeline_tag": "fill-mask",
        "tags": ["transformers", "bert"],
    },
    {
        "id": "acme/sd",
        "sha": "b" * 40,
        "model_index": {"_class_name": "StableDiffusionPipeline", "vae": ["diffusers", "AutoencoderKL"]},
        "siblings": ["model_index.json", "vae/config.json"],
        "library_name": "diffusers",
        "pipeline_tag": "text-to-image",
        "tags": ["diffusers"],
    },
    {
        "id": "acme/st",
        "sha": "c" * 40,
        "config": {"architectures": ["BertModel"], "model_type": "bert"},
        "siblings": [*FILES, "modules.json", "config_sentence_transformers.json", "1_Pooling/config.json"],
        "library_name": "sentence-transformers",
        "pipeline_tag": "sentence-similarity",
        "tags": ["sentence-transformers"],
    },
    {"id": "acme/gguf", "sha": "d" * 40, "siblings": ["m-q8_0.gguf"], "gguf": {"total": 5, "architecture": "llama"}},
    {"id": "acme/gated", "sha": "e" * 40, "config": BERT, "siblings": FILES, "gated": "manual"},
    {"id": "acme/private", "sha": "f" * 40, "config": BERT, "siblings": FILES, "private": True},
    {"id": "acme/disabled", "sha": "1" * 40, "config": BERT, "siblings": FILES, "disabled": True},
    {"id": "acme/words", "sha": "2" * 40, "siblings": ["data.csv"], "repo_type": "dataset"},
    {"id": "single", "sha": "3" * 40, "config": BERT, "siblings": FILES},
)


def bert_row(repo_id: str, **more: Any) -> dict[str, Any]:
    """A row of an ordinary transformers repo."""
    return {"id": repo_id, "config": BERT, "siblings": FILES, "library_name": "transformers", **more}


def catalog_of(*rows: Mapping[str, Any]) -> Catalog:
    """A fresh catalog, since tests change it."""
    return Catalog(repos_from_rows(rows or ROWS))


def settings_for(hub: LocalHub | str, store: Path | str, **more: Any) -> Settings:
    """Anonymous and online unless said otherwise."""
    endpoint = hub if isinstance(hub, str) else hub.endpoint
    return Settings(**{"endpoint": endpoint, "store": store, "token": False, "offline": False, **more})


LIMITS = Limits(
    retry=RetryPolicy(
        first_wait_s=0.002, max_wait_s=0.004, max_retry_after_s=0.05, max_server_waits=20, max_timeouts=6
    ),
    # However slow the machine is, no listing is too slow.
    listings=ListingLimits(first_wait_s=600),
)
"""Short waits between attempts: how long they are is the subject of a few tests only."""


class Clock:
    """Time that moves when it is told to."""

    def __init__(self) -> None:
        self.now_s = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now_s


def open_resolver(settings: Settings, *, clock: Callable[[], float] = time.time, limits: Limits = LIMITS) -> Resolver:
    """A resolver, to be opened with `async with`, that waits shortly between attempts."""
    return Resolver(settings, clock=clock, limits=limits)


async def answer(
    settings: Settings, repo_id: str, revision: str | None = None, *, clock: Clock | None = None, **asked: Any
) -> Resolution:
    """The answer of a resolver opened for this one question. Raises as `Resolver.resolve` does."""
    async with open_resolver(settings, clock=clock or Clock()) as resolver:
        return await resolver.resolve(repo_id, revision, **asked)


async def answers(
    settings: Settings, ids: RequestStream, *, limits: Limits = LIMITS, **asked: Any
) -> list[Resolution | Failure]:
    """The answers of a resolver opened for this one batch."""
    async with open_resolver(settings, limits=limits) as resolver:
        return [item async for item in resolver.resolve_many(ids, **asked)]


async def codes(settings: Settings, ids: RequestStream, **asked: Any) -> list[str | None]:
    """For each id None where it is answered, else the error code."""
    return [code_of(item) for item in await answers(settings, ids, **asked)]


def code_of(item: Resolution | Failure) -> str | None:
    """None for an answer, else the error code."""
    return item.error.code if isinstance(item, Failure) else None


async def wait_until(holds: Callable[[], bool]) -> None:
    """Returns when `holds()` is true. A test that waits in vain is ended by pytest's `faulthandler_timeout`."""
    while not holds():
        await asyncio.sleep(0.005)


async def wait_until_settled(count: Callable[[], int]) -> int:
    """`count()` when it has not changed for a while: shows that work has come to rest, however slow the machine."""
    before = -1
    while before != (now := count()):
        before = now
        await asyncio.sleep(0.1)
    return now


def rows_without_source(items: Sequence[Resolution | Failure]) -> list[bytes]:
    """The JSON lines of answers, but for where they came from, and when that was checked."""
    return [msgspec.json.encode({**item.to_dict(), "source": None, "checked_at": None}) for item in items]


def environment(**more: str) -> dict[str, str]:
    """The environment of a process that imports this source tree."""
    return {**os.environ, "PYTHONPATH": str(ROOT), **more}


def command(*arguments: str | Path, **more: str) -> tuple[list[str], dict[str, str]]:
    """How to run the command in a process of its own; `more` are environment variables."""
    return [sys.executable, "-m", "resolver", *map(str, arguments)], environment(**more)


def run(*arguments: str | Path, stdin: str = "", **more: str) -> subprocess.CompletedProcess[str]:
    """The command, run to its end. What is never right is checked here: a traceback."""
    line, env = command(*arguments, **more)
    done = subprocess.run(line, env=env, input=stdin, capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr, done.stderr
    return done
