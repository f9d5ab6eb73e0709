"""`TasksManager`: the interface of optimum's class of that name, answered by the cached resolver and the registries."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from resolver.tasks_manager.manager import TasksManager

__all__ = ["TasksManager"]


def __getattr__(name: str) -> Any:
    if name != "TasksManager":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = importlib.import_module("resolver.tasks_manager.manager").TasksManager
    globals()[name] = value
    return value
