"""`TasksManager`: optimum's interface, over the cached resolver, the registry and an export registry.

Each method is one step to the module that knows: names to `task_names`, repos and folders to `answers`, classes to
`classes`, models to `loading`, configurations to the export registry. Read from optimum 2.3, exporters/tasks.py.
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
from registry.queries.infer_model import library_of_model, task_of_model
from resolver.settings import Settings
from resolver.tasks_manager import classes, task_names
from resolver.tasks_manager.errors import LibraryNotInferredError, TaskNotInferredError
from resolver.tasks_manager.repo_queries import FRAMEWORK, place_of
from resolver.tasks_manager.state import STATE
from resolver.tasks_manager.supported import ExportersTables

Decorator = Callable[..., Callable[[Any], Any]]


class TasksManager(ExportersTables):
    """Tasks, classes, models and export configurations of repos, folders, models in memory and model types.

    Nothing is made an instance of: all methods are called on the class, from any thread, inside a running event loop
    too, which they block as long as they take. Repos are resolved by one resolver on a thread of its own; what it
    learned is remembered for all processes. `configure` says with which settings, `close` ends the thread.
    """

    @staticmethod
    def configure(settings: Settings | None = None, exports: ExportRegistry | None = None) -> None:
        """From now on use these settings (with their registry) and these export configurations; None: as before."""
        STATE.configure(settings, exports)

    @staticmethod
    def exports() -> ExportRegistry:
        """The export configurations in use: the shipped ones and those that were registered."""
        return STATE.exports

    @staticmethod
    def close() -> None:
        """Close the resolver and end its thread. The next call that needs one opens another."""
        STATE.close()

    @classmethod
    def create_register(cls, backend: str, overwrite_existing: bool = False) -> Decorator:
        """A decorator of export configuration classes: `register(model_type, *tasks, library_name="transformers")`.

        A task that is registered for the model type and backend, shipped or not, stays unless `overwrite_existing`.
        The class must be callable with `(config, task=…)`, and with `use_past=True` for tasks that end in
        "-with-past", which want its `SUPPORTS_PAST` to be true.

        Raises (when it decorates):
            ValueError: a task is not known, or cannot have a past.
            KeyError: the library is not known.
        """
        return STATE.create_register(backend, overwrite_existing)

    @staticmethod
    def get_supported_tasks_for_model_type(
        model_type: str, exporter: str, model_name: str | None = None, library_name: str | None = None
    ) -> dict[str, ConfigConstructor]:
        """Task -> constructor of its export configuration. Without `library_name` transformers comes first.

        Raises:
            KeyError: the model type, the backend for it, or the library is not known.
        """
        library_name = STATE.library_name(library_name)
        return STATE.exports.get_supported_tasks_for_model_type(model_type, exporter, model_name, library_name)

    @staticmethod
    def get_supported_model_type_for_task(task: str, exporter: str) -> list[str]:
        """The model types of transformers that are registered for this task and backend; may be empty."""
        return STATE.exports.get_supported_model_type_for_task(task, exporter)

    @staticmethod
    def synonyms_for_task(task: str) -> set[str]:
        """The other names that lead to what `task` is exported as, and that name itself."""
        return task_names.synonyms_for_task(task, STATE.registry)

    @staticmethod
    def map_from_synonym(task: str) -> str:
        """The name that `task` is exported as; as it is where it is no synonym, or is not known."""
        return task_names.map_from_synonym(task, STATE.registry)

    @staticmethod
    def get_model_class_for_task(
        task: str,
        framework: str = "pt",
        model_type: str | None = None,
        model_class_name: str | None = None,
        library: str = "transformers",
    ) -> Any:
        """The class, or function of timm, that loads models for `task`, imported.

        `model_class_name` overrides everything but the library.

        Raises:
            KeyError: the task or library is not known.
            ValueError: the model type has no class for the task, or the framework is not "pt".
            RuntimeError: PyTorch is not installed.
            ImportError, AttributeError: the library is not installed, or this release of it lacks the class.
        """
        classes.check_framework(framework)
        library = STATE.library_name(library) or library
        if model_class_name is not None:
            return classes.import_class(ClassRef(library, model_class_name))
        found = classes.find_model_class(task, STATE.registry, library=library, model_type=model_type)
        return classes.import_model_class(found, STATE.registry, model_type)

    @staticmethod
    def get_model_files(
        model_name_or_path: str | Path,
        subfolder: str = "",
        cache_dir: str = HUGGINGFACE_HUB_CACHE,
        token: bool | str | None = None,
        revision: str | None = None,
    ) -> tuple[list[str], Exception | None]:
        """Paths of the files, relative to the subfolder; and None, where optimum has the error it got over.

        Raises:
            ResolveError: also an OSError where the Hub refused, or the repo is not known and the Hub out of reach.
        """
        place = place_of(model_name_or_path, subfolder, revision)
        return STATE.answers(cache_dir, token).list_files(place), None

    @staticmethod
    def determine_framework(
        model_name_or_path: str | Path,
        subfolder: str = "",
        revision: str | None = None,
        cache_dir: str = HUGGINGFACE_HUB_CACHE,
        token: bool | str | None = None,
    ) -> str:
        """ "pt": the only framework that models are exported from. PyTorch need not be installed.

        Raises:
            FileNotFoundError: there are no weights that PyTorch reads, or the repo is not known and the Hub may not be
                asked.
            ResolveError: as `get_model_files`.
        """
        return STATE.answers(cache_dir, token).framework(place_of(model_name_or_path, subfolder, revision))

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
        """The task of a repo, folder, model or model class, by the name it is exported under.

        Raises:
            KeyError, ValueError: nothing tells; the message says what was looked at.
            RuntimeError: the repo is not known, and the Hub may not be asked.
            ResolveError: as `get_model_files`.
        """
        if not isinstance(model, str | Path):
            return cls._infer_task_from_model_or_model_class(model)
        place = place_of(model, subfolder, revision)
        found, model_type = STATE.answers(cache_dir, token).task(place, STATE.library_name(library_name))
        return task_names.exported_task(found, model_type, STATE.exports, STATE.registry)

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
            ValueError: nothing tells.
            ResolveError: as `get_model_files`.
        """
        if isinstance(model, str | Path):
            return STATE.answers(cache_dir, token).library(place_of(model, subfolder, revision))
        try:
            return library_of_model(model, STATE.registry)
        except UnknownModelError as error:
            raise LibraryNotInferredError(str(error)) from error

    @classmethod
    def standardize_model_attributes(cls, model: Any, library_name: str | None = None) -> None:
        """Give the model a `config` as transformers' have, with `export_model_type` where an exporter wants another
        model type than the config's own. The model is changed, not copied.

        Raises:
            ValueError: its library is not known, or it is of a kind that has no export configuration.
        """
        from resolver.tasks_manager.standardize import standardize

        standardize(model, library_name or cls.infer_library_from_model(model), STATE.registry)

    @staticmethod
    def get_all_tasks() -> list[str]:
        """Every task that is known, without synonyms."""
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
        """The model, loaded for `task` ("auto": for what it is), with `standardize_model_attributes` done.

        `model_kwargs` go to the library's loading function.

        Raises:
            What `determine_framework`, `infer_library_from_model`, `infer_task_from_model` and
            `get_model_class_for_task` raise, and what the library raises when it loads.
        """
        from resolver.tasks_manager.loading import load

        classes.check_framework(framework or FRAMEWORK)
        place = place_of(model_name_or_path, subfolder, revision)
        answers = STATE.answers(cache_dir, token)
        if framework is None and "gguf_file" not in model_kwargs:
            answers.framework(place)
        library_name = STATE.library_name(library_name)
        model = load(
            answers,
            place,
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
        """What makes the export configuration of a model, or model type, for `task`: called with the model's config.

        The task may be given by any of its names.

        Raises:
            ValueError: neither a model nor a model type is given, or it has no configuration for this task.
            KeyError: the model type, the backend for it, or the library is not known.
        """
        return STATE.exports.get_exporter_config_constructor(
            exporter,
            model,
            task,
            model_type,
            model_name,
            exporter_config_kwargs,
            STATE.library_name(library_name),
        )

    @classmethod
    def _infer_task_from_model_or_model_class(cls, model: Any = None, model_class: Any = None) -> str:
        """As `infer_task_from_model`, by the name that optimum's own exporters call."""
        if (model is None) == (model_class is None):
            raise ValueError("either a model or a model class is wanted, and not both")
        model = model if model is not None else model_class
        try:
            found = task_of_model(model, STATE.registry)
        except UnknownModelError as error:
            raise TaskNotInferredError(str(error)) from error
        config = getattr(model, "config", None) or getattr(model, "config_class", None)
        return task_names.exported_task(found, getattr(config, "model_type", None), STATE.exports, STATE.registry)
