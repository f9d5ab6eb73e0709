"""Measures many masked language models on the same sentences, on the machines of a Ray cluster, or on this one.

    python examples/evaluation_sweep.py ids.txt [--workers 2] [--address auto]

Each worker loads a model with its tokenizer, measures it where it is, and returns one number: the mean loss over the
tokens of the sentences (in nats; lower is better). The models are printed from best to worst.
"""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path
from typing import Any

import ray

from resolver import Failure, Resolution
from resolver.fleet import ModelPool, WorkerSpec

SENTENCES = ("Paris is the capital of France.", "The cat sat on the mat.", "Water boils at a hundred degrees.")


def measure(model: Any, resolution: Resolution) -> float:
    """The mean loss of a masked language model; runs on a worker."""
    import torch
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(resolution.repo_id, revision=resolution.commit_hash)
    batch = tokenizer(list(SENTENCES), return_tensors="pt", padding=True)
    labels = batch["input_ids"].masked_fill(batch["attention_mask"] == 0, -100)
    with torch.no_grad():
        return float(model(**batch, labels=labels).loss)


async def main() -> int:
    """Measure the models of the arguments; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("ids", type=Path)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--address", help="of a Ray cluster; by default Ray is started on this machine")
    options = parser.parse_args()
    ids = [line.strip() for line in options.ids.read_text().splitlines() if line.strip()]
    ray.init(address=options.address, log_to_driver=False, ignore_reinit_error=True)
    losses: dict[str, float] = {}
    async with ModelPool(workers=[WorkerSpec(count=options.workers)]) as pool:
        async for result in pool.map(measure, ids, task="fill-mask"):
            if isinstance(result, Failure):
                print(f"{result.repo_id}: {result.error}")
            else:
                losses[result.repo_id] = result.value
    for repo_id, loss in sorted(losses.items(), key=lambda item: item[1]):
        print(f"{loss:8.3f}  {repo_id}")
    return 0 if len(losses) == len(ids) else 1


if __name__ == "__main__":
    raise SystemExit(asyncio.run(main()))
