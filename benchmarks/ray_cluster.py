"""Measures `resolver.fleet` on a Ray of this machine: ids by 1 and 4 actors, models by 1 and 2 workers.

    python benchmarks/ray_cluster.py [--repos 20000] [--actors 1 4] [--latency-ms 100] [--only ids|models]
                                     [--models 50] [--workers 1 2] [--use-ms 0] [--json FILE]

Beside each stands the same work by one process without Ray, `Resolver.resolve_many` or `load_many`; `times` says how
many times as fast as that Ray was. All share one local Hub and one PostgreSQL, with a new database and an empty cache
for each run. Each run is a process of its own. The seconds of ids include the start of the actors, not that of Ray; in
those of models all workers have loaded one model of each architecture before. `refused` counts responses 429.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import aclosing
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.loading import KINDS, save_models, warm_up
from resolver import Failure, Resolution, Resolver, Settings
from resolver.local_hub import HubProcess, start_process, synthetic
from tests import torchvision_beside_cpu_torch
from tests.store import postgres

ROOT = Path(__file__).resolve().parent.parent

CPUS = 4
"""The CPUs that Ray believes in: more than there may be, since actors mostly wait."""

SITE = ROOT / "tests" / "resolver" / "loading" / "site"
"""Prepares Ray's workers as `torchvision_beside_cpu_torch.install` does this process."""

Row = dict[str, Any]


def count_parameters(model: Any, _resolution: Resolution, use_s: float) -> int:
    """What is done with each model."""
    time.sleep(use_s)
    return sum(item.numel() for item in model.parameters())


def warm_up_worker(_model: Any, _resolution: Resolution, folder: Path) -> int:
    """Import what loading needs; returns the process that did."""
    warm_up(folder)
    return os.getpid()


async def resolve_in_process(settings: Settings, plan: Row) -> tuple[float, int]:
    """The seconds, and how many ids were answered."""
    async with Resolver(settings) as resolver:
        started_s = time.perf_counter()
        answers = resolver.resolve_many(list_ids(plan["repos"]), ordered=False)
        answered = sum([not isinstance(answer, Failure) async for answer in answers])
    return time.perf_counter() - started_s, answered


def resolve_with_ray(settings: Settings, plan: Row) -> tuple[float, int]:
    """The seconds, and how many rows have an answer."""
    import ray

    from resolver.fleet import resolve_dataset

    ids = [{"repo_id": repo_id} for repo_id in list_ids(plan["repos"])]
    started_s = time.perf_counter()
    compute = ray.data.ActorPoolStrategy(size=plan["size"])
    rows = resolve_dataset(ray.data.from_items(ids), settings, compute=compute).take_all()
    return time.perf_counter() - started_s, sum(row["error"] is None for row in rows)


async def load_in_process(settings: Settings, plan: Row) -> tuple[float, int]:
    """The seconds, and how many models were loaded."""
    warm_up(Path(plan["folder"]))
    async with Resolver(settings) as resolver:
        started_s, loaded = time.perf_counter(), 0
        async with aclosing(resolver.load_many(plan["models"])) as items:
            async for item in items:
                if not isinstance(item, Failure):
                    await asyncio.to_thread(count_parameters, item.model, item.resolution, plan["use_s"])
                    loaded += 1
    return time.perf_counter() - started_s, loaded


async def load_with_pool(settings: Settings, plan: Row) -> tuple[float, int]:
    """The seconds, and for how many models the function returned."""
    from resolver.fleet import ModelPool, ModelResult, WorkerSpec

    folder, size = Path(plan["folder"]), plan["size"]
    async with ModelPool(settings, [WorkerSpec(count=size)]) as pool:
        # Idle workers come first, so that each gets one.
        ones = [str(folder / "warm" / next(iter(KINDS)))] * size
        warmed = [item async for item in pool.map(partial(warm_up_worker, folder=folder), ones)]
        if len({item.value for item in warmed if isinstance(item, ModelResult)}) != size:
            raise SystemExit(f"not every worker was warmed up: {warmed}")
        started_s = time.perf_counter()
        results = pool.map(partial(count_parameters, use_s=plan["use_s"]), plan["models"])
        done = sum([isinstance(item, ModelResult) async for item in results])
    return time.perf_counter() - started_s, done


def list_ids(count: int) -> list[str]:
    """One repo for each author, so that no listing is used."""
    return [row["id"] for row in synthetic(count, count)]


def run(plan: Row, report: Path) -> None:
    """Make one run in this process."""
    settings = Settings(store=plan["store"], token=False)
    if plan["size"]:
        import ray

        ray.init("local", num_cpus=CPUS, include_dashboard=False, log_to_driver=False)
        ray.data.DataContext.get_current().enable_progress_bars = False
    call: Callable[[], tuple[float, int]]
    if plan["what"] == "ids":
        call = partial(resolve_with_ray, settings, plan)
        if not plan["size"]:
            call = partial(run_coroutine, resolve_in_process, settings, plan)
    else:
        torchvision_beside_cpu_torch.install()
        call = partial(run_coroutine, load_with_pool if plan["size"] else load_in_process, settings, plan)
    seconds, done = call()
    report.write_text(json.dumps({"seconds": seconds, "done": done}))


