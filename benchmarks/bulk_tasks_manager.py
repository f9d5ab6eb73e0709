"""Asks optimum's TasksManager about repos; run by `bulk.py` with a Python that has optimum.

    python bulk_tasks_manager.py THREADS < ids.json

Asks what its exporters ask before they load a model: library, framework, task, and the class for them. Prints
{"rate": repos a second, "answered": how many it had a task for}.
"""

from __future__ import annotations

import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from optimum.exporters.tasks import TasksManager


def ask(repo_id: str) -> bool:
    try:
        library = TasksManager.infer_library_from_model(repo_id)
        task = TasksManager.infer_task_from_model(repo_id, library_name=library)
        framework = TasksManager.determine_framework(repo_id)
        if library == "transformers":
            TasksManager.get_model_class_for_task(task, framework=framework, library=library)
    except (ValueError, KeyError, RuntimeError, AttributeError, ImportError, OSError):
        return False
    return True


def main() -> None:
    ids, threads = json.load(sys.stdin), int(sys.argv[1])
    ask(ids[0])
    started_s = time.perf_counter()
    if threads > 1:
        with ThreadPoolExecutor(threads) as pool:
            answered = sum(pool.map(ask, ids))
    else:
        answered = sum(map(ask, ids))
    print(json.dumps({"rate": len(ids) / (time.perf_counter() - started_s), "answered": answered}))


if __name__ == "__main__":
    main()
