"""`find_class`: which class loads models of a kind for a task. Pure; nothing is imported, a class is named.

For a repo, `decide` finds the class from its files; this is for those who know what they want to load.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from registry.class_ref import ClassRef, parse_class_ref
from registry.errors import ContradictionError, UnknownNameError
from registry.queries.supported_tasks import tasks_of_model_type
from registry.registry import Registry
from registry.rules.model_class import class_for, class_of_model_type, known_name, loads_trunk, rows_of
from registry.tables.weights import FRAMEWORKS, TAGS

TRUNK_TASK = "feature-extraction"


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
    """The class or function that loads such a model for `task`.

    `architecture` is a class name as `config.json` has it, a pipeline of diffusers or a kind of sentence-transformers;
    it counts more than `model_type`. With neither, the task's own class is given, the most specific where it has
    several. `auto_map` is the one of `config.json`: its classes count where the library has none; what they name is
    loaded through the auto class, with `trust_remote_code`.

    Raises:
        UnknownNameError: a name is not known; the message has the nearest ones.
        ContradictionError: the names are known, but no class serves them together; the message says why.
    """
    wanted = _ClassQuery(
        task=registry.canonical_task(task),
        framework=_canonical_framework(framework),
        model_type=model_type,
        architecture=architecture,
        auto_map=auto_map or {},
    )
    library = registry.canonical_library(library)
    find = _BY_LIBRARY.get(library)
    if find is not None:
        return find(wanted, registry)
    row = registry.libraries[library]
    if row.tasks and not any(served in row.tasks for served in registry.served_as(wanted.task)):
        raise ContradictionError(f"{library} has nothing for {wanted.task}; it serves {', '.join(row.tasks)}")
    if row.module is None or row.model_class is None:
        raise ContradictionError(f"no class is known that loads models of {library}")
    return ClassRef(row.module, row.model_class)


def _canonical_framework(name: str) -> str:
    spellings = {**TAGS, **{known: known for known in FRAMEWORKS}, "tensorflow": "tf"}
    found = spellings.get(name.lower())
    if found is None:
        raise UnknownNameError("framework", name, spellings)
    return found


def _of_transformers(wanted: _ClassQuery, registry: Registry) -> ClassRef:
    if wanted.framework != "pt":
        return ClassRef("transformers", _of_other_framework(wanted, registry))
    name: str | None
    if wanted.architecture is not None and rows_of(wanted.architecture, registry):
        name = _of_architecture(wanted.architecture, wanted, registry)
    elif wanted.auto_map:
        name = _of_auto_map(wanted, registry)
    elif wanted.architecture is not None:
        if wanted.architecture not in registry.other_architectures:
            raise UnknownNameError("architecture", wanted.architecture, registry.rows)
        name = wanted.architecture
    elif wanted.model_type is not None:
        name = class_of_model_type(wanted.model_type, wanted.task, registry)
        if name is None:
            raise _no_class_of_type(wanted, registry)
    else:
        names = (registry.task_auto_classes.get(served) for served in registry.served_as(wanted.task))
        name = next((found[0] for found in names if found), None)
        if name is None:
            raise ContradictionError(f"transformers has no auto class for {wanted.task}; name an architecture")
    own = registry.class_refs.get(name)
    return parse_class_ref(own) if own is not None else ClassRef("transformers", name)


def _of_architecture(architecture: str, wanted: _ClassQuery, registry: Registry) -> str:
    rows = rows_of(architecture, registry)
    known = known_name(architecture, registry)
    # Without a model type any that the architecture has will do: it is the architecture that is loaded.
    model_type = wanted.model_type or rows[-1].model_types[0]
    tasks = {row.task for row in rows}
    for task in registry.served_as(wanted.task):
        if task in tasks:
            return class_for(known, model_type, task, registry)
    if wanted.task == TRUNK_TASK and loads_trunk(model_type, registry):
        return "AutoModel"
    served = _listed(row.task for row in rows)
    raise ContradictionError(f"{architecture} cannot serve {wanted.task}; it serves {served}")


def _of_auto_map(wanted: _ClassQuery, registry: Registry) -> str:
    tasks = {name: registry.auto_class_tasks[name][1] for name in wanted.auto_map if name in registry.auto_class_tasks}
    for task in registry.served_as(wanted.task):
        for name, served in tasks.items():
            if served == task:
                return name
    if "AutoModel" in tasks and wanted.task == TRUNK_TASK:
        return "AutoModel"
    raise ContradictionError(f"the repo's own code has nothing for {wanted.task}; it serves {_listed(tasks.values())}")


def _no_class_of_type(wanted: _ClassQuery, registry: Registry) -> Exception:
    model_type = wanted.model_type or ""
    served = tasks_of_model_type(model_type, registry)
    if not served:
        return UnknownNameError("model type", model_type, (*registry.model_types, *registry.model_type_aliases))
    return ContradictionError(f"{model_type} has no class for {wanted.task}; it serves {_listed(served)}")


def _of_other_framework(wanted: _ClassQuery, registry: Registry) -> str:
    mappings = registry.framework_mappings.get(wanted.framework)
    if mappings is None:
        known = ", ".join(("pt", *registry.framework_mappings))
        raise ContradictionError(f"transformers loads weights of {known}, not of {wanted.framework}")
    prefix = {"tf": "TF", "flax": "Flax"}.get(wanted.framework, "")
    named = wanted.architecture or ""
    names = {named, f"{prefix}{named}"}
    for task in registry.served_as(wanted.task):
        for mapping in reversed(mappings):
            loaded = mapping.models.get(wanted.model_type or "", ())
            if wanted.architecture is not None:
                loaded = tuple(name for models in mapping.models.values() for name in models if name in names)
            is_wanted = bool(loaded) or (wanted.architecture is None and wanted.model_type is None)
            if mapping.task == task and is_wanted and (mapping.auto_class or loaded):
                return mapping.auto_class or loaded[0]
    what = wanted.architecture or wanted.model_type or "transformers"
    raise ContradictionError(f"{what} has no {wanted.framework} class for {wanted.task} in any transformers release")


def _of_diffusers(wanted: _ClassQuery, registry: Registry) -> ClassRef:
    name = wanted.architecture
    if name is None and wanted.model_type is not None:
        family = registry.pipeline_families.get(wanted.model_type)
        if family is None:
            raise UnknownNameError("diffusers family", wanted.model_type, registry.pipeline_families)
        name = next((family[task] for task in registry.served_as(wanted.task) if task in family), None)
        if name is None:
            raise ContradictionError(f"{wanted.model_type} has no pipeline for {wanted.task}; it has {_listed(family)}")
    if name is None:
        auto_classes = {task: auto for row in registry.pipelines.values() for task, auto in row.auto_classes.items()}
        found = next((auto_classes[task] for task in registry.served_as(wanted.task) if task in auto_classes), None)
        return ClassRef("diffusers", found or "DiffusionPipeline")
    row = registry.pipelines.get(name)
    if row is None:
        raise UnknownNameError("diffusers pipeline", name, registry.pipelines)
    for task in registry.served_as(wanted.task):
        if task in row.tasks:
            return ClassRef("diffusers", row.auto_classes.get(task, name))
    raise ContradictionError(f"{name} cannot serve {wanted.task}; it serves {_listed(row.tasks)}")


def _of_sentence_transformers(wanted: _ClassQuery, registry: Registry) -> ClassRef:
    kinds = registry.sentence_kinds
    named = wanted.architecture or wanted.model_type
    named = registry.sentence_kind_aliases.get(named or "", named)
    if named is not None and named in kinds:
        if wanted.task not in kinds[named]:
            raise ContradictionError(f"{named} cannot serve {wanted.task}; it serves {_listed(kinds[named])}")
        return ClassRef("sentence_transformers", named)
    # Any other architecture or model type is that of the trunk, which does not tell the kind.
    preferred = ("SentenceTransformer", *(kind for kind in kinds if kind != "SentenceTransformer"))
    found = next((kind for kind in preferred if wanted.task in kinds[kind]), None)
    if found is None:
        served = dict.fromkeys(task for tasks in kinds.values() for task in tasks)
        raise ContradictionError(f"sentence_transformers has nothing for {wanted.task}; it serves {_listed(served)}")
    return ClassRef("sentence_transformers", found)


def _of_peft(wanted: _ClassQuery, registry: Registry) -> ClassRef:
    by_task = dict(registry.peft_task_types.values())
    served = (by_task.get(task) for task in (wanted.task, registry.kind_of.get(wanted.task, "")))
    return ClassRef("peft", next((name for name in served if name is not None), "AutoPeftModel"))


_BY_LIBRARY: Mapping[str, Callable[[_ClassQuery, Registry], ClassRef]] = {
    "transformers": _of_transformers,
    "diffusers": _of_diffusers,
    "sentence_transformers": _of_sentence_transformers,
    "peft": _of_peft,
}


def _listed(tasks: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(reversed(list(tasks))))
