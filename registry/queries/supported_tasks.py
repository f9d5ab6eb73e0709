"""Which tasks a library or a model type serves, and with which classes. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from registry.errors import UnknownNameError
from registry.registry import Registry

Served = dict[str, tuple[str, ...]]
"""Task -> the classes that serve it; empty where no class is known, or every class of the library's is meant."""


def tasks_of_library(library: str, registry: Registry) -> Served:
    """What a library serves, by its canonical name; empty where it may be used for anything.

    For diffusers the classes are the auto classes, else the pipelines.
    """
    if library == "transformers":
        return {task: registry.task_auto_classes.get(task, ()) for task in _in_order(registry)}
    if library == "diffusers":
        pipelines: dict[str, list[str]] = {}
        for name, row in registry.pipelines.items():
            for task in row.tasks:
                pipelines.setdefault(task, []).append(row.auto_classes.get(task, name))
        return {task: tuple(_auto_first(names)) for task, names in pipelines.items()}
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


def _in_order(registry: Registry) -> list[str]:
    served = {mapping.task for mapping in registry.mappings}
    served.update(task for rows in registry.custom_classes.values() for task, _ in rows)
    return [task for task in registry.tasks if task in served]


def _auto_first(names: list[str]) -> list[str]:
    autos = [name for name in dict.fromkeys(names) if name.startswith("Auto")]
    return autos or list(dict.fromkeys(names))


def tasks_of_family(family: str, registry: Registry) -> Served:
    """What a family of diffusers pipelines (as "flux") serves, with the pipeline of each.

    Raises:
        UnknownNameError: diffusers has no such family.
    """
    found: Mapping[str, str] | None = registry.pipeline_families.get(family)
    if found is None:
        raise UnknownNameError("diffusers family", family, registry.pipeline_families)
    return {task: (name,) for task, name in found.items()}


def tasks_of_model_type(model_type: str, registry: Registry) -> dict[str, tuple[str, ...]]:
    """Task -> the classes that load a model type for it (auto class first, else the architecture's own); may be empty.

    In the order of the mappings, the most specific task last; of its classes the most specific first.
    """
    model_type = registry.model_type_aliases.get(model_type, model_type)
    found: dict[str, list[str]] = {}
    today = {mapping.task for mapping in registry.mappings if model_type in mapping.models}
    # A mapping without an auto class gathers what other mappings tell apart; it says nothing of a task.
    old = (item for item in registry.old_mappings if item.task not in today and item.auto_class is not None)
    for mapping in (*old, *registry.mappings):
        for architecture in mapping.models.get(model_type, ()):
            found.setdefault(mapping.task, []).append(mapping.auto_class or architecture)
    for architecture, served in registry.custom_classes.items():
        for task, custom_type in served:
            if custom_type == model_type:
                found.setdefault(task, []).append(architecture)
    return {task: tuple(dict.fromkeys(reversed(names))) for task, names in found.items()}