def run_coroutine(work: Callable[..., Any], *arguments: Any) -> Any:
    return asyncio.run(work(*arguments))


def run_process(plan: Row, hub: HubProcess, store: str) -> Row:
    """The figures of one run in a process of its own, with the requests that it sent."""
    with tempfile.TemporaryDirectory(prefix="ray-") as folder:
        environment = {
            **os.environ,
            "DISABLE_SAFETENSORS_CONVERSION": "1",
            "HF_ENDPOINT": hub.endpoint,
            "HF_HOME": str(Path(folder) / "hf"),
            "HF_HUB_DISABLE_PROGRESS_BARS": "1",
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "OMP_NUM_THREADS": "1",
            "PYTHONPATH": os.pathsep.join(map(str, (ROOT, SITE))),
            "RAY_AUTH_MODE": "disabled",
            "RAY_TMPDIR": folder,
        }
        before, report = hub.counts(), Path(folder) / "report.json"
        command = [sys.executable, __file__, "--run", json.dumps({**plan, "store": store}), str(report)]
        process = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if process.returncode:
            raise SystemExit(process.stderr)
        figures: Row = json.loads(report.read_text())
    after, refused = hub.counts(), str(int(HTTPStatus.TOO_MANY_REQUESTS))
    buckets = {name: count - before["bucket"].get(name, 0) for name, count in after["bucket"].items()}
    return {
        **figures,
        **buckets,
        "refused": after["status"].get(refused, 0) - before["status"].get(refused, 0),
    }


async def run_with_store(server: str, plan: Row, hub: HubProcess) -> Row:
    async with postgres.create_database(server) as store:
        return await asyncio.to_thread(run_process, plan, hub, store)


def measure(plan: Row, sizes: list[int], count: int, hub: HubProcess, server: str) -> Iterator[Row]:
    """A row for one process, then one for each size of the pool."""
    alone_s: float | None = None
    for size in (0, *sizes):
        figures = asyncio.run(run_with_store(server, {**plan, "size": size}, hub))
        if figures["done"] != count:
            raise SystemExit(f"{count - figures['done']} of {plan['what']} failed, so the figures would be wrong")
        alone_s = alone_s or figures["seconds"]
        names = {"ids": ("resolve_many", "actors"), "models": ("load_many", "workers")}[plan["what"]]
        yield {
            "what": f"{count} {plan['what']}, {f'{names[1]}: {size}' if size else names[0]}",
            "seconds": round(figures["seconds"], 1),
            "times": round(alone_s / figures["seconds"], 2),
            "api": figures.get("api", 0),
            "resolvers": figures.get("resolvers", 0),
            "refused": figures["refused"],
        }


def measure_all(options: argparse.Namespace, folder: Path, server: str) -> Iterator[Row]:
    if options.only in (None, "ids"):
        authors = ("--authors", str(options.repos))
        with start_process(synthetic=options.repos, latency_ms=options.latency_ms, extra=authors) as hub:
            plan = {"what": "ids", "repos": options.repos}
            yield from measure(plan, options.actors, options.repos, hub, server)
    if options.only in (None, "models"):
        torchvision_beside_cpu_torch.install()
        names = [name for name, _ in save_models(folder, options.models, hidden=128)]
        with start_process(folder=folder / "hub", latency_ms=options.latency_ms) as hub:
            plan = {"what": "models", "folder": str(folder), "models": names, "use_s": options.use_ms / 1000}
            # Not measured: the Hub reads and hashes each file at the first request for it.
            asyncio.run(run_with_store(server, {**plan, "size": 0}, hub))
            yield from measure(plan, options.workers, len(names), hub, server)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repos", type=int, default=20_000)
    parser.add_argument("--actors", type=int, nargs="+", default=[1, 4], help="sizes of the pool of actors")
    parser.add_argument("--models", type=int, default=50)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2], help="numbers of workers that hold models")
    parser.add_argument("--use-ms", type=float, default=0.0, help="how long each model is used")
    parser.add_argument("--latency-ms", type=float, default=100.0, help="how far away the Hub is")
    parser.add_argument("--only", choices=("ids", "models"))
    parser.add_argument("--json", type=Path)
    parser.add_argument("--run", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.run is not None:
        run(json.loads(options.run[0]), Path(options.run[1]))
        return
    rows = []
    print(f"{'':34}{'seconds':>9}{'times':>8}{'api':>9}{'resolvers':>11}{'refused':>9}", flush=True)
    with tempfile.TemporaryDirectory() as folder, postgres.run_server(max_connections=100) as server:
        for row in measure_all(options, Path(folder), server):
            rows.append(row)
            what, seconds, times, api, resolvers, refused = row.values()
            print(f"{what:34}{seconds:9.1f}{times:8.2f}{api:9}{resolvers:11}{refused:9}", flush=True)
    if options.json is not None:
        options.json.write_text(json.dumps(rows, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
