"""Imports what other packages have written into optimum's tables: export configurations, classes and names."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Iterable, Mapping
from typing import Any

from registry.errors import RegistryError
from registry.export.export_registry import ExportRegistry

KNOWN_MODULES = (
    # The modules of optimum-onnx, optimum-intel and optimum-neuron that register configurations when imported.
    "optimum.exporters.onnx.model_configs",
    "optimum.exporters.openvino.model_configs",
    "optimum.exporters.neuron.model_configs",
)

TASKS_MODULE = "optimum.exporters.tasks"

_TABLES = (
    # The tables of optimum 2.3 that packages write to, beside that of the configurations. Some have rows of rows.
    "_LIBRARY_TO_TASKS_TO_MODEL_LOADER_MAP",
    "_DIFFUSERS_TASKS_TO_MODEL_MAPPINGS",
    "_CUSTOM_CLASSES",
    "_SYNONYM_TASK_MAP",
)


def import_from_optimum(export_registry: ExportRegistry, modules: Iterable[str] | None = None) -> ExportRegistry:
    """A copy of `export_registry` in which optimum's registrations replace those for the same backends.

    `modules` are imported first, so that they register; by default those of `KNOWN_MODULES` that are installed. The
    configurations are classes of those packages, and need the libraries that these need.

    Raises:
        RegistryError: optimum is not installed, or does not keep its registrations where optimum 2.3 does.
        ImportError: a module cannot be imported.
    """
    manager = find_optimum_manager(modules)
    libraries: Any = getattr(manager, "_LIBRARY_TO_SUPPORTED_MODEL_TYPES", None)
    if libraries is None:
        raise RegistryError("this version of optimum is not supported: its TasksManager has no table of configurations")
    merged = export_registry.copy()
    for backend in {backend for types in libraries.values() for backends in types.values() for backend in backends}:
        merged.remove_backend(backend)
    for library_name, types in libraries.items():
        if library_name not in merged.list_libraries():
            merged.replace((library_name,), {})
        for model_type, backends in types.items():
            for backend, tasks in backends.items():
                merged.put(backend, library_name, model_type, tasks)
    return merged


def find_optimum_manager(modules: Iterable[str] | None = None) -> Any:
    """optimum's TasksManager, after `modules` were imported; by default those of `KNOWN_MODULES` that are installed.

    Raises:
        RegistryError: optimum is not installed.
        ImportError: a module cannot be imported.
    """
    if not _is_installed(TASKS_MODULE):
        raise RegistryError("optimum is not installed: there are no configurations to import")
    for module in [name for name in KNOWN_MODULES if _is_installed(name)] if modules is None else modules:
        importlib.import_module(module)
    return importlib.import_module(TASKS_MODULE).TasksManager


def read_written_rows(manager: Any) -> dict[str, Mapping[Any, Any]]:
    """The rows of optimum's tables (by the names of its class attributes) that its own source does not have.

    The source is executed once more, beside the module in use, to see the tables before anybody wrote to them.
    """
    shipped = _execute_tasks_module().TasksManager
    return {
        name: _find_new_rows(getattr(manager, name, {}), getattr(shipped, name, {}))
        for name in _TABLES
        if hasattr(manager, name)
    }


def replace_in_modules(old: Any, new: Any, name: str = "TasksManager") -> None:
    """Replace the class `old` by `new` in every imported module that has it under `name`."""
    for module in list(sys.modules.values()):
        # `vars`, because `getattr` makes lazy modules import their parts.
        if vars(module).get(name) is old:
            vars(module)[name] = new


def _find_new_rows(rows: Mapping[Any, Any], shipped: Mapping[Any, Any]) -> dict[Any, Any]:
    found: dict[Any, Any] = {}
    for key, value in rows.items():
        before = shipped.get(key)
        if isinstance(value, Mapping):
            inner = _find_new_rows(value, before if isinstance(before, Mapping) else {})
            if inner:
                found[key] = inner
        elif key not in shipped or value != before:
            found[key] = value
    return found


def _execute_tasks_module() -> Any:
    original = importlib.util.find_spec(TASKS_MODULE)
    if original is None or original.origin is None:
        raise RegistryError("optimum is not installed: there are no tables to read")
    spec = importlib.util.spec_from_file_location(f"{TASKS_MODULE}_as_shipped", original.origin)
    if spec is None or spec.loader is None:
        raise RegistryError(f"{original.origin} cannot be read")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _is_installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False
