"""Resolves ids at a Hub in a process of its own, and writes what came of it as JSON. Run by `test_hub`."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
import time
import traceback
from typing import Any

from resolver.answer import Failure
from resolver.hub.retry import RetryPolicy
from resolver.limits import Limits
from resolver.render import render_json_line
from resolver.resolver import Resolver
from resolver.settings import Settings

POLICY = RetryPolicy(first_wait_s=0.002, max_wait_s=0.01, max_retry_after_s=0.01)


async def resolve_all(endpoint: str, store: str, token: str, ids: list[str], timeout_s: float) -> dict[str, Any]:
    """The rows, everything that errors show, the longest time without an answer, and the longest wait."""
    settings = Settings(endpoint=endpoint, store=store, token=token, timeout_s=timeout_s, offline=False)
    rows, shown, started_s = list[str](), list[str](), time.monotonic()
    async with Resolver(settings, limits=Limits(retry=POLICY)) as resolver:
        async for item in resolver.resolve_many(ids):
            rows.append(render_json_line(item.to_dict()))
            if isinstance(item, Failure):
                shown.append(repr(item) + "".join(traceback.format_exception(item.error)))
        return {
            "rows": rows,
            "shown": "".join(shown),
            "elapsed_s": time.monotonic() - started_s,
            "longest_wait_s": resolver.longest_wait_s,
            "requests": sum(resolver.requests.values()),
        }


def main() -> None:
    """Read what to do from standard input, write what came of it to standard output."""
    logging.basicConfig(level=logging.INFO)
    given = json.load(sys.stdin)
    json.dump(asyncio.run(resolve_all(**given)), sys.stdout)


if __name__ == "__main__":
    main()
