"""Infers tasks and classes with optimum's TasksManager; `registry_accuracy.py` runs it with a Python that has optimum.

Reads [[architecture, model type], ...] as JSON from standard input; writes {"versions", "seconds", "answers"} to
standard output, where an answer is [task or null, class or null]. The classes are stand-ins, because TasksManager reads
only their name and module: so no class is missing because of an optional library.
"""

from __future__ import annotations

import json
import sys
import time
from importlib.metadata import version


def main() -> None:
    questions = json.load(sys.stdin)
    started_s = time.perf_counter()
    from optimum.exporters.tasks import TasksManager

    answers = []
    for architecture, model_type in questions:
        stand_in = type(architecture, (), {"__module__": "transformers.models.stand_in"})
        task = loader = None
        try:
            task = TasksManager.infer_task_from_model(stand_in)
            loader = TasksManager.get_model_class_for_task(task, framework="pt", model_type=model_type).__name__
        except (ValueError, KeyError, AttributeError):
            pass
        answers.append([task, loader])
    seconds = time.perf_counter() - started_s
    versions = {name: version(name) for name in ("optimum", "transformers", "torch")}
    json.dump({"versions": versions, "seconds": seconds, "answers": answers}, sys.stdout)


if __name__ == "__main__":
    main()
