"""Runs optimum's command with our `TasksManager` in place of optimum's, and with optimum's export configurations.

    python benchmarks/optimum_export.py export onnx --model ./my-model out/

Run it with a Python that has optimum, optimum-onnx and hubresolve; the arguments are those of `optimum-cli`. The
methods of optimum's class are deleted, so that a module that still uses it fails.
"""

from __future__ import annotations

import importlib
import sys
from typing import Any

from resolver.exporting import import_from_optimum
from resolver.tasks_manager import TasksManager


def replace_tasks_manager() -> None:
    """Replace optimum's TasksManager by ours in every module that has imported it or will import it."""
    optimum_class: Any = importlib.import_module("optimum.exporters.tasks").TasksManager
    TasksManager.configure(exports=import_from_optimum(TasksManager.exports()))
    for module in list(sys.modules.values()):
        # `vars`, because `getattr` makes lazy modules import their parts.
        if vars(module).get("TasksManager") is optimum_class:
            vars(module)["TasksManager"] = TasksManager
    for name in [name for name in vars(optimum_class) if not name.startswith("__")]:
        delattr(optimum_class, name)


def main() -> None:
    replace_tasks_manager()
    importlib.import_module("optimum.commands.optimum_cli").main()


if __name__ == "__main__":
    main()
