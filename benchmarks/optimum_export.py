"""optimum's command with our `TasksManager` in place of theirs, their own configurations adopted.

    python benchmarks/optimum_export.py export onnx --model ./my-model out/

Run with a Python that has optimum, optimum-onnx and hubresolve; the arguments are those of `optimum-cli`. Theirs is put
out of order, so that a module that still had it would be noticed.
"""

from __future__ import annotations

import importlib
import sys
from typing import Any

from resolver.exporting import adopt
from resolver.tasks_manager import TasksManager


def put_in_place() -> None:
    """Make every module of optimum that has its TasksManager, or imports it later, have ours."""
    theirs: Any = importlib.import_module("optimum.exporters.tasks").TasksManager
    TasksManager.configure(exports=adopt(TasksManager.exports()))
    for module in list(sys.modules.values()):
        # Not `getattr`, which makes lazy modules import all they could.
        if vars(module).get("TasksManager") is theirs:
            vars(module)["TasksManager"] = TasksManager
    for name in [name for name in vars(theirs) if not name.startswith("__")]:
        delattr(theirs, name)


def main() -> None:
    put_in_place()
    importlib.import_module("optimum.commands.optimum_cli").main()


if __name__ == "__main__":
    main()
