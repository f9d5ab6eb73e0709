"""`ExportRegistry`: which configuration exports a model type for a task with a backend. Imports none until it is used.

An instance holds what was registered with it and nothing else; `copy` gives one of one's own to register with.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from registry.class_ref import ClassRef, parse_class_ref
from registry.errors import (
    UnsupportedModelTypeError as UnsupportedModelTypeError,
    UnsupportedTaskError as UnsupportedTaskError,
    hint_at,
)
from registry.export.constructor import ConfigConstructor, make_backend_config_constructor_for_task
from registry.registry import Registry
from registry.tables.tasks import WITH_PAST

ConfigClass = TypeVar("ConfigClass", bound="type | str")
Constructors = dict[str, ConfigConstructor]
"""Task -> what makes its configuration."""

LIBRARIES = ("transformers", "diffusers", "timm", "sentence_transformers")
DEFAULT_MODEL_TYPES = {"timm": "default-timm-config"}
"""Library -> the model type whose configurations serve all that have none of their own."""


class ExportRegistry:
    """Registered export configurations. `registry` knows the task names; `default_model_types` is, for a library, the
    model type that stands for those not registered."""

    def __init__(self, registry: Registry, default_model_types: Mapping[str, str] | None = None) -> None:
        self._registry = registry
        self._default_model_types = dict(DEFAULT_MODEL_TYPES if default_model_types is None else default_model_types)
        # Library -> model type -> backend -> task -> constructor.
        self._tables: dict[str, dict[str, dict[str, Constructors]]] = {name: {} for name in LIBRARIES}
        self._lock = threading.Lock()

    def copy(self) -> ExportRegistry:
        """Another one that holds the same: what is registered with the one is not in the other."""
        made = ExportRegistry(self._registry, self._default_model_types)
        with self._lock:
            made._tables = {
                library: {
                    model_type: {backend: dict(tasks) for backend, tasks in backends.items()}
                    for model_type, backends in table.items()
                }
                for library, table in self._tables.items()
            }
        return made

    def create_register(
        self, backend: str, overwrite_existing: bool = False
    ) -> Callable[..., Callable[[ConfigClass], ConfigClass]]:
        """A decorator of configuration classes, `register(model_type, *tasks, library_name="transformers")`.

        It takes a class, or its place ("package.module:Name"), which is imported when it is first needed. What is
        registered already stays, unless `overwrite_existing`. It raises UnsupportedTaskError where a task is not
        known, or is to be with a past and the class does not support one.
        """

        def register(
            model_type: str, *supported_tasks: str, library_name: str = "transformers"
        ) -> Callable[[ConfigClass], ConfigClass]:
            def decorate(config_cls: ConfigClass) -> ConfigClass:
                target: ClassRef | type
                target = parse_class_ref(config_cls) if isinstance(config_cls, str) else config_cls
                self._add(backend, library_name, model_type, supported_tasks, target, overwrite_existing)
                return config_cls

            return decorate

        return register

    def _add(
        self,
        backend: str,
        library_name: str,
        model_type: str,
        tasks: tuple[str, ...],
        target: ClassRef | type,
        overwrite_existing: bool,
    ) -> None:
        for task in tasks:
            if self._registry.find_task(task.removesuffix(WITH_PAST)) is None:
                hint = hint_at(task, self._registry.tasks) or f"; there are {', '.join(self._registry.tasks)}"
                raise UnsupportedTaskError(f"no task is called {task!r}{hint}")
        made = {task: make_backend_config_constructor_for_task(target, task) for task in tasks}
        self.put(backend, library_name, model_type, made, overwrite_existing=overwrite_existing)

    def put(
        self,
        backend: str,
        library_name: str,
        model_type: str,
        constructors: Mapping[str, ConfigConstructor],
        *,
        overwrite_existing: bool = True,
    ) -> None:
        """Register what makes the configuration for each task, as it is."""
        with self._lock:
            table = self._tables.setdefault(library_name, {})
            registered = table.setdefault(model_type, {}).setdefault(backend, {})
            new = {task: made for task, made in constructors.items() if overwrite_existing or task not in registered}
            registered.update(new)

    def remove_backend(self, backend: str) -> None:
        """Forget all that is registered for `backend`."""
        with self._lock:
            for table in self._tables.values():
                for model_type in [name for name, backends in table.items() if backend in backends]:
                    del table[model_type][backend]
                    if not table[model_type]:
                        del table[model_type]

    def backends(self) -> tuple[str, ...]:
        """The backends that something is registered for, sorted."""
        with self._lock:
            tables = self._tables.values()
            return tuple(sorted({backend for table in tables for backends in table.values() for backend in backends}))

    def libraries(self) -> tuple[str, ...]:
        """The libraries whose model types can be registered, in order."""
        return tuple(self._tables)

    def model_types(self, backend: str, library_name: str = "transformers") -> tuple[str, ...]:
        """The model types of a library that something is registered for with this backend, in order."""
        with self._lock:
            table = self._tables.get(library_name, {})
            return tuple(model_type for model_type, backends in table.items() if backend in backends)

    def get_supported_tasks_for_model_type(
        self, model_type: str, exporter: str, model_name: str | None = None, library_name: str | None = None
    ) -> Constructors:
        """Task -> what makes its configuration, for a model type with a backend. A mapping of one's own.

        Without `library_name` all libraries are looked through, transformers first. `model_name` is for the message.

        Raises:
            UnsupportedModelTypeError: the model type is not registered, or not with this backend.
        """
        with self._lock:
            table = self._table(library_name)
        known = self._known_as(model_type, table, library_name)
        shown = f"{model_type} ({model_name})" if model_name else model_type
        if known is None:
            hint = hint_at(model_type, table) or f"; these have one: {', '.join(table)}"
            raise UnsupportedModelTypeError(
                f"{shown} has no export configuration in {library_name or 'any library'}; register one with "
                f"create_register({exporter!r}){hint}"
            )
        backends = table[known]
        if exporter not in backends:
            raise UnsupportedModelTypeError(
                f"{shown} has no export configuration for the backend {exporter!r}, only for: {', '.join(backends)}"
            )
        return dict(backends[exporter])

    def get_supported_model_type_for_task(
        self, task: str, exporter: str, library_name: str = "transformers"
    ) -> list[str]:
        """The model types of a library that are registered for this very task with a backend, in order."""
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
    ) -> ConfigConstructor:
        """What makes the configuration of a model, or model type, for a task: called with the model's config.

        Where the task is not registered, one of its other names is taken. `exporter_config_kwargs` are said in the
        call. The model type is the config's `export_model_type`, else its `model_type`.

        Raises:
            ValueError: neither a model nor a model type is given, or the model does not tell its type.
            UnsupportedModelTypeError: the model type is not registered, or not with this backend.
            UnsupportedTaskError: it is, but not for this task.
        """
        if model_type is None:
            model_type = _type_of(model)
            model_name = getattr(model, "name", model_name)
        constructors = self.get_supported_tasks_for_model_type(model_type, exporter, model_name, library_name)
        for name in names_of_export(task, self._registry):
            if name in constructors:
                return constructors[name].with_keywords(**(exporter_config_kwargs or {}))
        raise UnsupportedTaskError(
            f"{model_type} has no export configuration for {task} with the backend {exporter!r}, only for: "
            f"{', '.join(constructors)}"
        )

    def _table(self, library_name: str | None) -> Mapping[str, Mapping[str, Constructors]]:
        if library_name is not None:
            return dict(self._tables.get(self._registry.canonical_library(library_name), {}))
        tables = [table for name, table in self._tables.items() if name != "transformers"]
        return {
            model_type: backends
            for table in (*tables, self._tables["transformers"])
            for model_type, backends in table.items()
        }

    def _known_as(self, model_type: str, table: Mapping[str, object], library_name: str | None) -> str | None:
        """The name that `model_type` is registered by: its own, in the other spelling of hyphens, or the default's."""
        spellings = (model_type, model_type.replace("_", "-"), model_type.replace("-", "_"))
        default = self._default_model_types.get(library_name or "transformers")
        return next((name for name in (*spellings, default) if name in table), None)


