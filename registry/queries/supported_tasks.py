"""Lists the tasks that a library, a pipeline family or a model type serves, with the classes for each. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from registry.errors import UnknownNameError
from registry.registry import Registry

TaskClasses = dict[str, tuple[str, ...]]
"""Task -> the classes that serve it; empty where none is known, or where any class of the library serves it."""


def list_library_tasks(library: str, registry: Registry) -> TaskClasses:
    """The tasks of a library (a canonical name), with their classes; empty where it can be used for any task.

    For diffusers the classes are the auto classes, else the pipelines.
    """
    if library == "transformers":
        return {task: registry.task_auto_classes.get(task, ()) for task in _list_served_tasks(registry)}
    if library == "diffusers":
        pipelines: dict[str, list[str]] = {}
        for name, row in registry.pipelines.items():
            for task in row.tasks:
                pipelines.setdefault(task, []).append(row.auto_classes.get(task, name))
        return {task: tuple(_prefer_auto_classes(names)) for task, names in pipelines.items()}
    if library == "sentence_transformers":
        kinds: dict[str, list[str]] = {}
        for kind, tasks in registry.sentence_kinds.items():
            for task in dict.fromkeys(tasks):
                kinds.setdefault(task, []).append(kind)
        return {task: tuple(names) for task, names in kinds.items()}
    if library == "peft":
        return {task: (name,) for task, name in registry.peft_task_types.values()}
    own = registry.libraries[library]
    return dict.fromkeys(own.tasks, (own.model_class,) if own.model_class is not None else ())


def _list_served_tasks(registry: Registry) -> list[str]:
    served = {mapping.task for mapping in registry.mappings}
    served.update(task for rows in registry.custom_classes.values() for task, _ in rows)
    return [task for task in registry.tasks if task in served]


def _prefer_auto_classes(names: list[str]) -> list[str]:
    autos = [name for name in dict.fromkeys(names) if name.startswith("Auto")]
    return autos or list(dict.fromkeys(names))


def list_family_tasks(family: str, registry: Registry) -> TaskClasses:
    """The tasks of a family of diffusers pipelines (such as "flux"), with the pipeline of each.

    Raises:
        UnknownNameError: diffusers has no such family.
    """
    found: Mapping[str, str] | None = registry.pipeline_families.get(family)
    if found is None:
        raise UnknownNameError("diffusers family", family, registry.pipeline_families)
    return {task: (name,) for task, name in found.items()}


def list_model_type_tasks(model_type: str, registry: Registry) -> dict[str, tuple[str, ...]]:
    """The tasks of a model type, with the classes that load it for each; may be empty.

    In the order of the mappings, the most specific task last; of its classes the most specific first. A class is the
    auto class, or the architecture itself where there is none.
    """
    model_type = registry.model_type_aliases.get(model_type, model_type)
    found: dict[str, list[str]] = {}
    current_tasks = {mapping.task for mapping in registry.mappings if model_type in mapping.models}
    # A removed mapping without an auto class combines several tasks, so it gives no single one.
    old = (item for item in registry.old_mappings if item.task not in current_tasks and item.auto_class is not None)
    for mapping in (*old, *registry.mappings):
        for architecture in mapping.models.get(model_type, ()):
            found.setdefault(mapping.task, []).append(mapping.auto_class or architecture)
    for architecture, served in registry.custom_classes.items():
        for task, custom_type in served:
            if custom_type == model_type:
                found.setdefault(task, []).append(architecture)
    return {task: tuple(dict.fromkeys(reversed(names))) for task, names in found.items()}
