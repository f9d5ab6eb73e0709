"""Exports many models to ONNX, on the machines of a Ray cluster, or on this one.

    python examples/export_farm.py ids.txt exported/ [--workers 4] [--memory 8] [--address auto]

Each line of `ids.txt` is a repo id. Every worker loads a model, exports it where it is, and writes the graph into the
folder, which all machines must share. A line is printed for each model; the exit code is 1 if one failed.
"""

from __future__ import annotations

import argparse
import asyncio
from functools import partial
from pathlib import Path
from typing import Any

import ray

from resolver import Failure, Resolution
from resolver.fleet import ModelPool, WorkerSpec


def export(model: Any, resolution: Resolution, folder: Path) -> str:
    """Write the graph of a model; runs on a worker. Returns the path of the file."""
    from registry import default_registry
    from registry.export import shipped_export_registry
    from resolver.exporting import export_onnx

    model_type, task = resolution.model_type, resolution.task
    if model_type is None or task is None:
        raise ValueError("neither its model type nor its task is known")
    constructors = shipped_export_registry(default_registry()).get_supported_tasks_for_model_type(model_type, "onnx")
    if task not in constructors:
        raise ValueError(f"{model_type} cannot be exported for {task}")
    path = folder / f"{resolution.repo_id.replace('/', '--')}.onnx"
    export_onnx(model, constructors[task](model.config), path)
    return str(path)


async def main() -> int:
    """Export the models of the arguments; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("ids", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--memory", type=float, default=8, help="GiB of models in one worker")
    parser.add_argument("--address", help="of a Ray cluster; by default Ray is started on this machine")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    ids = [line.strip() for line in options.ids.read_text().splitlines() if line.strip()]
    ray.init(address=options.address, log_to_driver=False, ignore_reinit_error=True)
    failed = 0
    spec = WorkerSpec(count=options.workers, max_resident_bytes=int(options.memory * 2**30))
    async with ModelPool(workers=[spec]) as pool:
        async for result in pool.map(partial(export, folder=options.folder.resolve()), ids):
            if isinstance(result, Failure):
                failed += 1
                print(f"{result.repo_id}: {result.error}")
            else:
                print(f"{result.repo_id}: {result.value} in {result.elapsed_s + result.call_s:.1f} s")
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(asyncio.run(main()))
