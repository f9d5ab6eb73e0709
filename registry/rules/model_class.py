"""Finds classes and tasks in the registry by architecture and model type. Pure.

A trunk is a model without a head for a task, as `AutoModel` loads it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from registry.decision import Decision, Evidence
from registry.registry import Registry
from registry.table_rows import ServedTask

TRUNK_TASK = "feature-extraction"
"""The task of a trunk."""

FRAMEWORK_PREFIXES = {"tf": "TF", "flax": "Flax"}
"""Prefixes of the class names of other frameworks in transformers 4."""


_GENERATION = (
    "image-text-to-text",
    "automatic-speech-recognition",
    "text-to-audio",
    "text-generation",
    "text2text-generation",
)
"""Tasks of generators, in the order in which a model type that serves several of them is taken for one."""


def find_served_tasks(architecture: str, registry: Registry) -> tuple[ServedTask, ...]:
    """The tasks of an architecture, ascending by rank; if there is none of this name, it is matched ignoring case."""
    found = registry.served_tasks.get(architecture)
    if found is None:
        found = registry.served_tasks.get(registry.folded_architectures.get(architecture.lower(), ""), ())
    return found


def list_main_tasks(architectures: tuple[str, ...], registry: Registry) -> list[str]:
    """The main task of each architecture that is known; the Hub derives its tag from it."""
    served = (find_served_tasks(name, registry) for name in architectures)
    return [rows[-1].task for rows in served if rows]


def find_canonical_name(architecture: str, registry: Registry) -> str:
    """The library's own spelling of an architecture; the name itself where it is unknown."""
    if architecture in registry.served_tasks:
        return architecture
    return registry.folded_architectures.get(architecture.lower(), architecture)


def choose_class(architecture: str, model_type: str | None, task: str, registry: Registry) -> str:
    """The auto class of `task` that loads this architecture for this model type; else the architecture itself.

    Of several auto classes, the one with the same head in its name is chosen; else the most specific.
    """
    loading = [
        row.auto_class
        for row in reversed(find_served_tasks(architecture, registry))
        if row.task == task and row.auto_class and architecture in _list_loadable(row.auto_class, model_type, registry)
    ]
    return _choose_by_head(loading, (architecture,)) or architecture


def _choose_by_head(auto_classes: Sequence[str], architectures: Collection[str]) -> str | None:
    """The first of these auto classes with the head of one of the architectures in its name, else the first; or None.

    `AutoModelForInstanceSegmentation` has the head of `MaskFormerForInstanceSegmentation`.
    """
    heads = (
        name
        for name in auto_classes
        if "For" in name and any(a.endswith(name[name.index("For") :]) for a in architectures)
    )
    return next(heads, auto_classes[0] if auto_classes else None)


def find_framework_class(model_class: str, model_type: str | None, framework: str, registry: Registry) -> str | None:
    """The TensorFlow or Flax counterpart of a PyTorch class; None where it does not load the model type."""
    named = f"{FRAMEWORK_PREFIXES.get(framework, '')}{model_class}"
    is_known = named != model_class and _list_loadable(named, model_type, registry)
    return named if is_known else None


def find_auto_class(model_type: str, task: str, registry: Registry) -> str | None:
    """The auto class of `task` that loads the model type, for configs without an architecture; None if none does.

    Of several auto classes, the one with the same head in its name as what it loads is chosen; else the most specific.
    """
    loading = {
        name: found
        for name in registry.task_auto_classes.get(task, ())
        if (found := _list_loadable(name, model_type, registry))
    }
    return _choose_by_head(list(loading), {item for found in loading.values() for item in found})


def find_class_of_model_type(model_type: str, task: str, registry: Registry) -> str | None:
    """The class that loads a model type for `task`, else for the nearest task that can serve it; None if none does."""
    for served in registry.find_serving_tasks(task):
        auto_class = find_auto_class(model_type, served, registry)
        if auto_class is not None:
            return auto_class
        own = registry.custom_classes_by_type.get((served, model_type))
        if own is not None:
            return own
    return None


def find_generation(model_type: str | None, registry: Registry) -> str | None:
    """The task that a generator's model type generates for; None for model types that do not generate, or that have a
    head for masked words too.
    """
    if model_type is None or find_auto_class(model_type, "fill-mask", registry) is not None:
        return None
    return next(
        (task for task in _GENERATION if find_auto_class(model_type, task, registry) not in (None, "AutoModelForCTC")),
        None,
    )


