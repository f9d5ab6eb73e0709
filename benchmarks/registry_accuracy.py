"""Counts right tasks and classes for every class that transformers maps, and compares with optimum's TasksManager.

    python benchmarks/registry_accuracy.py [--peer-python PYTHON] [--json FILE]

The input is the architecture and the model type, nothing else. A task is right if it is the expected one of
`tests/registry/upstream_tasks.py`: upstream's, or a correction of it. For the peer (TasksManager), the coarser task in
its own table of synonyms is right too. A class is right if it is the architecture itself, or an auto class that maps
the model type to it. An architecture with several model types is right if all of them are. The peer needs an
environment of its own, with optimum, torch and the same transformers.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from registry.defaults import read_table, shipped_registry
from registry.rules.decide import decide
from tests.registry.repo_facts import repo
from tests.registry.upstream_tasks import list_mapped_architectures, read_expected_tasks

Answer = tuple[str | None, str | None]
"""(task, class); None where there is no answer."""

PEER_SYNONYMS = {
    # optimum 2.3, TasksManager._SYNONYM_TASK_MAP: task -> the coarser task that it is exported as.
    "image-feature-extraction": "feature-extraction",
    "mask-generation": "feature-extraction",
    "pretraining": "feature-extraction",
    "sentence-similarity": "feature-extraction",
}


def main() -> int:
    options = _parse_arguments()
    questions = [
        (name, model_type)
        for name, model_types in sorted(list_mapped_architectures().items())
        for model_type in sorted(model_types)
    ]
    started_s = time.perf_counter()
    registry = shipped_registry()
    decisions = [decide(repo(name, model_type), registry) for name, model_type in questions]
    ours = [(decision.task, decision.model_class) for decision in decisions]
    elapsed_s = time.perf_counter() - started_s
    report: dict[str, Any] = {
        "machine": {"python": platform.python_version(), "system": platform.platform(), "cpus": os.cpu_count()},
        "transformers_table": registry.versions["transformers"],
        "classes": len({name for name, _ in questions}),
        "questions": len(questions),
        "hubresolve": {"seconds": round(elapsed_s, 3), **_count_scores(questions, ours, lambda task: {task})},
    }
    if options.peer_python is not None:
        peer = _run_peer(options.peer_python, questions)
        answers = [(task, loader) for task, loader in peer["answers"]]
        scored = _count_scores(questions, answers, lambda task: {task, PEER_SYNONYMS.get(task, task)})
        report["tasks_manager"] = {"versions": peer["versions"], "seconds": round(peer["seconds"], 3), **scored}
    _print_report(report)
    if options.json is not None:
        options.json.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    return 0


def _count_scores(
    questions: list[tuple[str, str]], answers: list[Answer], accepted: Callable[[str], set[str]]
) -> dict[str, Any]:
    """`task`, `class` and `both`: the number of right, silent (no answer) and wrong; `not_right`: their names."""
    tasks = read_expected_tasks()
    table = read_table("transformers")
    worst_marks: dict[str, dict[str, str]] = {"task": {}, "class": {}, "both": {}}
    for (name, model_type), (task, loader) in zip(questions, answers, strict=True):
        mapping = table["mappings"].get(table["auto_classes"].get(loader, ""), {})
        loads = loader == name or name in mapping.get(model_type, ())
        marks = {
            "task": "silent" if task is None else "right" if task in accepted(tasks[name]) else "wrong",
            "class": "silent" if loader is None else "right" if loads else "wrong",
        }
        marks["both"] = max(marks.values(), key=_MARKS.index)
        for aspect, mark in marks.items():
            worst_marks[aspect][name] = max(worst_marks[aspect].get(name, "right"), mark, key=_MARKS.index)
    scores: dict[str, Any] = {
        aspect: {mark: Counter(found.values())[mark] for mark in _MARKS} for aspect, found in worst_marks.items()
    }
    scores["not_right"] = {
        aspect: sorted(name for name, mark in worst_marks[aspect].items() if mark != "right")
        for aspect in ("task", "class")
    }
    return scores


_MARKS = ("right", "silent", "wrong")


def _run_peer(python: str, questions: list[tuple[str, str]]) -> dict[str, Any]:
    completed = subprocess.run(
        [python, str(Path(__file__).with_name("peer_tasks_manager.py"))],
        input=json.dumps(questions),
        capture_output=True,
        text=True,
        check=False,
    )
    if completed.returncode != 0:
        raise SystemExit(f"the peer failed: {completed.stderr[-2000:]}")
    # Imported libraries may write to standard output; the result is the last line.
    answer: dict[str, Any] = json.loads(completed.stdout.splitlines()[-1])
    return answer


def _print_report(report: dict[str, Any]) -> None:
    print(f"{report['classes']} classes of transformers {report['transformers_table']}, by architecture and model type")
    print(f"{'':<14} {'':<6} {'right':>7} {'wrong':>7} {'silent':>7} {'right %':>8}")
    for program in ("hubresolve", "tasks_manager"):
        for aspect in ("task", "class", "both") if program in report else ():
            marks = report[program][aspect]
            share = 100 * marks["right"] / report["classes"]
            print(
                f"{program:<14} {aspect:<6} {marks['right']:>7} {marks['wrong']:>7} {marks['silent']:>7} {share:>8.1f}"
            )
    for program in ("hubresolve", "tasks_manager"):
        if program in report:
            seconds = report[program]["seconds"]
            print(f"{program}: {seconds:.2f} s for {report['questions']} questions, tables or imports included")


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Accuracy of tasks and classes, compared with optimum's TasksManager.")
    parser.add_argument("--peer-python", metavar="PYTHON", help="a Python with optimum, torch and transformers")
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="write the figures, and the names that are not right, as JSON"
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
