"""`ExportRegistry`: finds the export configuration of a model type for a task and a backend.

Configuration classes are imported when they are first used. There is no global state: an instance has only its own
registrations, and `copy` returns an independent one.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, TypeVar

from registry.class_ref import ClassRef, parse_class_ref
from registry.errors import (
    UnsupportedModelTypeError as UnsupportedModelTypeError,
    UnsupportedTaskError as UnsupportedTaskError,
    suggest_names,
)
from registry.export.constructor import (
    ExportConfigConstructor,
    bind_keywords,
    make_backend_config_constructor_for_task,
)
from registry.registry import Registry
from registry.tables.tasks import WITH_PAST

ConfigClass = TypeVar("ConfigClass", bound="type | str")
Constructors = dict[str, ExportConfigConstructor]
"""Task -> constructor of its configuration."""

LIBRARIES = ("transformers", "diffusers", "timm", "sentence_transformers")
DEFAULT_MODEL_TYPES = {"timm": "default-timm-config"}
"""Library -> the model type whose configurations serve all model types that are not registered."""
EXPORTED_AS: dict[str, str] = {
    # A task -> the task that has the same graph, in addition to `Registry.kind_of`; optimum 2.3, exporters/tasks.py.
    "image-feature-extraction": "feature-extraction",
    "mask-generation": "feature-extraction",
    "pretraining": "feature-extraction",
}


class ExportRegistry:
    """A table of export configurations by library, model type, backend and task.

    Task names are checked in `registry`. `default_model_types` maps a library to the model type that serves those that
    are not registered. Methods may be called from any thread.
    """

    def __init__(self, registry: Registry, default_model_types: Mapping[str, str] | None = None) -> None:
        self._registry = registry
        self._default_model_types = dict(DEFAULT_MODEL_TYPES if default_model_types is None else default_model_types)
        # Library -> model type -> backend -> task -> constructor.
        self._tables: dict[str, dict[str, dict[str, Constructors]]] = {name: {} for name in LIBRARIES}
        self._lock = threading.Lock()

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.copy().__dict__.items() if name != "_lock"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _lock=threading.Lock())

    def copy(self) -> ExportRegistry:
        """An independent registry with the same registrations."""
        copied = ExportRegistry(self._registry, self._default_model_types)
        with self._lock:
            copied._tables = {
                library: {
                    model_type: {backend: dict(tasks) for backend, tasks in backends.items()}
                    for model_type, backends in table.items()
                }
                for library, table in self._tables.items()
            }
        return copied

    def create_register(
        self, backend: str, overwrite_existing: bool = False, *, extra_tasks: Collection[str] = ()
    ) -> Callable[..., Callable[[ConfigClass], ConfigClass]]:
        """A decorator of configuration classes, `register(model_type, *tasks, library_name="transformers")`.

        It takes a class, or its reference ("package.module:Name"), which is imported when it is first used. An
        existing registration is kept, unless `overwrite_existing`. The decorator raises UnsupportedTaskError if a task
        is neither known nor one of `extra_tasks`, or is with past and the class does not support that.
        """

        def register(
            model_type: str, *supported_tasks: str, library_name: str = "transformers"
        ) -> Callable[[ConfigClass], ConfigClass]:
            def decorate(config_cls: ConfigClass) -> ConfigClass:
                target: ClassRef | type
                target = parse_class_ref(config_cls) if isinstance(config_cls, str) else config_cls
                for task in supported_tasks:
                    self._check_task(task, extra_tasks)
                constructors = {
                    task: make_backend_config_constructor_for_task(target, task) for task in supported_tasks
                }
                self.put(backend, library_name, model_type, constructors, overwrite_existing=overwrite_existing)
                return config_cls

            return decorate

        return register

    def _check_task(self, task: str, extra_tasks: Collection[str]) -> None:
        name = task.removesuffix(WITH_PAST)
        if self._registry.find_task(name) is None and name not in extra_tasks:
            hint = suggest_names(task, self._registry.tasks) or f"; known tasks: {', '.join(self._registry.tasks)}"
            raise UnsupportedTaskError(f"unknown task {task!r}{hint}")

    def put(
        self,
        backend: str,
        library_name: str,
        model_type: str,
        constructors: Mapping[str, ExportConfigConstructor],
        *,
        overwrite_existing: bool = True,
    ) -> None:
        """Register these constructors by task."""
        with self._lock:
            table = self._tables.setdefault(library_name, {})
            registered = table.setdefault(model_type, {}).setdefault(backend, {})
            registered.update(
                {task: item for task, item in constructors.items() if overwrite_existing or task not in registered}
            )

    def remove_backend(self, backend: str) -> None:
        """Remove all registrations of `backend`."""
        with self._lock:
            for table in self._tables.values():
                for model_type in [name for name, backends in table.items() if backend in backends]:
                    del table[model_type][backend]
                    if not table[model_type]:
                        del table[model_type]

    def list_keys(self, *path: str) -> tuple[str, ...]:
        """The names at a place of the table, in order: the libraries at (), the model types at (library,), the backends
        at (library, model type), the tasks at (library, model type, backend).

        Raises:
            KeyError: the table has no such place.
        """
        with self._lock:
            return tuple(self._get_place(path))

    def get_constructor(self, library_name: str, model_type: str, backend: str, task: str) -> ExportConfigConstructor:
        """The constructor that is registered under exactly these names.

        Raises:
            KeyError: there is none.
        """
        with self._lock:
            constructor: ExportConfigConstructor = self._get_place((library_name, model_type, backend))[task]
            return constructor

    def replace(self, path: tuple[str, ...], content: Any) -> None:
        """Replace what is at a place of the table (see `list_keys`) by `content`: nested mappings that end in
        constructors, or a constructor at (library, model type, backend, task). What leads there is added.

        Raises:
            TypeError: the content ends in something that cannot be called.
        """
        copied = _copy_content(content, depth=4 - len(path))
        *above, last = path
        with self._lock:
            place: dict[str, Any] = self._tables
            for name in above:
                place = place.setdefault(name, {})
            place[last] = copied

    def remove(self, *path: str) -> None:
        """Remove what is at a place of the table (see `list_keys`).

        Raises:
            KeyError: the table has no such place.
        """
        *above, last = path
        with self._lock:
            del self._get_place(above)[last]

    def _get_place(self, path: Iterable[str]) -> dict[str, Any]:
        place: dict[str, Any] = self._tables
        for name in path:
            place = place[name]
        return place

    def list_backends(self) -> tuple[str, ...]:
        """The backends that have registrations, sorted."""
        with self._lock:
            tables = self._tables.values()
            return tuple(sorted({backend for table in tables for backends in table.values() for backend in backends}))

    def list_libraries(self) -> tuple[str, ...]:
        """The libraries that the registry has, in order."""
        return tuple(self._tables)

    def list_model_types(self, backend: str, library_name: str = "transformers") -> tuple[str, ...]:
        """The model types of a library that are registered for `backend`, in order."""
        with self._lock:
            table = self._tables.get(library_name, {})
            return tuple(model_type for model_type, backends in table.items() if backend in backends)

    def get_supported_tasks_for_model_type(
        self, model_type: str, exporter: str, model_name: str | None = None, library_name: str | None = None
    ) -> Constructors:
        """Task -> constructor of its configuration, for a model type and a backend. The caller may change the mapping.

        Without `library_name` all libraries are searched, transformers first. `model_name` is used in the message only.

        Raises:
            UnsupportedModelTypeError: the model type is not registered, or not for this backend.
        """
        with self._lock:
            table = self._get_table(library_name)
        registered_name = self._find_registered_name(model_type, table, library_name)
        shown = _show(model_type, model_name)
        if registered_name is None:
            hint = suggest_names(model_type, table) or f"; registered model types: {', '.join(table)}"
            raise UnsupportedModelTypeError(
                f"{shown} has no export configuration in {library_name or 'any library'}; register one with "
                f"create_register({exporter!r}){hint}"
            )
        backends = table[registered_name]
        if exporter not in backends:
            raise UnsupportedModelTypeError(
                f"{shown} has no export configuration for the backend {exporter!r}, only for: {', '.join(backends)}"
            )
        return dict(backends[exporter])

    def get_supported_model_type_for_task(
        self, task: str, exporter: str, library_name: str = "transformers"
    ) -> list[str]:
        """The model types of a library that are registered for exactly this task and backend, in order."""
        with self._lock:
            table = self._tables.get(library_name, {})
            return [model_type for model_type, backends in table.items() if task in backends.get(exporter, {})]

    def get_exporter_config_constructor(
        self,
        exporter: str,
        model: Any = None,
        task: str = "feature-extraction",
        model_type: str | None = None,
        model_name: str | None = None,
        exporter_config_kwargs: Mapping[str, Any] | None = None,
        library_name: str | None = None,
    ) -> ExportConfigConstructor:
        """The constructor of the configuration of a model, or model type, for a task; call it with the model's config.

        If the task is not registered, a task that has the same graph is used. `exporter_config_kwargs` are passed to
        the configuration's class. The model type of `model` is its config's `export_model_type`, else its `model_type`.

        Raises:
            ValueError: neither a model nor a model type is given, or the model's config has no model type.
            UnsupportedModelTypeError: the model type is not registered, or not for this backend.
            UnsupportedTaskError: it is registered, but not for this task.
        """
        if model_type is None:
            model_type = _get_model_type(model)
            model_name = getattr(model, "name", model_name)
        constructors = self.get_supported_tasks_for_model_type(model_type, exporter, model_name, library_name)
        for name in list_equivalent_tasks(task, self._registry):
            if name in constructors:
                return bind_keywords(constructors[name], exporter_config_kwargs or {})
        raise UnsupportedTaskError(
            f"{_show(model_type, model_name)} has no export configuration for {task} with the backend {exporter!r}, "
            f"only for: {', '.join(constructors)}"
        )

    def _get_table(self, library_name: str | None) -> Mapping[str, Mapping[str, Constructors]]:
        if library_name is not None:
            name = library_name if library_name in self._tables else self._registry.normalize_library(library_name)
            return dict(self._tables.get(name, {}))
        tables = [table for name, table in self._tables.items() if name != "transformers"]
        return {
            model_type: backends
            for table in (*tables, self._tables["transformers"])
            for model_type, backends in table.items()
        }

    def _find_registered_name(
        self, model_type: str, table: Mapping[str, object], library_name: str | None
    ) -> str | None:
        """The key of `model_type` in `table`: itself, its other spelling of hyphens, or the library's default type."""
        spellings = (model_type, model_type.replace("_", "-"), model_type.replace("-", "_"))
        default = self._default_model_types.get(library_name or "transformers")
        return next((name for name in (*spellings, default) if name in table), None)


