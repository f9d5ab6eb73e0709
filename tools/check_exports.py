"""Exports a tiny model for every pair of model type and task, and writes the outcomes.

    python -m tools.check_exports [--only TYPE ...] [--missing] [--workers N]

Without options all pairs are checked, which takes about an hour; `--missing` checks those that have failed or were not
checked yet. `tests/resolver/exporting/outcomes.json` and `docs/exports.md` are written after each pair, so the run can
be stopped at any time. Exports leak memory: a worker process ends after 20 of them.
"""

from __future__ import annotations

import argparse
import multiprocessing
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from tests.resolver.exporting.pairs import (
    CHECKED,
    Pair,
    get_outcome,
    list_checked_pairs,
    list_pairs,
    read_outcomes,
    write_outcomes,
)

MAX_REASON_LENGTH = 140
MAX_EXPORTS_PER_PROCESS = 20


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="*", metavar="TYPE", help="check only these model types")
    parser.add_argument(
        "--missing", action="store_true", help="check only pairs that have failed or were not checked yet"
    )
    parser.add_argument("--workers", type=int, default=1, help="the number of processes")
    options = parser.parse_args(arguments)

    outcomes = read_outcomes()
    pairs = [
        pair
        for pair in list_pairs()
        if (not options.only or pair[1] in options.only)
        and not (options.missing and get_outcome(pair, outcomes) == CHECKED)
    ]
    if options.missing:
        # One task of each model type, then the next one: a stopped run has checked some tasks of each.
        counts = Counter(pair[:2] for pair in list_checked_pairs(outcomes))
        rounds = {}
        for pair in pairs:
            rounds[pair] = counts[pair[:2]]
            counts[pair[:2]] += 1
        pairs.sort(key=lambda pair: rounds[pair])
    context = multiprocessing.get_context("spawn")
    with context.Pool(options.workers, maxtasksperchild=MAX_EXPORTS_PER_PROCESS) as pool:
        for pair, outcome, duration_s in pool.imap(check_pair, pairs):
            library, model_type, task = pair
            print(f"{library} {model_type} {task}: {outcome} ({duration_s:.1f} s)", flush=True)
            outcomes.setdefault(library, {}).setdefault(model_type, {})[task] = outcome
            write_outcomes(outcomes)


def check_pair(pair: Pair) -> tuple[Pair, str, float]:
    """The pair, its outcome ("checked", or why the check failed), and the duration in seconds."""
    import torch

    from tests import torchvision_beside_cpu_torch
    from tests.resolver.exporting.check_rows import FAILURE_REASONS
    from tests.resolver.exporting.checking import check_onnx

    torchvision_beside_cpu_torch.install()
    torch.set_num_threads(1)
    started = time.perf_counter()
    _, model_type, task = pair
    try:
        with tempfile.TemporaryDirectory() as folder:
            check_onnx(*pair, Path(folder))
        outcome = CHECKED
    except Exception as error:
        # Any error of the model, the tracer or the runtime is an outcome.
        known_reason = FAILURE_REASONS.get((model_type, task)) or FAILURE_REASONS.get((model_type, "*"))
        outcome = known_reason or _describe_error(error)
    return pair, outcome, time.perf_counter() - started


def _describe_error(error: Exception) -> str:
    line = next((line for line in str(error).splitlines() if line.strip()), "")
    text = f"{type(error).__name__}: {line.strip()}" if type(error).__name__ != "NotBuiltError" else line
    return text[:MAX_REASON_LENGTH].replace("|", "\\|")


if __name__ == "__main__":
    main()
