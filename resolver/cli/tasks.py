"""Runs `hubresolve tasks`: lists task names, and the tasks that a library, model type or backend serves."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import click

from registry.errors import UnknownNameError, UnsupportedModelTypeError
from registry.export.constructor import get_class_name
from registry.export.defaults import shipped_export_registry
from registry.queries.supported_tasks import TaskClasses, list_family_tasks, list_library_tasks, list_model_type_tasks
from registry.registry import Registry
from resolver.cli.exits import ALL_ANSWERED
from resolver.registry_in_force import find_registry
from resolver.render import render_json_line
from resolver.settings import Settings

MAX_SHOWN_CLASSES = 4
"""Class names in one cell; the remaining ones are counted."""


async def show_tasks(
    model_type: str | None,
    library: str | None,
    backend: str | None = None,
    *,
    location: str | None = None,
    as_json: bool = False,
) -> int:
    """Write all task names with modality and aliases; for a library or model type, its tasks with their classes.

    With a backend: the model types that it can export; with a model type too, its tasks with the export configurations.
    The store at `location` is read for its registry updates only, and need not exist.

    Raises:
        click.UsageError: a name is not known; the message names the nearest known ones.
    """
    registry = await find_registry(Settings(store=location))
    try:
        rows = (
            _build_task_rows(registry, model_type, library)
            if backend is None
            else _build_export_rows(registry, model_type, library, backend)
        )
    except (UnknownNameError, UnsupportedModelTypeError) as error:
        raise click.UsageError(str(error)) from error
    if as_json:
        heading, *others = rows
        names = [name.replace(" ", "_") for name in heading]
        click.echo(render_json_line([dict(zip(names, row, strict=True)) for row in others]))
        return ALL_ANSWERED
    for line in _align_columns(rows):
        click.echo(line)
    return ALL_ANSWERED


def _build_task_rows(registry: Registry, model_type: str | None, library: str | None) -> list[tuple[str, ...]]:
    if library is None and model_type is None:
        aliases: dict[str, list[str]] = {}
        for alias, task in registry.task_aliases.items():
            aliases.setdefault(task, []).append(alias)
        names = (
            (task, modality, ", ".join(sorted(aliases.get(task, ())))) for task, modality in registry.tasks.items()
        )
        return [("task", "modality", "also called"), *names]
    library = registry.normalize_library(library) if library is not None else "transformers"
    if model_type is None:
        served = list_library_tasks(library, registry)
    else:
        served = _find_served_tasks(registry, model_type, library)
    if not served and model_type is None:
        # The library has no tasks of its own: its repos may have any task, which their pipeline tag names.
        return [("task", "modality", "classes"), ("any", "", registry.libraries[library].model_class or "")]
    return [
        ("task", "modality", "classes"),
        *((task, registry.tasks[task], _join_classes(classes)) for task, classes in served.items()),
    ]


def _find_served_tasks(registry: Registry, model_type: str, library: str) -> TaskClasses:
    if library == "diffusers":
        return list_family_tasks(model_type, registry)
    served = list_model_type_tasks(model_type, registry)
    if not served:
        known = {name for mapping in registry.mappings for name in mapping.models}
        raise UnknownNameError("model type", model_type, known)
    if library == "transformers":
        # The registry lists the main task last; shown first, as everywhere else.
        return dict(reversed(served.items()))
    library_tasks = list_library_tasks(library, registry)
    return {
        task: classes
        for task, classes in library_tasks.items()
        if any(base in served for base in registry.find_serving_tasks(task))
    }


def _build_export_rows(
    registry: Registry, model_type: str | None, library: str | None, backend: str
) -> list[tuple[str, ...]]:
    exports = shipped_export_registry(registry)
    if backend not in exports.list_backends():
        raise UnknownNameError("backend", backend, exports.list_backends())
    library = registry.normalize_library(library) if library is not None else None
    if model_type is not None:
        constructors = exports.get_supported_tasks_for_model_type(model_type, backend, library_name=library)
        rows = (
            (task, registry.tasks[registry.parse_task(task)[0]], get_class_name(constructor))
            for task, constructor in constructors.items()
        )
        return [("task", "modality", "configuration"), *rows]
    return [
        ("model type", "library", "tasks"),
        *(
            (name, owner, ", ".join(exports.get_supported_tasks_for_model_type(name, backend, library_name=owner)))
            for owner in ((library,) if library is not None else exports.list_libraries())
            for name in exports.list_model_types(backend, owner)
        ),
    ]


def _join_classes(classes: Sequence[str]) -> str:
    hidden = len(classes) - MAX_SHOWN_CLASSES
    return ", ".join(classes[:MAX_SHOWN_CLASSES]) + (f" and {hidden} more" if hidden > 0 else "")


def _align_columns(rows: Sequence[Sequence[str]]) -> Iterable[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