def _copy_content(content: Any, depth: int) -> Any:
    if depth == 0:
        if not callable(content):
            raise TypeError(f"expected the constructor of a configuration, got {content!r}")
        return content
    return {name: _copy_content(item, depth - 1) for name, item in content.items()}


def _show(model_type: str, model_name: str | None) -> str:
    return f"{model_type} ({model_name})" if model_name else model_type


def _get_model_type(model: object) -> str:
    if model is None:
        raise ValueError("a model or a model type is needed to find an export configuration")
    config = getattr(model, "config", None)
    model_type = getattr(config, "export_model_type", None) or getattr(config, "model_type", None)
    if not isinstance(model_type, str):
        raise ValueError(f"the config of this {type(model).__name__} has no model type; pass model_type")
    return model_type


def list_equivalent_tasks(task: str, registry: Registry) -> tuple[str, ...]:
    """`task`, then the other tasks whose configuration serves it too, the nearest first.

    These are its canonical name, the more general task that has the same graph, the aliases of both, then the other
    tasks with that graph; each ends in "-with-past" if `task` does.
    """
    base = task.removesuffix(WITH_PAST)
    suffix = task[len(base) :]
    canonical = registry.find_task(base) or base
    general = _get_general_task(canonical, registry)
    aliases = (alias for alias, target in registry.task_aliases.items() if target in (canonical, general))
    same_graph = (name for name in (*registry.kind_of, *EXPORTED_AS) if _get_general_task(name, registry) == general)
    return tuple(dict.fromkeys(f"{name}{suffix}" for name in (base, canonical, general, *aliases, *same_graph)))


def _get_general_task(task: str, registry: Registry) -> str:
    return EXPORTED_AS.get(task) or registry.kind_of.get(task) or task
