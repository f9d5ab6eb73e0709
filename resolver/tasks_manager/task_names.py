"""Task names as exporters use them: coarser than the registry's, since tasks that share a graph share a name. Pure.

The registry tells translation from text2text-generation, because users do; an exporter has one configuration for both.
"""

from __future__ import annotations

from collections.abc import Mapping

from registry.export.export_registry import ExportRegistry
from registry.registry import Registry
from registry.tables.tasks import WITH_PAST

_SHARE_A_GRAPH = {
    # optimum 2.3, exporters/tasks.py: tasks that it exports under the name of another, beside what `KIND_OF` has.
    "image-feature-extraction": "feature-extraction",
    "mask-generation": "feature-extraction",
    "pretraining": "feature-extraction",
}
_EXPORTED_BY_NAME = {
    # Tasks of `KIND_OF` that exporters register configurations for under their own names, or whose kind they do not
    # know: optimum 2.3 and optimum-onnx 0.1, exporters/onnx/model_configs.py.
    "audio-text-to-text",
    "image-text-to-image",
    "image-to-text",
    "semantic-segmentation",
}
_ELSE_EXPORTED_AS = {
    # What the same model is exported as where it has no configuration for the first.
    "document-question-answering": "question-answering",
    "image-text-to-text": "image-to-text",
    "visual-document-retrieval": "feature-extraction",
}


def synonyms_of(registry: Registry) -> Mapping[str, str]:
    """Other name -> the task it is exported as, in one hop."""
    kinds = {task: kind for task, kind in registry.kind_of.items() if task not in _EXPORTED_BY_NAME}
    tasks = {**kinds, **_SHARE_A_GRAPH}
    aliases = {alias: tasks.get(task, task) for alias, task in registry.task_aliases.items()}
    return {**aliases, **{task: tasks.get(kind, kind) for task, kind in tasks.items()}}


def map_from_synonym(task: str, registry: Registry) -> str:
    """The name `task` is exported under; as it is where it is no synonym. "-with-past" stays."""
    base = task.removesuffix(WITH_PAST)
    return synonyms_of(registry).get(base, base) + task[len(base) :]


def exported_task(task: str, model_type: str | None, exports: ExportRegistry, registry: Registry) -> str:
    """The name that a model for `task` is exported under: of two that fit, the one that is registered for its type.

    Where the model type is not known, as for an auto class, all model types count.
    """
    name = map_from_synonym(task, registry)
    other = _ELSE_EXPORTED_AS.get(name)
    if other is None:
        return name
    registered = _registered(model_type, exports)
    return other if other in registered and name not in registered else name


def _registered(model_type: str | None, exports: ExportRegistry) -> set[str]:
    """The tasks that are registered for a model type of transformers, or for all of them, whatever the backend."""
    found: set[str] = set()
    for backend in exports.backends():
        known = exports.model_types(backend)
        for name in known if model_type is None else {model_type}.intersection(known):
            found.update(exports.get_supported_tasks_for_model_type(name, backend, library_name="transformers"))
    return found


def synonyms_for_task(task: str, registry: Registry) -> set[str]:
    """All other names of what `task` is exported as, that name included; with "-with-past" where `task` has it."""
    base = task.removesuffix(WITH_PAST)
    synonyms = synonyms_of(registry)
    exported = synonyms.get(base, base)
    names = {exported, *(name for name, target in synonyms.items() if target in (base, exported))}
    return {name + task[len(base) :] for name in names - {base}}
