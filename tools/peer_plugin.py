"""A plugin of pytest that puts our `TasksManager` in place of optimum's before a peer's tests are imported.

`HUBRESOLVE_PEER_CLASS=theirs` leaves optimum's in place. In both cases torchvision can be imported beside a build of
torch for CPUs, graphs are compared with the model for one shape instead of hundreds, and in the same process.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import os
import sys
from typing import Any

from tests import torchvision_beside_cpu_torch

SHAPES = ("VALIDATE_EXPORT_ON_SHAPES_SLOW", "VALIDATE_EXPORT_ON_SHAPES_FAST")
"""The tables of shapes in optimum-onnx's utils_tests.py: name of an axis -> its sizes."""


def pytest_collection_finish() -> None:
    """Keep one size of each axis."""
    tables = sys.modules.get("utils_tests")
    for name in SHAPES:
        table: dict[str, Any] = getattr(tables, name, {})
        table.update({axis: sizes[:1] for axis, sizes in table.items()})


def pytest_runtest_setup() -> None:
    """Give each test the same random weights on both sides: some models differ from their graph for some weights."""
    importlib.import_module("torch").manual_seed(0)


def _validate_in_this_process() -> None:
    if importlib.util.find_spec("optimum.exporters.onnx") is None:
        return
    convert = importlib.import_module("optimum.exporters.onnx.convert")
    validate = functools.partial(convert.validate_models_outputs, use_subprocess=False)
    for module in (convert, importlib.import_module("optimum.exporters.onnx")):
        vars(module)["validate_models_outputs"] = validate


torchvision_beside_cpu_torch.install()
if os.environ.get("HUBRESOLVE_PEER_CLASS") != "theirs":
    from resolver.exporting.optimum_import import replace_in_modules
    from resolver.loading.requirements import LOWEST_RELEASES
    from resolver.tasks_manager import TasksManager

    # A peer may need an older library than we accept for a repo of anybody; the models of its tests are our own.
    LOWEST_RELEASES.clear()

    theirs = importlib.import_module("optimum.exporters.tasks").TasksManager
    TasksManager.adopt()
    replace_in_modules(theirs, TasksManager)
_validate_in_this_process()
