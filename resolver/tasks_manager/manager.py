"""`TasksManager`: offers optimum's interface over the cached resolver, the registry and an export registry.

Each method delegates to one module: names to `task_names`, repos and folders to `repo_queries`, classes to `classes`,
models to `loading`, configurations to the export registry. Interface: optimum 2.3, exporters/tasks.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from huggingface_hub.constants import HUGGINGFACE_HUB_CACHE

from registry.class_ref import ClassRef
from registry.errors import UnknownModelError
from registry.export.constructor import ConfigConstructor
from registry.export.export_registry import ExportRegistry
from registry.queries.infer_model import find_auto_class_task, infer_library, infer_task
from resolver.settings import Settings
from resolver.tasks_manager import classes, task_names
from resolver.tasks_manager.errors import LibraryNotInferredError, TaskNotInferredError
from resolver.tasks_manager.repo_queries import FRAMEWORK, locate
from resolver.tasks_manager.state import STATE
from resolver.tasks_manager.supported import ExporterTables

Decorator = Callable[..., Callable[[Any], Any]]


class TasksManager(ExporterTables):
    """Tasks, classes, models and export configurations of repos, folders, models in memory and model types.

    All methods are called on the class; there are no instances. They may be called from any thread, and inside a
    running event loop, which they block until they return. One resolver on its own thread resolves all repos and
    stores the results, also for other processes. `configure` sets its settings, `close` ends its thread.
    """

    @staticmethod
    def configure(settings: Settings | None = None, exports: ExportRegistry | None = None) -> None:
        """Replace the settings (with their registry) and the export configurations; None keeps the current ones."""
        STATE.configure(settings, exports)

    @staticmethod
    def exports() -> ExportRegistry:
        """The export configurations in use: the shipped and the registered ones."""
        return STATE.exports

    @staticmethod
    def close() -> None:
        """Close the resolver and end its thread. The next call that needs a resolver opens a new one."""
        STATE.close()

    @classmethod
    def create_register(cls, backend: str, overwrite_existing: bool = False) -> Decorator:
        """A decorator of export configuration classes: `register(model_type, *tasks, library_name="transformers")`.

        An existing configuration for the model type, backend and task, shipped or registered, is kept unless
        `overwrite_existing`. The class must be callable with `(config, task=…)`. For tasks that end in "-with-past" its
        `SUPPORTS_PAST` must be true, and it is also called with `use_past=True`.

        Raises (when it decorates a class):
            ValueError: a task is not known, or the class does not support a past.
            KeyError: the library is not known.
        """
        return STATE.create_register(backend, overwrite_existing)

    @staticmethod
    def get_supported_tasks_for_model_type(
        model_type: str, exporter: str, model_name: str | None = None, library_name: str | None = None
    ) -> dict[str, ConfigConstructor]:
        """Task -> constructor of its export configuration. Without `library_name`: all libraries, transformers first.

        Raises:
            KeyError: the library is not known, or the model type is not registered, or not with this backend.
        """
        library_name = STATE.canonical_library(library_name)
        return STATE.exports.get_supported_tasks_for_model_type(model_type, exporter, model_name, library_name)

    @staticmethod
    def get_supported_model_type_for_task(task: str, exporter: str) -> list[str]:
        """The model types of transformers registered for this task and backend; may be empty."""
        return STATE.exports.get_supported_model_type_for_task(task, exporter)

    @staticmethod
    def synonyms_for_task(task: str) -> set[str]:
        """The name that `task` is exported as and all its synonyms, without `task` itself."""
        return task_names.synonyms_for_task(task, STATE.registry)

    @staticmethod
    def map_from_synonym(task: str) -> str:
        """The name that `task` is exported as; `task` itself if it is no synonym, or not known."""
        return task_names.map_from_synonym(task, STATE.registry)

    @staticmethod
    def get_model_class_for_task(
        task: str,
        framework: str = "pt",
        model_type: str | None = None,
        model_class_name: str | None = None,
        library: str = "transformers",
    ) -> Any:
        """The imported class, or function of timm, that loads models for `task`.

        With `model_class_name`, the class of that name in the library, whatever the task and model type.

        Raises:
            KeyError: the task or library is not known.
            ValueError: the model type has no class for the task, or the framework is not "pt".
            RuntimeError: PyTorch is not installed.
            ImportError, AttributeError: the library is not installed, or its installed release lacks the class.
        """
        classes.check_framework(framework)
        library = STATE.canonical_library(library) or library
        if model_class_name is not None:
            return classes.import_named_class(ClassRef(library, model_class_name))
        ref = classes.find_model_class(task, STATE.registry, library=library, model_type=model_type)
        return classes.import_model_class(ref, STATE.registry, model_type)

    @staticmethod
    def get_model_files(
        model_name_or_path: str | Path,
        subfolder: str = "",
        cache_dir: str = HUGGINGFACE_HUB_CACHE,
        token: bool | str | None = None,
        revision: str | None = None,
    ) -> tuple[list[str], Exception | None]:
        """Paths of the files, relative to the subfolder, and None in the place where optimum returns an ignored error.

        Raises:
            ResolveError: also an OSError if the Hub refused, or if it cannot be reached and the repo is not stored.
        """
        location = locate(model_name_or_path, subfolder, revision)
        return STATE.build_queries(cache_dir, token).list_files(location), None

    @staticmethod
    def determine_framework(
        model_name_or_path: str | Path,
        subfolder: str = "",
        revision: str | None = None,
        cache_dir: str = HUGGINGFACE_HUB_CACHE,
        token: bool | str | None = None,
    ) -> str:
        """Always "pt", the only framework that models are exported from. PyTorch need not be installed.

        Raises:
            FileNotFoundError: the repo has no weights that PyTorch reads, or it is not stored and the Hub is offline.
            ResolveError: the same errors as `get_model_files`.
        """
        location = locate(model_name_or_path, subfolder, revision)
        return STATE.build_queries(cache_dir, token).infer_framework(location)

    @classmethod
    def infer_task_from_model(
        cls,
        model: Any,
        subfolder: str = "",
        revision: str | None = None,
        cache_dir: str = HUGGINGFACE_HUB_CACHE,
        token: bool | str | None = None,
        library_name: str | None = None,
    ) -> str:
        """The task of a repo, folder, model or model class, under the name that exporters use.

        Raises:
            KeyError, ValueError: the task cannot be inferred; the message lists what was checked.
            RuntimeError: the repo is not stored, and the Hub is offline.
            ResolveError: the same errors as `get_model_files`.
        """
        if not isinstance(model, str | Path):
            return cls._infer_task_from_model_or_model_class(model)
        location = locate(model, subfolder, revision)
        queries = STATE.build_queries(cache_dir, token)
        task, model_type = queries.infer_task(location, STATE.canonical_library(library_name))
        return task_names.choose_export_task(task, model_type, STATE.exports, STATE.registry)

    @classmethod
    def infer_library_from_model(
        cls,
        model: Any,
        subfolder: str = "",
        revision: str | None = None,
        cache_dir: str = HUGGINGFACE_HUB_CACHE,
        token: bool | str | None = None,
    ) -> str:
        """The library of a repo, folder, model or model class.

        Raises:
            ValueError: the library cannot be inferred.
            ResolveError: the same errors as `get_model_files`.
        """
        if isinstance(model, str | Path):
            return STATE.build_queries(cache_dir, token).infer_library(locate(model, subfolder, revision))
        try:
            return infer_library(model, STATE.registry)
        except UnknownModelError as error:
            raise LibraryNotInferredError(str(error)) from error

    @classmethod
    def standardize_model_attributes(cls, model: Any, library_name: str | None = None) -> None:
        """Give the model a `config` like those of transformers, with `export_model_type` if exporters need a model type
        other than the config's own. The model is changed in place.

        Raises:
            ValueError: the library cannot be inferred, or no export configuration exists for such a model.
        """
        from resolver.tasks_manager.standardize import standardize

        standardize(model, library_name or cls.infer_library_from_model(model), STATE.registry)

    @staticmethod
    def get_all_tasks() -> list[str]:
        """All task names that the registry knows, without synonyms."""
        return list(STATE.registry.tasks)

    @staticmethod
    def get_model_from_task(
        task: str,
        model_name_or_path: str | Path,
        subfolder: str = "",
        revision: str | None = None,
        cache_dir: str = HUGGINGFACE_HUB_CACHE,
        token: bool | str | None = None,
        framework: str | None = None,
        torch_dtype: Any = None,
        device: Any = None,
        library_name: str | None = None,
        **model_kwargs: Any,
    ) -> Any:
        """The model, loaded for `task` ("auto": its own task), after `standardize_model_attributes`.

        `model_kwargs` are passed to the library's loading function.

        Raises the same errors as `determine_framework`, `infer_library_from_model`, `infer_task_from_model` and
        `get_model_class_for_task`, and any error that the library raises while it loads.
        """
        from resolver.tasks_manager.loading import load

        classes.check_framework(framework or FRAMEWORK)
        location = locate(model_name_or_path, subfolder, revision)
        queries = STATE.build_queries(cache_dir, token)
        if framework is None and "gguf_file" not in model_kwargs:
            queries.infer_framework(location)
        library_name = STATE.canonical_library(library_name)
        model = load(
            queries,
            location,
            STATE.registry,
            task=task,
            library=library_name,
            dtype=torch_dtype,
            device=device,
            model_kwargs=model_kwargs,
        )
        TasksManager.standardize_model_attributes(model, library_name=library_name)
        return model

    @staticmethod
    def get_exporter_config_constructor(
        exporter: str,
        model: Any = None,
        task: str = "feature-extraction",
        model_type: str | None = None,
        model_name: str | None = None,
        exporter_config_kwargs: Mapping[str, Any] | None = None,
        library_name: str | None = None,
    ) -> ConfigConstructor:
        """The constructor of the export configuration of a model or model type for `task`. Call it with the model's
        config. `task` may be any of the task's names.

        Raises:
            ValueError: neither a model nor a model type is given, or it has no configuration for this task.
            KeyError: the library is not known, or the model type is not registered, or not with this backend.
        """
        return STATE.exports.get_exporter_config_constructor(
            exporter,
            model,
            task,
            model_type,
            model_name,
            exporter_config_kwargs,
            STATE.canonical_library(library_name),
        )

    @classmethod
    def _infer_task_from_model_or_model_class(cls, model: Any = None, model_class: Any = None) -> str:
        """The same as `infer_task_from_model`, under the private name that optimum's own exporters call."""
        if (model is None) == (model_class is None):
            raise ValueError("pass either a model or a model class, not both")
        model = model if model is not None else model_class
        try:
            task = infer_task(model, STATE.registry)
        except UnknownModelError as error:
            raise TaskNotInferredError(str(error)) from error
        if find_auto_class_task(model, STATE.registry) is not None:
            return task
        config = getattr(model, "config", None) or getattr(model, "config_class", None)
        return task_names.choose_export_task(task, getattr(config, "model_type", None), STATE.exports, STATE.registry)
