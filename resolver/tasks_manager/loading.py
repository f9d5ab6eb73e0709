"""Loads a model for a task: the resolver chooses and fetches the files, the caller's thread calls the library."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from registry.class_ref import ClassRef
from registry.registry import Registry
from registry.tables.tasks import WITH_PAST
from resolver.errors import LibraryNotInstalledError, ModelLoadError
from resolver.loading.prepared import PreparedModel, load_prepared
from resolver.resolution import Resolution
from resolver.tasks_manager.classes import PT, TF, find_model_class, import_model_class, import_tf_class
from resolver.tasks_manager.errors import CannotLoadError
from resolver.tasks_manager.model_tables import ModelTables
from resolver.tasks_manager.repo_queries import RepoLocation, RepoQueries, require_task
from resolver.tasks_manager.task_names import map_from_synonym

AUTO = "auto"
"""The value of `task` for "load the model for its own task"."""

_FILE_OPTIONS = ("trust_remote_code", "variant", "gguf_file")
"""Arguments of the libraries' loading functions that choose the files; the resolver takes them."""

_FETCH_OPTIONS = ("local_files_only", "force_download", "proxies", "resume_download", "local_dir", "user_agent")
"""Arguments of the libraries' loading functions about fetching. They are dropped: the resolver fetches the files."""


def load(
    queries: RepoQueries,
    location: RepoLocation,
    registry: Registry,
    tables: ModelTables,
    *,
    task: str,
    framework: str,
    library: str | None,
    dtype: Any,
    device: Any,
    model_kwargs: Mapping[str, Any],
) -> Any:
    """The model, in eval mode. `model_kwargs` are arguments of the library's loading function. `tables` are the classes
    that callers wrote for tasks.

    Raises:
        ResolveError: the repo cannot be resolved, or its files cannot be fetched.
        UnknownTaskOrLibraryError, NoClassError: no class serves the task.
        CannotLoadError: no library loads the repo, or only with the repo's own code, which was not allowed.
        LibraryNotInstalledError: the library is missing, or too old for the repo.
        Exception: any error that the library raises while it loads.
    """
    if model_kwargs.get("local_files_only"):
        queries = queries.as_offline()
    resolution = queries.resolve(location, library)
    library = library or resolution.library
    if framework == TF:
        if task == AUTO:
            task = require_task(resolution, location)
        ref = find_model_class(
            task, registry, library=library or "transformers", framework=TF, model_type=resolution.model_type
        )
        return _load_with_tensorflow(import_tf_class(ref), resolution, location, queries, model_kwargs)
    as_class = _choose_class(task, resolution, library, location, registry, tables)
    file_options: dict[str, Any] = {name: model_kwargs[name] for name in _FILE_OPTIONS if name in model_kwargs}
    library_kwargs = {
        name: value for name, value in model_kwargs.items() if name not in (*_FILE_OPTIONS, *_FETCH_OPTIONS)
    }
    try:
        prepared = queries.run(
            lambda resolver: resolver.prepare_load(
                location.name,
                location.revision,
                as_class=as_class,
                library=library,
                subfolder=location.subfolder,
                device=device if device is not None else "cpu",
                dtype=dtype,
                model_kwargs=_build_arguments(library, library_kwargs, dtype),
                **file_options,
            )
        )
        return _load_model(prepared)
    except LibraryNotInstalledError:
        raise
    except ModelLoadError as error:
        if error.__cause__ is not None:
            # optimum lets the library's own error through, and its users catch that.
            error.__cause__.add_note(str(error))
            raise error.__cause__ from None
        raise CannotLoadError(str(error), resolution=error.resolution) from error


def _choose_class(
    task: str,
    resolution: Resolution,
    library: str | None,
    location: RepoLocation,
    registry: Registry,
    tables: ModelTables,
) -> ClassRef | None:
    """The class to load with. None, for "auto" and for diffusers pipelines: the class of the resolution."""
    if task == AUTO:
        require_task(resolution, location)
        return None
    if library == "diffusers":
        return None
    name = map_from_synonym(task.removesuffix(WITH_PAST), tables.read_synonyms())
    written = tables.find_written_class(name, PT, resolution.model_type, library or "transformers")
    if written is not None:
        return written
    ref = find_model_class(
        task,
        registry,
        library=library or "transformers",
        model_type=resolution.model_type,
        architecture=resolution.architecture if library == resolution.library else None,
    )
    try:
        model_class = import_model_class(ref, registry, resolution.model_type)
    except ImportError:
        # The loader checks all required packages later, and names every missing one in one error.
        return ref
    return ClassRef(ref.module, model_class.__name__)


def _load_with_tensorflow(
    model_class: Any,
    resolution: Resolution,
    location: RepoLocation,
    queries: RepoQueries,
    model_kwargs: Mapping[str, Any],
) -> Any:
    """The model, loaded by a TensorFlow class of transformers 4, which fetches the files itself, at the commit of the
    resolution; from the weights of PyTorch if there are no others."""
    arguments: dict[str, Any] = {**queries.build_download_arguments(), "from_pt": TF not in resolution.weights}
    if location.subfolder:
        arguments["subfolder"] = location.subfolder
    if resolution.commit_hash is not None:
        arguments["revision"] = resolution.commit_hash
    return model_class.from_pretrained(location.name, **{**arguments, **model_kwargs})


def _build_arguments(library: str | None, model_kwargs: Mapping[str, Any], dtype: Any) -> dict[str, Any]:
    """The arguments of the library's loading function, without those that the loader adds."""
    if library == "timm":
        return {"exportable": True, **model_kwargs}
    if library == "sentence_transformers" and model_kwargs:
        # sentence-transformers passes `model_kwargs` on to the transformers model inside.
        return {"model_kwargs": {**({"torch_dtype": dtype} if dtype is not None else {}), **model_kwargs}}
    return dict(model_kwargs)


def _load_model(prepared: PreparedModel) -> Any:
    model, *_ = load_prepared(prepared)
    return model
