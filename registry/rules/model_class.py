"""Which class loads a repo for a task: look-ups in the registry by architecture and model type. Pure."""

from __future__ import annotations

from registry.decision import Evidence
from registry.registry import Registry
from registry.table_rows import ServedTask

FRAMEWORK_PREFIXES = {"tf": "TF", "flax": "Flax"}
"""How transformers 4 begins the names of its classes for other frameworks."""


def rows_of(architecture: str, registry: Registry) -> tuple[ServedTask, ...]:
    """The tasks of an architecture, ascending by rank; matched without regard to case as a last resort."""
    found = registry.rows.get(architecture)
    if found is None:
        found = registry.rows.get(registry.folded_architectures.get(architecture.lower(), ""), ())
    return found


def known_name(architecture: str, registry: Registry) -> str:
    """The library's own spelling of an architecture."""
    if architecture in registry.rows:
        return architecture
    return registry.folded_architectures.get(architecture.lower(), architecture)


def class_for(architecture: str, model_type: str | None, task: str, registry: Registry) -> str:
    """The auto class of `task` that loads this very architecture for this model type; else the architecture's own.

    Of several, the one that is called as the architecture's head is; else the most specific.
    """
    loading = [
        row.auto_class
        for row in reversed(rows_of(architecture, registry))
        if row.task == task and row.auto_class and architecture in _loaded_by(row.auto_class, model_type, registry)
    ]
    heads = (name for name in loading if "For" in name and architecture.endswith(name[name.index("For") :]))
    return next(heads, loading[0] if loading else architecture)


def class_in_framework(model_class: str, model_type: str | None, framework: str, registry: Registry) -> str | None:
    """The auto class of TensorFlow or Flax that stands for one of PyTorch, where it knows the model type."""
    named = f"{FRAMEWORK_PREFIXES.get(framework, '')}{model_class}"
    is_known = named != model_class and _loaded_by(named, model_type, registry)
    return named if is_known else None


def class_without_architecture(model_type: str, task: str, registry: Registry) -> str | None:
    """The auto class of `task` that knows the model type, for configs that name no architecture."""
    for auto_class in registry.task_auto_classes.get(task, ()):
        if _loaded_by(auto_class, model_type, registry):
            return auto_class
    return None


def class_of_model_type(model_type: str, task: str, registry: Registry) -> str | None:
    """What loads a model type for `task`, or for the nearest task that may serve it; None where nothing does."""
    for served in registry.served_as(task):
        auto_class = class_without_architecture(model_type, served, registry)
        if auto_class is not None:
            return auto_class
        own = registry.custom_classes_by_type.get((served, model_type))
        if own is not None:
            return own
    return None


def is_family_name(architecture: str, model_type: str | None, registry: Registry) -> bool:
    """Whether a class that no mapping holds is named as the family of its model type, without a head.

    So `Qwen2_5OmniModel` of `qwen2_5_omni`: what loads it, the model type tells. `Model` alone names no family.
    """
    family = architecture.removesuffix("Model").lower()
    if model_type is None or family == architecture.lower() or len(family) < 3:
        return False
    return any(name.lower().startswith(family) for name in registry.architectures_of.get(model_type, ()))


def loads_trunk(model_type: str | None, registry: Registry) -> bool:
    """Whether the model type's trunk can be loaded without its head."""
    return bool(_loaded_by("AutoModel", model_type, registry))


def _loaded_by(auto_class: str, model_type: str | None, registry: Registry) -> tuple[str, ...]:
    models = registry.auto_class_models.get(auto_class, {})
    if model_type is None:
        return ()
    return models.get(model_type) or models.get(registry.model_type_aliases.get(model_type, ""), ())


def is_native(architecture: str, model_type: str | None, registry: Registry) -> bool:
    """Whether transformers itself has this architecture under this model type."""
    native_type = registry.model_type_aliases.get(model_type or "", model_type)
    return native_type in registry.model_types and architecture in registry.rows


def version_notes(architecture: str, registry: Registry) -> tuple[str, ...]:
    """Which versions of transformers have the architecture, where not all of the last years' do."""
    since, until = releases_of(architecture, registry)
    if until is not None:
        return (f"supported by transformers until {until}",)
    return (f"needs transformers >= {since}",) if since else ()


def releases_of(architecture: str, registry: Registry) -> tuple[str | None, str | None]:
    """The first and the last release of transformers that has the architecture; None: before the last years, today's.

    One that is gone has a last release only.
    """
    rows = rows_of(architecture, registry)
    untils = [row.until for row in rows]
    if rows and all(untils):
        return None, max(
            (until for until in untils if until), key=lambda version: [int(part) for part in version.split(".")]
        )
    return registry.since.get(architecture), None


def explain_class(model_class: str | None, architecture: str | None, model_type: str | None, task: str) -> Evidence:
    saw = f"{architecture or 'no architecture'}, model_type {model_type or 'none'}, task {task}"
    if model_class is None:
        said = "no class is known to load it"
    elif model_class == architecture:
        said = f"{model_class}: no auto class of the task maps to it"
    else:
        said = model_class
    return Evidence(rule="model class", saw=saw, said=said)
