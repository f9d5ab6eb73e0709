"""Exports a tiny model of every pair of model type and task, and writes what came of it.

    python -m tools.check_exports [--only TYPE ...] [--missing] [--workers N]

Without options all pairs are tried, which takes an hour or so; `--missing` tries those that are not checked. Writes
`tests/export/outcomes.json` and `docs/exports.md`, after each model type, so that a run may be ended. Exports leave
much behind in memory: every few of them have a process of their own.
"""

from __future__ import annotations

import argparse
import multiprocessing
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from tests.export.pairs import CHECKED, Pair, all_pairs, checked_pairs, outcome_of, read_outcomes, write_outcomes

WHY_LENGTH = 140
EXPORTS_OF_A_PROCESS = 20


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="*", metavar="TYPE", help="only these model types")
    parser.add_argument("--missing", action="store_true", help="only pairs that are not checked")
    parser.add_argument("--workers", type=int, default=1, help="how many processes")
    asked = parser.parse_args(arguments)

    outcomes = read_outcomes()
    pairs = [
        pair
        for pair in all_pairs()
        if (not asked.only or pair[1] in asked.only) and not (asked.missing and outcome_of(pair, outcomes) == CHECKED)
    ]
    if asked.missing:
        # One task of each model type, then another: a run that is ended has seen some of each.
        turns = Counter(pair[:2] for pair in checked_pairs(outcomes))
        turn_of = {}
        for pair in pairs:
            turn_of[pair] = turns[pair[:2]]
            turns[pair[:2]] += 1
        pairs.sort(key=lambda pair: turn_of[pair])
    context = multiprocessing.get_context("spawn")
    with context.Pool(asked.workers, maxtasksperchild=EXPORTS_OF_A_PROCESS) as pool:
        for pair, outcome, seconds in pool.imap(tried, pairs):
            library, model_type, task = pair
            print(f"{library} {model_type} {task}: {outcome} ({seconds:.1f} s)", flush=True)
            outcomes.setdefault(library, {}).setdefault(model_type, {})[task] = outcome
            write_outcomes(outcomes)


def tried(pair: Pair) -> tuple[Pair, str, float]:
    """The pair, "checked" or why not, and the seconds that it took."""
    import torch

    from tests import torchvision_beside_cpu_torch
    from tests.export.check_rows import KNOWN
    from tests.export.checking import check

    torchvision_beside_cpu_torch.install()
    torch.set_num_threads(1)
    started = time.perf_counter()
    _, model_type, task = pair
    try:
        with tempfile.TemporaryDirectory() as folder:
            check(*pair, Path(folder))
        outcome = CHECKED
    except Exception as error:
        # Whatever a model, the tracer or the runtime makes of it is the answer.
        known = KNOWN.get((model_type, task)) or KNOWN.get((model_type, "*"))
        outcome = known or _why(error)
    return pair, outcome, time.perf_counter() - started


def _why(error: Exception) -> str:
    line = next((line for line in str(error).splitlines() if line.strip()), "")
    text = f"{type(error).__name__}: {line.strip()}" if type(error).__name__ != "NotBuiltError" else line
    return text[:WHY_LENGTH].replace("|", "\\|")


if __name__ == "__main__":
    main()
