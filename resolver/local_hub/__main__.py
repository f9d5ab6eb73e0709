"""`python -m resolver.local_hub`: serve a catalog until interrupted; the first line on stdout is the endpoint."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import signal
import sys
from pathlib import Path

from resolver.local_hub.catalog.catalog import Catalog
from resolver.local_hub.catalog.demo import demo_catalog
from resolver.local_hub.catalog.jsonl import repos_from_rows
from resolver.local_hub.catalog.readers import read_folder, read_jsonl
from resolver.local_hub.errors import CatalogError
from resolver.local_hub.server.options import HubOptions
from resolver.local_hub.server.server import LocalHub
from resolver.local_hub.testing.synthetic import synthetic


def main(arguments: list[str] | None = None) -> int:
    """Exit code: 0 after SIGTERM or SIGINT, 2 where the repos cannot be read or the port is taken."""
    wanted = _parser().parse_args(arguments)
    try:
        catalog = _catalog(wanted)
        asyncio.run(_serve(catalog, wanted))
    except (CatalogError, OSError) as error:
        print(f"local hub: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        pass
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m resolver.local_hub", description="Serve repos as a Hub would.")
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--jsonl", type=Path, metavar="F", help="one repo a line, plain or .gz")
    source.add_argument("--folder", type=Path, metavar="D", help="a folder of ORG/NAME or NAME folders")
    source.add_argument("--synthetic", type=int, metavar="N", help="N made-up repos (default: the demo's repos)")
    parser.add_argument("--authors", type=int, default=100, help="owners of the made-up repos")
    parser.add_argument("--seed", type=int, default=0, help="of the made-up repos")
    parser.add_argument("--port", type=int, default=0, help="0, the default, picks a free one")
    parser.add_argument("--latency-ms", type=float, default=0.0, help="waited before each answer")
    parser.add_argument("--quota-api", type=int, help="requests per window and caller; without limit by default")
    parser.add_argument("--quota-resolvers", type=int, help="the same for file requests")
    parser.add_argument("--window", type=float, default=300.0, metavar="S", help="seconds")
    parser.add_argument("--gzip", action="store_true", help="compress API answers where accepted")
    parser.add_argument("--http-error-codes", action="store_true", help="X-Error-Code on anonymous 401 answers")
    parser.add_argument("--quiet", action="store_true", help="say nothing on stderr but errors")
    return parser


def _catalog(wanted: argparse.Namespace) -> Catalog:
    if wanted.jsonl is not None:
        return read_jsonl(wanted.jsonl)
    if wanted.folder is not None:
        return read_folder(wanted.folder)
    if wanted.synthetic is not None:
        return Catalog(repos_from_rows(synthetic(wanted.synthetic, wanted.authors, wanted.seed)))
    return demo_catalog()


async def _serve(catalog: Catalog, wanted: argparse.Namespace) -> None:
    options = HubOptions(
        quota_api=wanted.quota_api,
        quota_resolvers=wanted.quota_resolvers,
        window_s=wanted.window,
        gzip=wanted.gzip,
        http_error_codes=wanted.http_error_codes,
    )
    gc.freeze()  # the catalog stays: without this every full collection walks all of it
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        with contextlib.suppress(NotImplementedError):
            loop.add_signal_handler(number, stop.set)
    async with LocalHub(catalog, options, port=wanted.port, latency_s=wanted.latency_ms / 1000) as hub:
        print(hub.endpoint, flush=True)
        if not wanted.quiet:
            print(f"local hub: {len(catalog)} repos, Ctrl-C stops it", file=sys.stderr)
        await stop.wait()


if __name__ == "__main__":
    sys.exit(main())
