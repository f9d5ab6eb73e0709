"""Maps the registry's task names to the coarser names that exporters use. Pure.

The registry separates translation from text2text-generation, because users do. An exporter has one name for all tasks
whose graph is the same.
"""

from __future__ import annotations

from collections.abc import Mapping

from registry.export.export_registry import EXPORTED_AS, ExportRegistry
from registry.registry import Registry
from registry.tables.tasks import WITH_PAST

_EXPORTED_UNDER_OWN_NAME = {
    # Tasks of `KIND_OF` that exporters register under their own names, or whose more general task exporters do not
    # know: optimum 2.3 and optimum-onnx 0.1, exporters/onnx/model_configs.py.
    "audio-text-to-text",
    "image-text-to-image",
    "image-to-text",
    "semantic-segmentation",
}
_FALLBACK_EXPORT_TASKS = {
    # Task -> the task that the same model is exported for if it has no export configuration for the first.
    "document-question-answering": "question-answering",
    "image-text-to-text": "image-to-text",
    "visual-document-retrieval": "feature-extraction",
}


def build_synonyms(registry: Registry) -> Mapping[str, str]:
    """Synonym -> the task it is exported as, in one hop."""
    general = {task: kind for task, kind in registry.kind_of.items() if task not in _EXPORTED_UNDER_OWN_NAME}
    tasks = {**general, **EXPORTED_AS}
    aliases = {alias: tasks.get(task, task) for alias, task in registry.task_aliases.items()}
    return {**aliases, **{task: tasks.get(kind, kind) for task, kind in tasks.items()}}


def map_from_synonym(task: str, registry: Registry) -> str:
    """The name that `task` is exported as; `task` itself if it is no synonym. The suffix "-with-past" is kept."""
    base = task.removesuffix(WITH_PAST)
    return build_synonyms(registry).get(base, base) + task[len(base) :]


def choose_export_task(task: str, model_type: str | None, exports: ExportRegistry, registry: Registry) -> str:
    """The name that a model for `task` is exported as; if two names fit, the one registered for its model type.

    `model_type` None, as for an auto class: all model types are considered.
    """
    name = map_from_synonym(task, registry)
    fallback = _FALLBACK_EXPORT_TASKS.get(name)
    if fallback is None:
        return name
    registered = find_registered_tasks(model_type, exports)
    return fallback if fallback in registered and name not in registered else name


def find_registered_tasks(model_type: str | None, exports: ExportRegistry) -> set[str]:
    """The tasks registered for one model type of transformers, or for all (`model_type` None), with any backend."""
    tasks: set[str] = set()
    for backend in exports.list_backends():
        known = exports.list_model_types(backend)
        for name in known if model_type is None else {model_type}.intersection(known):
            tasks.update(exports.get_supported_tasks_for_model_type(name, backend, library_name="transformers"))
    return tasks


def synonyms_for_task(task: str, registry: Registry) -> set[str]:
    """The name that `task` is exported as and all its synonyms, without `task` itself; each with "-with-past" if
    `task` has it."""
    base = task.removesuffix(WITH_PAST)
    synonyms = build_synonyms(registry)
    exported = synonyms.get(base, base)
    names = {exported, *(name for name, target in synonyms.items() if target in (base, exported))}
    return {name + task[len(base) :] for name in names - {base}}
