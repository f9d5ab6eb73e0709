"""Imports the export configurations that other packages have registered with optimum."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Iterable
from typing import Any

from registry.errors import RegistryError
from registry.export.constructor import ConfigConstructor
from registry.export.export_registry import ExportRegistry

KNOWN_MODULES = (
    # The modules of optimum-onnx, optimum-intel and optimum-neuron that register configurations when imported.
    "optimum.exporters.onnx.model_configs",
    "optimum.exporters.openvino.model_configs",
    "optimum.exporters.neuron.model_configs",
)


def import_from_optimum(export_registry: ExportRegistry, modules: Iterable[str] | None = None) -> ExportRegistry:
    """A copy of `export_registry` in which optimum's registrations replace those for the same backends.

    `modules` are imported first, so that they register; by default those of `KNOWN_MODULES` that are installed. The
    configurations are classes of those packages, and need the libraries that these need.

    Raises:
        RegistryError: optimum is not installed, or does not keep its registrations where optimum 2.3 does.
        ImportError: a module cannot be imported.
    """
    if not _is_installed("optimum.exporters.tasks"):
        raise RegistryError("optimum is not installed: there are no configurations to import")
    for module in [name for name in KNOWN_MODULES if _is_installed(name)] if modules is None else modules:
        importlib.import_module(module)
    manager = importlib.import_module("optimum.exporters.tasks").TasksManager
    libraries: Any = getattr(manager, "_LIBRARY_TO_SUPPORTED_MODEL_TYPES", None)
    if libraries is None:
        raise RegistryError("this version of optimum is not supported: its TasksManager has no table of configurations")
    merged = export_registry.copy()
    for backend in {backend for types in libraries.values() for backends in types.values() for backend in backends}:
        merged.remove_backend(backend)
    for library_name, types in libraries.items():
        for model_type, backends in types.items():
            for backend, tasks in backends.items():
                constructors = {task: ConfigConstructor(item.func, item.keywords) for task, item in tasks.items()}
                merged.put(backend, library_name, model_type, constructors)
    return merged


def _is_installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False