def is_family_name(architecture: str, model_type: str | None, registry: Registry) -> bool:
    """Whether a class in no mapping is named after the family of its model type, without a head.

    For example `Qwen2_5OmniModel` of `qwen2_5_omni`: the model type then gives the class that loads it. `Model` alone
    names no family.
    """
    family = architecture.removesuffix("Model").lower()
    if model_type is None or family == architecture.lower() or len(family) < 3:
        return False
    return any(name.lower().startswith(family) for name in registry.architectures_by_model_type.get(model_type, ()))


def list_related_tasks(
    architecture: str, model_type: str | None, *, is_tied: bool, registry: Registry
) -> tuple[str, ...]:
    """The tasks that other classes of the model type serve from the same weights.

    The trunk of any model gives features. A trunk generates where its output embeddings are those of the input
    (`is_tied`), since the head then has no weights of its own; a head for masked words has more.
    """
    trunks = _list_loadable("AutoModel", model_type, registry)
    if not trunks:
        return ()
    rows = (row for name in trunks for row in find_served_tasks(name, registry) if row.auto_class == "AutoModel")
    tasks = [TRUNK_TASK, *(row.task for row in rows)]
    if architecture in trunks and is_tied:
        if _list_loadable("AutoModelForSeq2SeqLM", model_type, registry):
            tasks.append("text2text-generation")
        if _list_loadable("AutoModelForCausalLM", model_type, registry) and not _list_loadable(
            "AutoModelForMaskedLM", model_type, registry
        ):
            tasks.append("text-generation")
    return tuple(dict.fromkeys(tasks))


def find_wrapped(architecture: str, model_type: str | None, registry: Registry) -> str | None:
    """The architecture of the model type that a class name ends with, as in `FSDPGemma3ForConditionalGeneration`; None
    where there is none. transformers chooses the class by the model type, so it loads that one.
    """
    names = registry.architectures_by_model_type.get(model_type or "", ())
    return max((name for name in names if architecture.endswith(name)), key=len, default=None)


def has_trunk(model_type: str | None, registry: Registry) -> bool:
    """Whether `AutoModel` loads the trunk of the model type."""
    return bool(_list_loadable("AutoModel", model_type, registry))


def _list_loadable(auto_class: str, model_type: str | None, registry: Registry) -> tuple[str, ...]:
    """The architectures that an auto class loads for a model type; may be empty."""
    models = registry.auto_class_models.get(auto_class, {})
    if model_type is None:
        return ()
    return models.get(model_type) or models.get(registry.model_type_aliases.get(model_type, ""), ())


def is_native(architecture: str, model_type: str | None, registry: Registry) -> bool:
    """Whether transformers itself has this architecture under this model type."""
    native_type = registry.model_type_aliases.get(model_type or "", model_type)
    return native_type in registry.model_types and architecture in registry.served_tasks


def is_derived(decision: Decision, registry: Registry) -> bool:
    """Whether the class of a decision follows from a name alone: no release in the tables loads the model type so."""
    name, architecture, model_type = decision.model_class, decision.architecture, decision.model_type
    if name is None or architecture is None or name == architecture or find_served_tasks(architecture, registry):
        return False
    return not _list_loadable(name, model_type, registry)


def build_version_notes(architecture: str, registry: Registry) -> tuple[str, ...]:
    """A note on the transformers releases that have the architecture; empty where all recent ones have it."""
    since, until = find_releases(architecture, registry)
    if until is not None:
        return (f"supported by transformers until {until}",)
    return (f"needs transformers >= {since}",) if since else ()


def find_releases(architecture: str, registry: Registry) -> tuple[str | None, str | None]:
    """The first and the last release of transformers that has the architecture.

    The first is None for old and for removed architectures, the last is None for those that transformers still has.
    """
    rows = find_served_tasks(architecture, registry)
    untils = [row.until for row in rows]
    if rows and all(untils):
        return None, max(
            (until for until in untils if until), key=lambda version: [int(part) for part in version.split(".")]
        )
    return registry.since.get(architecture), None


def explain_class(model_class: str | None, architecture: str | None, model_type: str | None, task: str) -> Evidence:
    """The evidence for the choice of `model_class`."""
    saw = f"{architecture or 'no architecture'}, model_type {model_type or 'none'}, task {task}"
    if model_class is None:
        said = "no class is known to load it"
    elif model_class == architecture:
        said = f"{model_class}: no auto class of the task maps to it"
    else:
        said = model_class
    return Evidence(rule="model class", saw=saw, said=said)
