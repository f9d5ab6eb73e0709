"""Runs optimum's command with our `TasksManager` in place of optimum's, and with optimum's export configurations.

    python benchmarks/optimum_export.py export onnx --model ./my-model out/

Run it with a Python that has optimum, optimum-onnx and hubresolve; the arguments are those of `optimum-cli`. The
methods of optimum's class are deleted, so that a module that still uses it fails. `OPTIMUM_CONFIGS=own` keeps the
configurations of hubresolve.
"""

from __future__ import annotations

import importlib
import os
from typing import Any

from resolver.exporting.optimum_import import replace_in_modules
from resolver.tasks_manager import TasksManager


def replace_tasks_manager() -> None:
    """Replace optimum's TasksManager by ours in every module that has imported it or will import it."""
    optimum_class: Any = importlib.import_module("optimum.exporters.tasks").TasksManager
    if os.environ.get("OPTIMUM_CONFIGS") != "own":
        TasksManager.adopt()
    replace_in_modules(optimum_class, TasksManager)
    for name in [name for name in vars(optimum_class) if not name.startswith("__")]:
        delattr(optimum_class, name)


def main() -> None:
    replace_tasks_manager()
    importlib.import_module("optimum.commands.optimum_cli").main()


if __name__ == "__main__":
    main()
