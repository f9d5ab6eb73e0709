"""`TasksManager`: offers optimum's interface over the cached resolver, the registry and an export registry.

Each method delegates to one module: names to `task_names`, repos and folders to `repo_queries`, classes to `classes`,
models to `loading`, configurations to the export registry. Interface: optimum 2.3, exporters/tasks.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from huggingface_hub.constants import HUGGINGFACE_HUB_CACHE

from registry.class_ref import ClassRef
from registry.errors import UnknownModelError
from registry.export.constructor import (
    ExportConfigConstructor as ExportConfigConstructor,
    make_backend_config_constructor_for_task as make_backend_config_constructor_for_task,
)
from registry.export.export_registry import ExportRegistry
from registry.queries.infer_model import find_auto_class_task, infer_library, infer_task
from registry.tables.tasks import WITH_PAST
from resolver.settings import Settings
from resolver.tasks_manager import classes, task_names
from resolver.tasks_manager.errors import LibraryNotInferredError, TaskNotInferredError
from resolver.tasks_manager.older_calls import (
    TaskConstructors,
    accept_older_calls,
    adapt_determine_framework,
    adapt_get_exporter_config_constructor,
    adapt_get_model_from_task,
)
from resolver.tasks_manager.repo_queries import locate, require_task
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

    @classmethod
    def adopt(cls, modules: Iterable[str] | None = None) -> None:
        """Take over what other packages have written into optimum's TasksManager: export configurations, in place of
        the shipped ones for the same backends, and rows of its tables of classes and names.

        `modules` are imported first, so that they write; by default the known ones of optimum-onnx, optimum-intel and
        optimum-neuron that are installed. What is written to optimum's class later is not taken over.

        Raises:
            RegistryError: optimum is not installed, or its TasksManager has other tables than that of optimum 2.
            ImportError: a module cannot be imported.
        """
        from resolver.exporting.optimum_import import find_optimum_manager, import_from_optimum, read_written_rows

        manager = find_optimum_manager(modules)
        if issubclass(manager, cls):
            # It was put in place of optimum's before: what is written to optimum's class is written to it.
            return
        cls.configure(exports=import_from_optimum(cls.exports(), modules))
        for name, rows in read_written_rows(manager).items():
            table = getattr(cls, name)
            for key, value in rows.items():
                if isinstance(value, Mapping):
                    table.setdefault(key, {}).update(value)
                else:
                    table[key] = value
        cls._SUPPORTED_CLI_MODEL_TYPE = set(manager._SUPPORTED_CLI_MODEL_TYPE)

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
    ) -> TaskConstructors:
        """Task -> constructor of its export configuration. Without `library_name`: all libraries, transformers first.

        A task is also found by an older name, such as "default"; these names are neither iterated nor counted.

        Raises:
            KeyError: the library is not known, or the model type is not registered, or not with this backend.
        """
        library_name = STATE.canonical_library(library_name)
        found = STATE.exports.get_supported_tasks_for_model_type(model_type, exporter, model_name, library_name)
        return TaskConstructors(found, STATE.registry.task_aliases)

    @staticmethod
    def get_supported_model_type_for_task(task: str, exporter: str) -> list[str]:
        """The model types of transformers registered for this task and backend; may be empty."""
        return STATE.exports.get_supported_model_type_for_task(task, exporter)

    @staticmethod
    def synonyms_for_task(task: str) -> set[str]:
        """The name that `task` is exported as and all its synonyms, without `task` itself."""
        return task_names.synonyms_for_task(task, STATE.tables.read_synonyms())

    @staticmethod
    def map_from_synonym(task: str) -> str:
        """The name that `task` is exported as; `task` itself if it is no synonym, or not known."""
        return task_names.map_from_synonym(task, STATE.tables.read_synonyms())

    @staticmethod
    def get_model_class_for_task(
        task: str,
        framework: str = "pt",
        model_type: str | None = None,
        model_class_name: str | None = None,
        library: str = "transformers",
    ) -> Any:
        """The imported class, or function of timm, that loads models for `task`.

        With `model_class_name`, the class of that name in the library, whatever the task and model type. With
        `framework="tf"`, the TensorFlow class, which transformers has in releases before 5.

        Raises:
            KeyError: the task or library is not known.
            ValueError: the model type has no class for the task, the framework is neither "pt" nor "tf", or the
                installed transformers has no TensorFlow class; the message names the class.
            RuntimeError: PyTorch is not installed.
            ImportError, AttributeError: the library is not installed, or its installed release lacks the class.
        """
        classes.check_framework(framework)
        library = STATE.canonical_library(library) or library
        if model_class_name is not None:
            ref = ClassRef(library, model_class_name)
            return classes.import_tf_class(ref) if framework == classes.TF else classes.import_named_class(ref)
        name = task_names.map_from_synonym(task.removesuffix(WITH_PAST), STATE.tables.read_synonyms())
        written = STATE.tables.find_written_class(name, framework, model_type, library)
        if written is not None:
            return classes.import_named_class(written)
        ref = classes.find_model_class(
            task, STATE.registry, library=library, framework=framework, model_type=model_type
        )
        if framework == classes.TF:
            return classes.import_tf_class(ref)
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
    @accept_older_calls(adapt_determine_framework, hidden=("framework",))
    def determine_framework(
        model_name_or_path: str | Path,
        subfolder: str = "",
        revision: str | None = None,
        cache_dir: str = HUGGINGFACE_HUB_CACHE,
        token: bool | str | None = None,
        framework: str | None = None,
    ) -> str:
        """Either "pt" or "tf": `framework` if it is given, as in older manuals, else the framework of the weights.

        With weights of both it is "pt". The weights are those of the local folder, or what is stored or cached of the
        repo, else what the Hub shows. If none of these can be seen, it is an installed framework, PyTorch first.
        PyTorch need not be installed.

        Raises:
            FileNotFoundError: the folder or repo has neither weights that PyTorch reads nor those of TensorFlow.
            ValueError: `framework` is neither "pt" nor "tf".
            ResolveError: the same errors as `get_model_files`.
        """
        if framework is not None:
            classes.check_framework_name(framework)
            return framework
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
        resolution = queries.resolve(location, STATE.canonical_library(library_name))
        if resolution.pipeline_tag is None:
            written = STATE.tables.find_written_task(iter((resolution.architecture or "",)))
            if written is not None:
                return written
        task = require_task(resolution, location)
        return task_names.choose_export_task(task, resolution.model_type, STATE.exports, STATE.tables.read_synonyms())

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

        library = library_name or cls.infer_library_from_model(model)
        standardize(model, library, STATE.registry)
        family = STATE.tables.find_written_family(classes.list_class_names(model))
        if library == "diffusers" and family is not None:
            model.config.export_model_type = family

    @staticmethod
    def get_all_tasks() -> list[str]:
        """All task names that the registry knows and those that were written to the tables, without synonyms."""
        return STATE.list_tasks()

    @staticmethod
    @accept_older_calls(adapt_get_model_from_task)
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

        A checkpoint of TensorFlow is loaded by TensorFlow's class, with transformers before 5. `model_kwargs` are
        passed to the library's loading function.

        Raises the same errors as `determine_framework`, `infer_library_from_model`, `infer_task_from_model` and
        `get_model_class_for_task`, and any error that the library raises while it loads.
        """
        from resolver.tasks_manager.loading import load

        location = locate(model_name_or_path, subfolder, revision)
        queries = STATE.build_queries(cache_dir, token)
        if framework is None:
            framework = classes.PT if "gguf_file" in model_kwargs else queries.infer_framework(location)
        classes.check_framework(framework)
        library_name = STATE.canonical_library(library_name)
        model = load(
            queries,
            location,
            STATE.registry,
            STATE.tables,
            task=task,
            framework=framework,
            library=library_name,
            dtype=torch_dtype,
            device=device,
            model_kwargs=model_kwargs,
        )
        TasksManager.standardize_model_attributes(model, library_name=library_name)
        return model

    @staticmethod
    @accept_older_calls(adapt_get_exporter_config_constructor)
    def get_exporter_config_constructor(
        exporter: str,
        model: Any = None,
        task: str = "feature-extraction",
        model_type: str | None = None,
        model_name: str | None = None,
        exporter_config_kwargs: Mapping[str, Any] | None = None,
        library_name: str | None = None,
    ) -> ExportConfigConstructor:
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
        """The task of a model or of a model class."""
        model = classes.choose_model(model, model_class)
        written = STATE.tables.find_written_task(classes.list_class_names(model))
        if written is not None:
            return written
        try:
            task = infer_task(model, STATE.registry)
        except UnknownModelError as error:
            raise TaskNotInferredError(str(error)) from error
        if find_auto_class_task(model, STATE.registry) is not None:
            return task
        config = getattr(model, "config", None) or getattr(model, "config_class", None)
        return task_names.choose_export_task(
            task, getattr(config, "model_type", None), STATE.exports, STATE.tables.read_synonyms()
        )

    # The names that optimum's own exporters call.

    @classmethod
    def _infer_task_from_model_name_or_path(cls, model_name_or_path: str | Path, *args: Any, **keywords: Any) -> str:
        return cls.infer_task_from_model(str(model_name_or_path), *args, **keywords)

    @classmethod
    def _infer_library_from_model_or_model_class(cls, model: Any = None, model_class: Any = None) -> str:
        return cls.infer_library_from_model(classes.choose_model(model, model_class))

    @classmethod
    def _infer_library_from_model_name_or_path(cls, model_name_or_path: str | Path, *args: Any, **keywords: Any) -> str:
        return cls.infer_library_from_model(str(model_name_or_path), *args, **keywords)

    @staticmethod
    def _validate_framework_choice(framework: str) -> None:
        classes.check_framework(framework)
