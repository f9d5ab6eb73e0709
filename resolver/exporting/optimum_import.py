"""Takes over the export configurations that other packages have registered with optimum. Imports them, on request."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Iterable
from typing import Any

from registry.errors import RegistryError
from registry.export.constructor import ConfigConstructor
from registry.export.export_registry import ExportRegistry

KNOWN_MODULES = (
    # Modules that register with optimum when they are imported: optimum-onnx, optimum-intel, optimum-neuron.
    "optimum.exporters.onnx.model_configs",
    "optimum.exporters.openvino.model_configs",
    "optimum.exporters.neuron.model_configs",
)


def adopt(export_registry: ExportRegistry, modules: Iterable[str] | None = None) -> ExportRegistry:
    """A registry that has, in place of what `export_registry` had for these backends, what is registered with optimum.

    `modules` are imported first, so that they register; by default those of `KNOWN_MODULES` that are installed. What
    the packages register is theirs: classes of their own, which want the libraries that they name.

    Raises:
        RegistryError: optimum is not installed, or its registrations are not found where they were in optimum 2.3.
        ImportError: a module cannot be imported.
    """
    if not _is_installed("optimum.exporters.tasks"):
        raise RegistryError("optimum is not installed: there are no configurations to adopt")
    for module in [name for name in KNOWN_MODULES if _is_installed(name)] if modules is None else modules:
        importlib.import_module(module)
    manager = importlib.import_module("optimum.exporters.tasks").TasksManager
    libraries: Any = getattr(manager, "_LIBRARY_TO_SUPPORTED_MODEL_TYPES", None)
    if libraries is None:
        raise RegistryError("this version of optimum keeps its configurations in a place that is not known")
    adopted = export_registry.copy()
    for backend in {backend for types in libraries.values() for backends in types.values() for backend in backends}:
        adopted.remove_backend(backend)
    for library_name, types in libraries.items():
        for model_type, backends in types.items():
            for backend, tasks in backends.items():
                made = {task: ConfigConstructor(item.func, item.keywords) for task, item in tasks.items()}
                adopted.put(backend, library_name, model_type, made)
    return adopted


def _is_installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False
