"""Finds the class that loads a model for a task, by library, model type or architecture. Pure: nothing is imported.

For a repo, `decide` finds the class by its files.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from registry.class_ref import ClassRef, parse_class_ref
from registry.errors import ContradictionError, UnknownNameError
from registry.queries.supported_tasks import list_model_type_tasks
from registry.registry import Registry
from registry.rules.model_class import (
    TRUNK_TASK,
    choose_class,
    find_canonical_name,
    find_class_of_model_type,
    find_served_tasks,
    has_trunk,
)
from registry.rules.nemo import find_nemo_class_for_task
from registry.rules.task import join_tasks
from registry.tables.weights import FORMAT_TAGS, FRAMEWORKS


@dataclass(frozen=True, slots=True, kw_only=True)
class _ClassQuery:
    task: str
    framework: str
    model_type: str | None
    architecture: str | None
    auto_map: Mapping[str, str]


def find_class(
    task: str,
    registry: Registry,
    *,
    library: str = "transformers",
    framework: str = "pt",
    model_type: str | None = None,
    architecture: str | None = None,
    auto_map: Mapping[str, str] | None = None,
) -> ClassRef:
    """The class or function that loads a model for `task`.

    `architecture` is a class name from `config.json`, a pipeline of diffusers or a kind of sentence-transformers; it
    counts more than `model_type`. With neither, the result is the most specific class of the task. `auto_map` is that
    of `config.json`; it is used where the library has no class of its own. Its classes are loaded through the auto
    class, with `trust_remote_code`.

    Raises:
        UnknownNameError: a name is unknown; the message suggests similar names.
        ContradictionError: the names are known, but no class serves them together; the message has the reason.
    """
    query = _ClassQuery(
        task=registry.normalize_task(task),
        framework=_normalize_framework(framework),
        model_type=model_type,
        architecture=architecture,
        auto_map=auto_map or {},
    )
    library = registry.normalize_library(library)
    find = _FINDERS.get(library)
    if find is not None:
        return find(query, registry)
    row = registry.libraries[library]
    if row.tasks and not any(served in row.tasks for served in registry.find_serving_tasks(query.task)):
        raise ContradictionError(f"{library} has no class for {query.task}; it serves {', '.join(row.tasks)}")
    if row.module is None or row.model_class is None:
        raise ContradictionError(f"no class is known to load models of {library}")
    return ClassRef(row.module, row.model_class)


def _normalize_framework(name: str) -> str:
    spellings = {**FORMAT_TAGS, **{known: known for known in FRAMEWORKS}, "tensorflow": "tf"}
    found = spellings.get(name.lower())
    if found is None:
        raise UnknownNameError("framework", name, spellings)
    return found


def _find_in_transformers(query: _ClassQuery, registry: Registry) -> ClassRef:
    if query.framework != "pt":
        return ClassRef("transformers", _find_in_framework(query, registry))
    name: str | None
    if query.architecture is not None and find_served_tasks(query.architecture, registry):
        name = _find_by_architecture(query.architecture, query, registry)
    elif query.auto_map:
        name = _find_by_auto_map(query, registry)
    elif query.architecture is not None:
        if query.architecture not in registry.other_architectures:
            raise UnknownNameError("architecture", query.architecture, registry.served_tasks)
        name = query.architecture
    elif query.model_type is not None:
        name = find_class_of_model_type(query.model_type, query.task, registry)
        if name is None:
            raise _build_no_class_error(query, registry)
    else:
        names = (registry.task_auto_classes.get(served) for served in registry.find_serving_tasks(query.task))
        name = next((found[0] for found in names if found), None)
        if name is None:
            raise ContradictionError(f"transformers has no auto class for {query.task}; name an architecture")
    own = registry.class_refs.get(name)
    return parse_class_ref(own) if own is not None else ClassRef("transformers", name)


def _find_by_architecture(architecture: str, query: _ClassQuery, registry: Registry) -> str:
    rows = find_served_tasks(architecture, registry)
    known = find_canonical_name(architecture, registry)
    # Without a model type, any of the architecture's own will do: the class is chosen by the architecture.
    model_type = query.model_type or rows[-1].model_types[0]
    tasks = {row.task for row in rows}
    for task in registry.find_serving_tasks(query.task):
        if task in tasks:
            return choose_class(known, model_type, task, registry)
    if query.task == TRUNK_TASK and has_trunk(model_type, registry):
        return "AutoModel"
    served = join_tasks([row.task for row in rows])
    raise ContradictionError(f"{architecture} cannot serve {query.task}; it serves {served}")


def _find_by_auto_map(query: _ClassQuery, registry: Registry) -> str:
    tasks = {name: registry.auto_class_tasks[name][1] for name in query.auto_map if name in registry.auto_class_tasks}
    for task in registry.find_serving_tasks(query.task):
        for name, served in tasks.items():
            if served == task:
                return name
    if "AutoModel" in tasks and query.task == TRUNK_TASK:
        return "AutoModel"
    raise ContradictionError(
        f"the repo's own code has no class for {query.task}; it serves {join_tasks(list(tasks.values()))}"
    )


def _build_no_class_error(query: _ClassQuery, registry: Registry) -> Exception:
    model_type = query.model_type or ""
    served = list_model_type_tasks(model_type, registry)
    if not served:
        return UnknownNameError("model type", model_type, (*registry.model_types, *registry.model_type_aliases))
    return ContradictionError(f"{model_type} has no class for {query.task}; it serves {join_tasks(list(served))}")


def _find_in_framework(query: _ClassQuery, registry: Registry) -> str:
    mappings = registry.framework_mappings.get(query.framework)
    if mappings is None:
        known = ", ".join(("pt", *registry.framework_mappings))
        raise ContradictionError(f"transformers loads weights of {known}, not of {query.framework}")
    prefix = {"tf": "TF", "flax": "Flax"}.get(query.framework, "")
    architecture = query.architecture or ""
    names = {architecture, f"{prefix}{architecture}"}
    for task in registry.find_serving_tasks(query.task):
        for mapping in reversed(mappings):
            loaded = mapping.models.get(query.model_type or "", ())
            if query.architecture is not None:
                loaded = tuple(name for models in mapping.models.values() for name in models if name in names)
            is_match = bool(loaded) or (query.architecture is None and query.model_type is None)
            if mapping.task == task and is_match and (mapping.auto_class or loaded):
                return mapping.auto_class or loaded[0]
    subject = query.architecture or query.model_type or "transformers"
    raise ContradictionError(f"{subject} has no {query.framework} class for {query.task} in any transformers release")


def _find_in_diffusers(query: _ClassQuery, registry: Registry) -> ClassRef:
    name = query.architecture
    if name is None and query.model_type is not None:
        family = registry.pipeline_families.get(query.model_type)
        if family is None:
            raise UnknownNameError("diffusers family", query.model_type, registry.pipeline_families)
        name = next((family[task] for task in registry.find_serving_tasks(query.task) if task in family), None)
        if name is None:
            raise ContradictionError(
                f"{query.model_type} has no pipeline for {query.task}; it has {join_tasks(list(family))}"
            )
    if name is None:
        auto_classes = {task: auto for row in registry.pipelines.values() for task, auto in row.auto_classes.items()}
        found = next(
            (auto_classes[task] for task in registry.find_serving_tasks(query.task) if task in auto_classes), None
        )
        return ClassRef("diffusers", found or "DiffusionPipeline")
    row = registry.pipelines.get(name)
    if row is None:
        raise UnknownNameError("diffusers pipeline", name, registry.pipelines)
    for task in registry.find_serving_tasks(query.task):
        if task in row.tasks:
            return ClassRef("diffusers", row.auto_classes.get(task, name))
    raise ContradictionError(f"{name} cannot serve {query.task}; it serves {join_tasks(row.tasks)}")


def _find_in_sentence_transformers(query: _ClassQuery, registry: Registry) -> ClassRef:
    kinds = registry.sentence_kinds
    kind_name = query.architecture or query.model_type
    kind_name = registry.sentence_kind_aliases.get(kind_name or "", kind_name)
    if kind_name is not None and kind_name in kinds:
        if query.task not in kinds[kind_name]:
            raise ContradictionError(f"{kind_name} cannot serve {query.task}; it serves {join_tasks(kinds[kind_name])}")
        return ClassRef("sentence_transformers", kind_name)
    # Any other architecture or model type is that of the trunk, which does not determine the kind.
    preferred = ("SentenceTransformer", *(kind for kind in kinds if kind != "SentenceTransformer"))
    found = next((kind for kind in preferred if query.task in kinds[kind]), None)
    if found is None:
        served = dict.fromkeys(task for tasks in kinds.values() for task in tasks)
        raise ContradictionError(
            f"sentence_transformers has no class for {query.task}; it serves {join_tasks(list(served))}"
        )
    return ClassRef("sentence_transformers", found)


def _find_in_peft(query: _ClassQuery, registry: Registry) -> ClassRef:
    by_task = dict(registry.peft_task_types.values())
    served = (by_task.get(task) for task in (query.task, registry.kind_of.get(query.task, "")))
    return ClassRef("peft", next((name for name in served if name is not None), "AutoPeftModel"))


def _find_in_nemo(query: _ClassQuery, _registry: Registry) -> ClassRef:
    return find_nemo_class_for_task(query.task)


_FINDERS: Mapping[str, Callable[[_ClassQuery, Registry], ClassRef]] = {
    "transformers": _find_in_transformers,
    "diffusers": _find_in_diffusers,
    "sentence_transformers": _find_in_sentence_transformers,
    "peft": _find_in_peft,
    "nemo": _find_in_nemo,
}
