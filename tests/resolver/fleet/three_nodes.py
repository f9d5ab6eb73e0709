"""Resolves a dataset, then calls a function with models, on three nodes of Ray; a node is removed during each.

    python three_nodes.py FOLDER STORE IDS_ENDPOINT COUNT MODELS_ENDPOINT MODEL...

A node is removed when it is at work. Then a file in FOLDER appears, `ids-removed` or `models-removed`: until then the
Hub of the ids and the function hold their answers. `result.json` has the rows' numbers, the result for each model, and
how many nodes are left. It is a program of its own, since a process is connected to one cluster at a time; Ray's files
are where `RAY_TMPDIR` says.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import ray
import ray.cluster_utils

from resolver import Failure, Resolution, Settings
from resolver.fleet import ModelPool, WorkerSpec, resolve_dataset
from resolver.local_hub.testing.synthetic import synthetic

ACTORS = 3
HEAD: dict[str, Any] = {"num_cpus": 1, "object_store_memory": 100 * 2**20, "include_dashboard": False}
NODE: dict[str, Any] = {**HEAD, "num_cpus": 2}
"""Two of the actors at most are on the head, which is not removed."""

start_cluster: Callable[..., Any] = ray.cluster_utils.Cluster
"""Ray gives its constructor no types."""


def is_resolving(node: Any) -> bool:
    """Whether an actor of Ray Data is in the middle of a batch there: Ray writes it into the title of the process."""
    raylet = node.all_processes["raylet"][0].process.pid
    for child in Path(f"/proc/{raylet}/task/{raylet}/children").read_text().split():
        try:
            title = Path(f"/proc/{child}/cmdline").read_bytes()
        except OSError:
            continue
        if title.startswith(b"ray::MapWorker(") and b".submit" in title:
            return True
    return False


def remove_one(cluster: Any, is_at_work: Callable[[Any], bool], done: Path) -> None:
    """Remove one of the nodes that are at work, as soon as there is one."""
    while not (found := [node for node in cluster.worker_nodes if is_at_work(node)]):
        time.sleep(0.05)
    cluster.remove_node(found[0], allow_graceful=False)
    done.touch()


def start_removing(cluster: Any, is_at_work: Callable[[Any], bool], done: Path) -> None:
    threading.Thread(target=remove_one, args=(cluster, is_at_work, done), daemon=True).start()


def resolve(settings: Settings, count: int) -> list[int]:
    ids = [row["id"] for row in synthetic(count, count)]
    dataset = ray.data.from_items([{"repo_id": repo_id, "n": n} for n, repo_id in enumerate(ids)])
    pool = ray.data.ActorPoolStrategy(size=ACTORS)
    rows = resolve_dataset(dataset, settings, compute=pool, batch_size=count // 20).take_all()
    return sorted(row["n"] for row in rows if row["error"] is None)


def count_parameters(model: Any, _resolution: Resolution, folder: Path) -> int:
    """The number of parameters. It tells where it runs, and waits until a node has been removed."""
    (folder / ray.get_runtime_context().get_node_id()).touch()
    while not (folder / "models-removed").exists():
        time.sleep(0.05)
    return sum(item.numel() for item in model.parameters())


async def call(settings: Settings, names: list[str], folder: Path) -> dict[str, Any]:
    options = {"num_cpus": 1, "scheduling_strategy": "SPREAD"}
    async with ModelPool(settings, [WorkerSpec(count=ACTORS, ray_options=options)]) as pool:
        return {
            item.repo_id: item.error.code if isinstance(item, Failure) else item.value
            async for item in pool.map(partial(count_parameters, folder=folder), names)
        }


def main() -> None:
    folder, store, ids_endpoint, count, models_endpoint, *names = sys.argv[1:]
    place = Path(folder)
    # However long the Hub holds an answer.
    ids_settings = Settings(endpoint=ids_endpoint, store=store, token=False, timeout_s=3_600)
    models_settings = Settings(endpoint=models_endpoint, store=store, token=False)
    cluster = start_cluster(initialize_head=True, head_node_args=HEAD)
    try:
        for _ in range(2):
            cluster.add_node(**NODE)
        ray.init(address=cluster.address, log_to_driver=False, logging_level=logging.CRITICAL)
        ray.data.DataContext.get_current().enable_progress_bars = False
        start_removing(cluster, is_resolving, place / "ids-removed")
        rows = resolve(ids_settings, int(count))
        cluster.add_node(**NODE)
        start_removing(cluster, lambda node: (place / node.node_id).exists(), place / "models-removed")
        models = asyncio.run(call(models_settings, names, place))
        nodes: list[dict[str, Any]] = ray.nodes()  # type: ignore[no-untyped-call]  # Ray gives no type
        alive = sum(node["Alive"] for node in nodes)
        (place / "result.json").write_text(json.dumps({"rows": rows, "models": models, "alive": alive}))
    finally:
        ray.shutdown()
        cluster.shutdown()


if __name__ == "__main__":
    main()
