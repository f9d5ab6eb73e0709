"""Runs `python -m resolver.local_hub`: serves a catalog until interrupted.

The first line on stdout is the endpoint."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import signal
import sys
from pathlib import Path

from resolver.local_hub.catalog.catalog import Catalog
from resolver.local_hub.catalog.demo import practice_catalog
from resolver.local_hub.catalog.jsonl import repos_from_rows
from resolver.local_hub.catalog.readers import read_folder, read_jsonl
from resolver.local_hub.errors import CatalogError
from resolver.local_hub.options import HubOptions
from resolver.local_hub.server.server import LocalHub
from resolver.local_hub.testing.synthetic import synthetic


def main(argv: list[str] | None = None) -> int:
    """The exit code: 0 after SIGTERM or SIGINT, 2 where the repos cannot be read or the port is in use."""
    arguments = _build_parser().parse_args(argv)
    try:
        catalog = _load_catalog(arguments)
        asyncio.run(_serve(catalog, arguments))
    except (CatalogError, OSError) as error:
        print(f"local hub: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        pass
    return 0


def _build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m resolver.local_hub",
        description="Serve repos over the protocol of the Hugging Face Hub: by default those of the demo, and those "
        "that the documentation names.",
    )
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--jsonl", type=Path, metavar="F", help="a JSONL file, one repo in each line; .gz is gzipped")
    source.add_argument("--folder", type=Path, metavar="D", help="a folder that holds ORG/NAME or NAME folders")
    source.add_argument("--synthetic", type=int, metavar="N", help="N synthetic repos")
    parser.add_argument("--authors", type=int, default=100, help="number of owners of the synthetic repos")
    parser.add_argument("--seed", type=int, default=0, help="random seed of the synthetic repos")
    parser.add_argument("--port", type=int, default=0, help="port to listen on; 0, the default, picks a free port")
    parser.add_argument("--latency-ms", type=float, default=0.0, help="delay before each response")
    parser.add_argument("--quota-api", type=int, help="API requests per window and caller (default: no limit)")
    parser.add_argument("--quota-resolvers", type=int, help="file requests per window and caller (default: no limit)")
    parser.add_argument("--window", type=float, default=300.0, metavar="S", help="length of a quota window in seconds")
    parser.add_argument(
        "--free-redirects", action="store_true", help="do not count the redirected request for a small file"
    )
    parser.add_argument("--gzip", action="store_true", help="compress API responses where the client accepts it")
    parser.add_argument("--http-error-codes", action="store_true", help="send X-Error-Code with anonymous 401s")
    parser.add_argument("--quiet", action="store_true", help="print nothing but errors on stderr")
    return parser


def _load_catalog(arguments: argparse.Namespace) -> Catalog:
    if arguments.jsonl is not None:
        return read_jsonl(arguments.jsonl)
    if arguments.folder is not None:
        return read_folder(arguments.folder)
    if arguments.synthetic is not None:
        return Catalog(repos_from_rows(synthetic(arguments.synthetic, arguments.authors, arguments.seed)))
    return practice_catalog()


async def _serve(catalog: Catalog, arguments: argparse.Namespace) -> None:
    options = HubOptions(
        quota_api=arguments.quota_api,
        quota_resolvers=arguments.quota_resolvers,
        window_s=arguments.window,
        meter_resolve_cache=not arguments.free_redirects,
        gzip=arguments.gzip,
        http_error_codes=arguments.http_error_codes,
    )
    gc.freeze()  # keeps the catalog, which is never freed, out of every full garbage collection
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signal_number in (signal.SIGTERM, signal.SIGINT):
        with contextlib.suppress(NotImplementedError):
            loop.add_signal_handler(signal_number, stop.set)
    async with LocalHub(catalog, options, port=arguments.port, latency_s=arguments.latency_ms / 1000) as hub:
        print(hub.endpoint, flush=True)
        if not arguments.quiet:
            print(f"local hub: serving {len(catalog)} repos; press Ctrl-C to stop", file=sys.stderr)
        await stop.wait()


if __name__ == "__main__":
    sys.exit(main())
