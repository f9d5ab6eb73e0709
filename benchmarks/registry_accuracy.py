"""How often the task and the class are right, for every class that transformers maps; beside optimum's TasksManager.

    python benchmarks/registry_accuracy.py [--peer-python PYTHON] [--json FILE]

Both are told the architecture and the model type, nothing else. A task is right that is upstream's own
(`tests/registry/upstream_tasks.py`) or, where upstream names none or a worse one, the one listed there; to the peer a
coarser word for it counts as right too, where its own table of synonyms says that it is one. A class is right that is
the architecture itself, or an auto class that maps the model type to it. A class with several model types is right
where all of them are. The peer needs an environment of its own, with optimum, torch and the same transformers.
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
from tests.registry.given import repo
from tests.registry.upstream_tasks import mapped_architectures, right_tasks

Answer = tuple[str | None, str | None]
"""(task, class); None where the one asked says nothing."""

PEER_SYNONYMS = {
    # optimum 2.3, TasksManager._SYNONYM_TASK_MAP: a task -> the coarser one that it is exported as.
    "image-feature-extraction": "feature-extraction",
    "mask-generation": "feature-extraction",
    "pretraining": "feature-extraction",
    "sentence-similarity": "feature-extraction",
}


def main() -> int:
    options = _arguments()
    questions = [(name, kind) for name, kinds in sorted(mapped_architectures().items()) for kind in sorted(kinds)]
    started_s = time.perf_counter()
    registry = shipped_registry()
    decisions = [decide(repo(name, kind), registry) for name, kind in questions]
    ours = [(decision.task, decision.model_class) for decision in decisions]
    elapsed_s = time.perf_counter() - started_s
    report: dict[str, Any] = {
        "machine": {"python": platform.python_version(), "system": platform.platform(), "cpus": os.cpu_count()},
        "transformers_table": registry.versions["transformers"],
        "classes": len({name for name, _ in questions}),
        "questions": len(questions),
        "hubresolve": {"seconds": round(elapsed_s, 3), **_score(questions, ours, lambda task: {task})},
    }
    if options.peer_python is not None:
        peer = _ask_peer(options.peer_python, questions)
        answers = [(task, loader) for task, loader in peer["answers"]]
        scored = _score(questions, answers, lambda task: {task, PEER_SYNONYMS.get(task, task)})
        report["tasks_manager"] = {"versions": peer["versions"], "seconds": round(peer["seconds"], 3), **scored}
    _print(report)
    if options.json is not None:
        options.json.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    return 0


def _score(
    questions: list[tuple[str, str]], answers: list[Answer], accepted: Callable[[str], set[str]]
) -> dict[str, Any]:
    """`task`, `class` and `both`: how many classes are right, wrong, silent; and the names that are not right."""
    tasks = right_tasks()
    table = read_table("transformers")
    worst: dict[str, dict[str, str]] = {"task": {}, "class": {}, "both": {}}
    for (name, kind), (task, loader) in zip(questions, answers, strict=True):
        mapping = table["mappings"].get(table["auto_classes"].get(loader, ""), {})
        loads = loader == name or name in mapping.get(kind, ())
        marks = {
            "task": "silent" if task is None else "right" if task in accepted(tasks[name]) else "wrong",
            "class": "silent" if loader is None else "right" if loads else "wrong",
        }
        marks["both"] = max(marks.values(), key=_RANK.index)
        for what, mark in marks.items():
            worst[what][name] = max(worst[what].get(name, "right"), mark, key=_RANK.index)
    scores: dict[str, Any] = {
        what: {mark: Counter(found.values())[mark] for mark in _RANK} for what, found in worst.items()
    }
    scores["not_right"] = {
        what: sorted(name for name, mark in worst[what].items() if mark != "right") for what in ("task", "class")
    }
    return scores


_RANK = ("right", "silent", "wrong")


def _ask_peer(python: str, questions: list[tuple[str, str]]) -> dict[str, Any]:
    done = subprocess.run(
        [python, str(Path(__file__).with_name("peer_tasks_manager.py"))],
        input=json.dumps(questions),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise SystemExit(f"the peer failed: {done.stderr[-2000:]}")
    # Libraries may write to standard output while they are imported; the answer is the last line.
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def _print(report: dict[str, Any]) -> None:
    print(f"{report['classes']} classes of transformers {report['transformers_table']}, by architecture and model type")
    print(f"{'':<14} {'':<6} {'right':>7} {'wrong':>7} {'silent':>7} {'right %':>8}")
    for who in ("hubresolve", "tasks_manager"):
        for what in ("task", "class", "both") if who in report else ():
            marks = report[who][what]
            share = 100 * marks["right"] / report["classes"]
            print(f"{who:<14} {what:<6} {marks['right']:>7} {marks['wrong']:>7} {marks['silent']:>7} {share:>8.1f}")
    for who in ("hubresolve", "tasks_manager"):
        if who in report:
            print(
                f"{who}: {report[who]['seconds']:.2f} s for {report['questions']} questions, tables or imports included"
            )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Accuracy of tasks and classes, beside optimum's TasksManager.")
    parser.add_argument("--peer-python", metavar="PYTHON", help="a Python that has optimum, torch and transformers")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures, and all names not right, as JSON")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