def _type_of(model: object) -> str:
    if model is None:
        raise ValueError("a model or a model type is needed to find an export configuration")
    config = getattr(model, "config", None)
    found = getattr(config, "export_model_type", None) or getattr(config, "model_type", None)
    if not isinstance(found, str):
        raise ValueError(f"the config of {type(model).__name__} tells no model type; give model_type")
    return found


EXPORTED_AS: dict[str, str] = {
    # A task -> the task whose graph it shares; optimum 2.3, exporters/tasks.py, beside what `KIND_OF` has.
    "image-feature-extraction": "feature-extraction",
    "mask-generation": "feature-extraction",
    "pretraining": "feature-extraction",
}


def names_of_export(task: str, registry: Registry) -> tuple[str, ...]:
    """`task`, then the other names that a configuration for it may have, the nearest first.

    Its canonical name, its aliases, the more general task whose graph it shares, then the other tasks that share it;
    each with "-with-past" where `task` has it.
    """
    base = task.removesuffix(WITH_PAST)
    ending = task[len(base) :]
    canonical = registry.find_task(base) or base
    general = _general(canonical, registry)
    aliases = (alias for alias, target in registry.task_aliases.items() if target in (canonical, general))
    alike = (name for name in (*registry.kind_of, *EXPORTED_AS) if _general(name, registry) == general)
    return tuple(dict.fromkeys(f"{name}{ending}" for name in (base, canonical, general, *aliases, *alike)))


def _general(task: str, registry: Registry) -> str:
    return EXPORTED_AS.get(task) or registry.kind_of.get(task) or task
