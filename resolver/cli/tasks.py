"""`hubresolve tasks`: the task names that are known, and what a library or a model type serves."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import click

from registry.defaults import default_registry
from registry.errors import UnknownNameError, UnsupportedModelTypeError
from registry.export.defaults import shipped_export_registry
from registry.queries.supported_tasks import Served, tasks_of_family, tasks_of_library, tasks_of_model_type
from registry.registry import Registry
from resolver.cli.exits import ALL_ANSWERED

CLASSES_SHOWN = 4


def show_tasks(model_type: str | None, library: str | None, backend: str | None = None) -> int:
    """Write task names with modality and aliases; of a library or model type the tasks it serves, with the classes.

    With a backend: the model types that can be exported with it; of one model type the tasks, with what configures
    the export.

    Raises:
        click.UsageError: a name is not known; the message has the nearest ones.
    """
    registry = default_registry()
    try:
        rows = (
            _rows(registry, model_type, library)
            if backend is None
            else _exports(registry, model_type, library, backend)
        )
    except (UnknownNameError, UnsupportedModelTypeError) as error:
        raise click.UsageError(str(error)) from error
    for line in _laid_out(rows):
        click.echo(line)
    return ALL_ANSWERED


def _rows(registry: Registry, model_type: str | None, library: str | None) -> list[tuple[str, ...]]:
    if library is None and model_type is None:
        aliases: dict[str, list[str]] = {}
        for alias, task in registry.task_aliases.items():
            aliases.setdefault(task, []).append(alias)
        names = (
            (task, modality, ", ".join(sorted(aliases.get(task, ())))) for task, modality in registry.tasks.items()
        )
        return [("task", "modality", "also called"), *names]
    library = registry.canonical_library(library) if library is not None else "transformers"
    served = (
        tasks_of_library(library, registry) if model_type is None else _of_model_type(registry, model_type, library)
    )
    if not served and model_type is None:
        # A library that keeps to no tasks takes any: the pipeline tag tells.
        return [("task", "modality", "classes"), ("any", "", registry.libraries[library].model_class or "")]
    return [
        ("task", "modality", "classes"),
        *((task, registry.tasks[task], _listed(classes)) for task, classes in served.items()),
    ]


def _of_model_type(registry: Registry, model_type: str, library: str) -> Served:
    if library == "diffusers":
        return tasks_of_family(model_type, registry)
    served = tasks_of_model_type(model_type, registry)
    if not served:
        known = {name for mapping in registry.mappings for name in mapping.models}
        raise UnknownNameError("model type", model_type, known)
    if library == "transformers":
        # The main task first, as everywhere else.
        return dict(reversed(served.items()))
    own = tasks_of_library(library, registry)
    return {task: classes for task, classes in own.items() if any(base in served for base in registry.served_as(task))}


def _exports(registry: Registry, model_type: str | None, library: str | None, backend: str) -> list[tuple[str, ...]]:
    exports = shipped_export_registry(registry)
    if backend not in exports.backends():
        raise UnknownNameError("backend", backend, exports.backends())
    library = registry.canonical_library(library) if library is not None else None
    if model_type is not None:
        found = exports.get_supported_tasks_for_model_type(model_type, backend, library_name=library)
        named = ((task, made.class_name) for task, made in found.items())
        modality = (registry.tasks[registry.parse_task(task)[0]] for task in found)
        rows = ((task, kind, name) for (task, name), kind in zip(named, modality, strict=True))
        return [("task", "modality", "configuration"), *rows]
    return [
        ("model type", "library", "tasks"),
        *(
            (name, owner, ", ".join(exports.get_supported_tasks_for_model_type(name, backend, library_name=owner)))
            for owner in ((library,) if library is not None else exports.libraries())
            for name in exports.model_types(backend, owner)
        ),
    ]


def _listed(classes: Sequence[str]) -> str:
    more = len(classes) - CLASSES_SHOWN
    return ", ".join(classes[:CLASSES_SHOWN]) + (f" and {more} more" if more > 0 else "")


def _laid_out(rows: Sequence[Sequence[str]]) -> Iterable[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
