"""Many small models: requests, wall time and memory of `load_many`, beside a loop of `from_pretrained`.

    python benchmarks/loading.py [--models 50] [--latency-ms 20] [--hidden 128] [--use-ms 0] [--json FILE]

A local Hub of its own process serves models of five architectures, each with weights of its own, and waits
`--latency-ms` before each response. Each run is a process of its own, which loads one model of each architecture from
disk before the clock starts, so that no import is measured. Cold: the cache is empty. Warm: it has all files, and
another process makes the same call. The loop is given the auto class of each model; `load_many` finds it. `peak` is the
largest growth of the process, memory-mapped files included; `held` is the largest sum of the tensors of all models in
memory at once.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import aclosing
from importlib.metadata import version
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from resolver import Failure, Resolver, Settings
from resolver.local_hub import HubProcess, start_process
from tests import torchvision_beside_cpu_torch

KINDS = {
    # architecture -> (config class, auto class)
    "BertForMaskedLM": ("BertConfig", "AutoModelForMaskedLM"),
    "BertForSequenceClassification": ("BertConfig", "AutoModelForSequenceClassification"),
    "LlamaForCausalLM": ("LlamaConfig", "AutoModelForCausalLM"),
    "T5ForConditionalGeneration": ("T5Config", "AutoModelForSeq2SeqLM"),
    "ViTForImageClassification": ("ViTConfig", "AutoModelForImageClassification"),
}
BUDGET_IN_MODELS = 3
"""The memory budget of `load_many`, as a multiple of the largest model."""


def build_config_arguments(architecture: str, hidden: int) -> dict[str, Any]:
    """The arguments for a configuration with the hidden size `hidden`."""
    if architecture.startswith("T5"):
        return {"vocab_size": 2000, "d_model": hidden, "d_kv": 64, "d_ff": 2 * hidden, "num_layers": 2, "num_heads": 2}
    shared = {"hidden_size": hidden, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 2 * hidden}
    if architecture.startswith("ViT"):
        return {**shared, "image_size": 64, "patch_size": 16}
    return {**shared, "vocab_size": 2000}


def save_models(folder: Path, count: int, hidden: int) -> list[tuple[str, str]]:
    """Save `count` models, and one of each kind to warm up with; (id, auto class) of each of the `count`."""
    import torch
    import transformers

    models = []
    for number in range(-len(KINDS), count):
        architecture, (config, auto_class) = list(KINDS.items())[number % len(KINDS)]
        torch.manual_seed(number)
        name = f"small/m{number:03d}" if number >= 0 else f"warm/{architecture}"
        model = getattr(transformers, architecture)(
            getattr(transformers, config)(**build_config_arguments(architecture, hidden))
        )
        model.save_pretrained(folder / ("hub" if number >= 0 else "") / name)
        if number >= 0:
            models.append((name, auto_class))
    return models


def warm_up(folder: Path) -> None:
    """Load one model of each kind, which imports all modules that loading needs."""
    import transformers

    for architecture, (_, auto_class) in KINDS.items():
        getattr(transformers, auto_class).from_pretrained(folder / "warm" / architecture)


def load_in_loop(models: list[list[str]], use_s: float) -> None:
    """The loop of `from_pretrained` that a user would write."""
    import transformers

    for name, auto_class in models:
        model = getattr(transformers, auto_class).from_pretrained(name)
        time.sleep(use_s)
        del model


async def load_with_resolver(models: list[list[str]], store: Path, budget_bytes: int | None, use_s: float) -> int:
    """Load all with `load_many`, each in use for `use_s`; the most bytes that the models in memory took at once."""
    from resolver.loading.memory_budget import MemoryBudget

    held_bytes, reserve = 0, MemoryBudget.reserve

    def reserve_and_record(budget: MemoryBudget, model: Any, name: str, size_bytes: int) -> bool:
        nonlocal held_bytes
        fits = reserve(budget, model, name, size_bytes)
        held_bytes = max(held_bytes, budget.resident_bytes)
        return fits

    MemoryBudget.reserve = reserve_and_record  # type: ignore[method-assign,assignment]
    async with Resolver(Settings(endpoint=os.environ["HF_ENDPOINT"], store=store, token=False)) as resolver:
        ids = [name for name, _ in models]
        async with aclosing(resolver.load_many(ids, max_resident_bytes=budget_bytes)) as items:
            async for item in items:
                if isinstance(item, Failure):
                    raise SystemExit(f"{item.repo_id}: {item.error}")
                await asyncio.sleep(use_s)
    return held_bytes


def run(plan: dict[str, Any]) -> None:
    """Make one run in this process, and print its figures as JSON."""
    torchvision_beside_cpu_torch.install()
    import torch

    torch.set_num_threads(1)
    warm_up(Path(plan["folder"]))
    start_bytes = read_status_bytes("VmRSS")
    reset_peak()
    started_s, held_bytes = time.perf_counter(), None
    if plan["use_resolver"]:
        call = load_with_resolver(plan["models"], Path(plan["store"]), plan["budget_bytes"], plan["use_s"])
        held_bytes = asyncio.run(call)
    else:
        load_in_loop(plan["models"], plan["use_s"])
    elapsed_s = time.perf_counter() - started_s
    peak_bytes = read_status_bytes("VmHWM") - start_bytes
    print(json.dumps({"seconds": elapsed_s, "held_bytes": held_bytes, "peak_bytes": peak_bytes}))


def reset_peak() -> None:
    """Restart the kernel's count of this process's peak memory (Linux)."""
    Path("/proc/self/clear_refs").write_text("5")


def read_status_bytes(name: str) -> int:
    """The value of one line of this process's status (Linux)."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(name))
    return int(line.split()[1]) * 1024


