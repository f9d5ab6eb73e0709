"""Measures optimum's TasksManager on repos; `bulk.py` runs it with a Python that has optimum.

    python bulk_tasks_manager.py THREADS < ids.json

Makes the calls that optimum's exporters make before they load a model: library, framework, task and model class.
Prints {"rate": repos per second, "answered": number of repos with a task}.
"""

from __future__ import annotations

import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from optimum.exporters.tasks import TasksManager


def infer_class(repo_id: str) -> bool:
    """Whether TasksManager found a task; it looks up the class of transformers models too."""
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
    infer_class(ids[0])  # a first call imports modules and opens the connection
    started_s = time.perf_counter()
    if threads > 1:
        with ThreadPoolExecutor(threads) as pool:
            answered = sum(pool.map(infer_class, ids))
    else:
        answered = sum(map(infer_class, ids))
    print(json.dumps({"rate": len(ids) / (time.perf_counter() - started_s), "answered": answered}))


if __name__ == "__main__":
    main()
