"""Runs `hubresolve resolve --ray` and `load --ray`: the same work on the machines of a Ray cluster."""

from __future__ import annotations

import socket
import time
from collections.abc import AsyncIterable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from resolver.cli.exits import ALL_ANSWERED, ERROR_ROWS
from resolver.cli.input.ids import read_ids
from resolver.cli.loading import LoadRequest, write_rows
from resolver.cli.output import OutputOptions
from resolver.cli.progress import Advance, open_progress
from resolver.cli.resolve_request import ResolveRequest
from resolver.cli.resolving import build_settings
from resolver.cli.selection import Selection
from resolver.cli.summary import SUMMARY_KEYS, Summary, render_totals
from resolver.fleet.cluster import check_shared_store, import_ray
from resolver.lookup.request import Request, UnusableRequest
from resolver.render import make_printable
from resolver.resolution import Resolution
from resolver.settings import Settings

ROWS_PER_FILE = 100_000

CONNECT_TIMEOUT_S = 10.0

NEEDS_SHARED_STORE = "--ray runs on several machines"


def resolve_on_ray(
    address: str,
    request: ResolveRequest,
    hub_options: Mapping[str, Any],
    *,
    output: OutputOptions,
    quiet: bool,
) -> int:
    """Resolve all repos on the cluster at `address`, and write Parquet files into a folder; the exit code.

    Raises:
        click.UsageError: Ray or pyarrow is not installed, there is no cluster, or the folder is missing or not empty.
        SettingsError: the store is a SQLite file.
    """
    if request.is_listing or request.retry_failed is not None or request.subfolder:
        raise click.UsageError("--ray takes ids and --file only: one machine reads a listing as fast as many")
    if output.path is None:
        raise click.UsageError("--ray needs --output DIR: a folder for the Parquet files")
    if output.format_ not in ("table", "parquet") or output.selection != Selection():
        raise click.UsageError("--ray writes Parquet files with all rows and columns: give no other format or choice")
    folder = Path(output.path)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise click.UsageError(f"--output {output.path}: it is not an empty folder")
    settings = build_settings(hub_options)
    requests = read_ids(request.ids, request.file, hub_options["endpoint"])
    if isinstance(requests, AsyncIterable):
        raise click.UsageError("--ray needs --file with the name of a file, not standard input")
    started_s, summary = time.monotonic(), Summary()
    with _connect(address, settings) as ray:
        import pyarrow
        from pyarrow import dataset as files

        from resolver.fleet.dataset import resolve_dataset
        from resolver.frames import build_arrow_schema

        ray.data.DataContext.get_current().enable_progress_bars = False
        column = pyarrow.array(map(_write_request, requests), pyarrow.string())
        names = {name: hub_options[name] for name in ("revision", "task", "library")}
        resolved = resolve_dataset(ray.data.from_arrow(pyarrow.table({"repo_id": column})), settings, **names)

        def read_batches(advance: Advance) -> Iterator[Any]:
            tables: Iterable[Any] = resolved.iter_batches(batch_format="pyarrow", batch_size=None)
            for table in tables:
                for row in table.select(SUMMARY_KEYS).to_pylist():
                    summary.add(row)
                advance(summary.total, summary.failed, {})
                yield from table.to_batches()

        with open_progress(lambda: len(column), quiet=quiet) as advance:
            files.write_dataset(
                read_batches(advance),
                folder,
                schema=build_arrow_schema(),
                format="parquet",
                max_rows_per_file=ROWS_PER_FILE,
                max_rows_per_group=ROWS_PER_FILE,
            )
    if not quiet:
        totals = render_totals(
            summary, requests={}, quota_left={}, elapsed_s=time.monotonic() - started_s, longest_wait_s=0
        )
        click.echo(make_printable(f"{summary.render()}{totals}\n"), err=True, nl=False)
    return ERROR_ROWS if summary.failed else ALL_ANSWERED


async def load_on_ray(
    address: str, request: LoadRequest, hub_options: Mapping[str, Any], *, format_: str, quiet: bool
) -> int:
    """Load all models on the cluster at `address`, one after the other on each machine, or each GPU where the device is
    one; the exit code.

    Raises:
        click.UsageError: Ray is not installed, or there is no cluster.
        SettingsError: the store is a SQLite file.
    """
    settings = build_settings(hub_options)
    with _connect(address, settings) as ray:
        from resolver.fleet.model_pool import ModelPool, WorkerSpec

        on_gpu = str(request.options.get("device", "cpu")).startswith("cuda")
        count = int(ray.cluster_resources().get("GPU", 0)) if on_gpu else sum(node["Alive"] for node in ray.nodes())
        if not count:
            raise click.UsageError(f"--ray {address}: the cluster has no GPU")
        ray_options = {"num_gpus": 1} if on_gpu else {}
        spec = WorkerSpec(count=count, max_resident_bytes=request.max_resident_bytes, ray_options=ray_options)
        async with ModelPool(settings, [spec]) as pool:
            loaded = pool.map(
                _return_nothing,
                read_ids(request.ids, request.file, hub_options["endpoint"]),
                revision=hub_options["revision"],
                task=hub_options["task"],
                **request.options,
            )
            return await write_rows(loaded, request, format_=format_, quiet=quiet, get_quota_left=dict)


def _return_nothing(model: Any, resolution: Resolution) -> None:
    """The function that is called with each model, which only has to be loaded."""


@contextmanager
def _connect(address: str, settings: Settings) -> Iterator[Any]:
    """Ray, connected to a cluster.

    Raises:
        click.UsageError: Ray is not installed, or there is no cluster.
        SettingsError: the store is a SQLite file.
    """
    check_shared_store(settings, reason=NEEDS_SHARED_STORE)
    try:
        ray = import_ray()
        # Ray's datasets need it, and are imported only when they are used.
        import pyarrow  # noqa: F401
    except ImportError as error:
        raise click.UsageError("--ray needs Ray: pip install 'hubresolve[ray]'") from error
    try:
        _connect_once(address)
        ray.init(address=address, logging_level="error", log_to_driver=False)
    except (OSError, ValueError, RuntimeError) as error:
        raise click.UsageError(f"--ray {address}: there is no Ray cluster: {str(error).strip()[:200]}") from error
    try:
        yield ray
    finally:
        ray.shutdown()


def _connect_once(address: str) -> None:
    """Raise an OSError where nobody listens at an address of host and port: Ray itself would try for minutes."""
    host, _, port = address.rpartition(":")
    if host and port.isdecimal() and "/" not in host:
        socket.create_connection((host, int(port)), CONNECT_TIMEOUT_S).close()


def _write_request(request: Request) -> str:
    """The text of a request, as a worker parses it again."""
    if isinstance(request, UnusableRequest):
        return request.repo_id
    if isinstance(request, tuple):
        repo_id, revision = request
        return f"{repo_id}@{revision}" if revision else repo_id
    return str(request)
