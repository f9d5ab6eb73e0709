"""Load a model for a task: the resolver finds and fetches it, the caller's own thread calls the library."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from registry.class_ref import ClassRef
from registry.registry import Registry
from resolver.errors import LibraryNotInstalledError, ModelLoadError
from resolver.loading.loader import Prepared, load_prepared
from resolver.resolution import Resolution
from resolver.tasks_manager.classes import find_model_class, import_model_class
from resolver.tasks_manager.errors import CannotLoadError, TaskNotInferredError
from resolver.tasks_manager.repo_queries import RepoLocation, RepoQueries

AUTO = "auto"
"""The task of those who leave it to what the repo is for."""

_OPTIONS = ("trust_remote_code", "variant", "gguf_file")
"""Arguments of the libraries' loading functions that say which files are wanted."""

_ON_FETCHING = ("local_files_only", "force_download", "proxies", "resume_download", "local_dir", "user_agent")
"""Arguments that say how to fetch, which is done before a library is called."""


def load(
    answers: RepoQueries,
    place: RepoLocation,
    registry: Registry,
    *,
    task: str,
    library: str | None,
    dtype: Any,
    device: Any,
    model_kwargs: Mapping[str, Any],
) -> Any:
    """The model, in eval mode. `model_kwargs` are arguments of the library's loading function.

    Raises:
        ResolveError: the repo cannot be resolved, or its files cannot be had.
        NotKnownError, NoClassError: no class serves the task.
        CannotLoadError: nothing here loads such a repo, or only with code of its own, which was not allowed.
        LibraryNotInstalledError: the library is missing, or of another release than the repo needs.
        Exception: whatever the library raises when it loads.
    """
    if model_kwargs.get("local_files_only"):
        answers = answers.offline()
    found = answers.resolve(place, library)
    library = library or found.library
    as_class = _class_for(task, found, library, place, registry)
    options: dict[str, Any] = {name: model_kwargs[name] for name in _OPTIONS if name in model_kwargs}
    others = {name: value for name, value in model_kwargs.items() if name not in (*_OPTIONS, *_ON_FETCHING)}
    try:
        prepared = answers.ask(
            lambda resolver: resolver.prepare_load(
                place.name,
                place.revision,
                as_class=as_class,
                library=library,
                subfolder=place.subfolder,
                device=device if device is not None else "cpu",
                dtype=dtype,
                model_kwargs=_arguments(library, others, dtype),
                **options,
            )
        )
        return _loaded(prepared)
    except LibraryNotInstalledError:
        raise
    except ModelLoadError as error:
        if error.__cause__ is not None:
            # As optimum has it: the library's own error, which its users know.
            error.__cause__.add_note(str(error))
            raise error.__cause__ from None
        raise CannotLoadError(str(error), resolution=error.resolution) from error


def _class_for(
    task: str, found: Resolution, library: str | None, place: RepoLocation, registry: Registry
) -> ClassRef | None:
    """The class to load with; None: the one decided, as for "auto" and for pipelines, whose files name it."""
    if task == AUTO:
        if found.task is None:
            raise TaskNotInferredError(f"no task can be told of {place}: {found.undecided or 'nothing names one'}")
        return None
    if library == "diffusers":
        return None
    ref = find_model_class(
        task,
        registry,
        library=library or "transformers",
        model_type=found.model_type,
        architecture=found.architecture if library == found.library else None,
    )
    try:
        there = import_model_class(ref, registry, found.model_type)
    except ImportError:
        # Whether it is missing, and what to install, is told with everything else that loading takes.
        return ref
    return ClassRef(ref.module, there.__name__)


def _arguments(library: str | None, given: Mapping[str, Any], dtype: Any) -> dict[str, Any]:
    """What the library's loading function is called with, beside what the loader says itself."""
    if library == "timm":
        return {"exportable": True, **given}
    if library == "sentence_transformers" and given:
        # They are for the transformer inside.
        return {"model_kwargs": {**({"torch_dtype": dtype} if dtype is not None else {}), **given}}
    return dict(given)


def _loaded(prepared: Prepared) -> Any:
    model, *_ = load_prepared(prepared)
    return model