def run_process(plan: dict[str, Any], hub: HubProcess, cache: Path) -> dict[str, Any]:
    """The figures of one run in a process of its own, with the number of requests that it sent."""
    env = {
        **os.environ,
        "HF_ENDPOINT": hub.endpoint,
        "HF_HUB_CACHE": str(cache),
        "OMP_NUM_THREADS": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "DISABLE_SAFETENSORS_CONVERSION": "1",
    }
    before = hub.counts()["total"]
    command = [sys.executable, __file__, "--run", json.dumps(plan)]
    process = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    if process.returncode:
        raise SystemExit(process.stderr)
    figures: dict[str, Any] = json.loads(process.stdout.splitlines()[-1])
    return {**figures, "requests": hub.counts()["total"] - before}


def measure_all(options: argparse.Namespace, folder: Path) -> Iterator[dict[str, Any]]:
    """Cold and warm rows of the loop, of `load_many`, and of `load_many` with a budget."""
    count, latency_ms, use_s = options.models, options.latency_ms, options.use_ms / 1000
    models = save_models(folder, count, options.hidden)
    file_sizes = [file.stat().st_size for file in (folder / "hub").rglob("*.safetensors")]
    budget_bytes = BUDGET_IN_MODELS * max(file_sizes)
    with start_process(folder=folder / "hub", latency_ms=latency_ms) as hub:
        # Not measured: the Hub reads and hashes each file at the first request for it.
        run_process(
            {"folder": str(folder), "models": models, "use_resolver": False, "use_s": 0.0}, hub, folder / "cache-first"
        )
        loop_s: dict[str, float] = {}
        for what, budget in (("loop of from_pretrained", 0), ("load_many", None), ("load_many, budget", budget_bytes)):
            name = what.replace(" ", "-").replace(",", "")
            plan = {
                "folder": str(folder),
                "models": models,
                "use_resolver": budget != 0,
                "store": str(folder / f"{name}.db"),
                "budget_bytes": budget or None,
                "use_s": use_s,
            }
            for state in ("cold", "warm"):
                figures = run_process(plan, hub, folder / f"cache-{name}")
                loop_s.setdefault(state, figures["seconds"])
                yield {
                    "what": what,
                    "state": state,
                    "latency_ms": latency_ms,
                    "models": count,
                    "files_bytes": sum(file_sizes),
                    "budget_bytes": budget or None,
                    "requests_per_model": figures["requests"] / count,
                    "seconds": figures["seconds"],
                    "ratio": loop_s[state] / figures["seconds"],
                    "held_bytes": figures["held_bytes"],
                    "peak_bytes": figures["peak_bytes"],
                }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=int, default=50)
    parser.add_argument("--latency-ms", type=float, default=20.0)
    parser.add_argument("--hidden", type=int, default=128, help="the width of the models")
    parser.add_argument("--use-ms", type=float, default=0.0, help="how long each model is used before the next")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--run", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.run is not None:
        run(json.loads(options.run))
        return
    torchvision_beside_cpu_torch.install()
    print(f"{'':26}{'':6}{'requests':>10}{'seconds':>9}{'ratio':>7}{'held MB':>9}{'peak MB':>9}{'budget MB':>11}")
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for row in measure_all(options, Path(folder)):
            rows.append(row)
            held, budget = (row[name] / 1e6 if row[name] else None for name in ("held_bytes", "budget_bytes"))
            print(
                f"{row['what']:26}{row['state']:6}{row['requests_per_model']:10.2f}{row['seconds']:9.2f}"
                f"{row['ratio']:7.2f}{'-' if held is None else format(held, '.1f'):>9}"
                f"{row['peak_bytes'] / 1e6:9.1f}{'-' if budget is None else format(budget, '.1f'):>11}",
                flush=True,
            )
    if options.json is not None:
        about = {
            "machine": f"{platform.machine()}, {os.cpu_count()} processors, {platform.system()}",
            "python": platform.python_version(),
            **{name: version(name) for name in ("transformers", "torch", "huggingface_hub")},
        }
        options.json.write_text(json.dumps({"about": about, "rows": rows}, indent=2) + "\n")


if __name__ == "__main__":
    main()
