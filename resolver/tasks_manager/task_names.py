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


def list_synonyms(registry: Registry) -> dict[str, str]:
    """Synonym -> the task it is exported as, and the same with past for tasks that can be exported with past."""
    synonyms = build_synonyms(registry)
    with_past = {
        f"{name}{WITH_PAST}": f"{task}{WITH_PAST}"
        for name, task in synonyms.items()
        if task in registry.with_past_tasks
    }
    return {**synonyms, **with_past}


def map_from_synonym(task: str, synonyms: Mapping[str, str]) -> str:
    """The name that `task` is exported as; `task` itself if it is no synonym. The suffix "-with-past" is kept."""
    if task in synonyms:
        return synonyms[task]
    base = task.removesuffix(WITH_PAST)
    return synonyms.get(base, base) + task[len(base) :]


def choose_export_task(task: str, model_type: str | None, exports: ExportRegistry, synonyms: Mapping[str, str]) -> str:
    """The name that a model for `task` is exported as; if two names fit, the one registered for its model type."""
    name = map_from_synonym(task, synonyms)
    fallback = _FALLBACK_EXPORT_TASKS.get(name)
    if fallback is None or model_type is None:
        return name
    registered = find_registered_tasks(model_type, exports)
    return fallback if fallback in registered and name not in registered else name


def find_registered_tasks(model_type: str, exports: ExportRegistry) -> set[str]:
    """The tasks registered for a model type of transformers, with any backend."""
    tasks: set[str] = set()
    for backend in exports.list_backends():
        if model_type in exports.list_model_types(backend):
            tasks.update(exports.get_supported_tasks_for_model_type(model_type, backend, library_name="transformers"))
    return tasks


def synonyms_for_task(task: str, synonyms: Mapping[str, str]) -> set[str]:
    """The name that `task` is exported as and all its synonyms, without `task` itself; each with "-with-past" if
    `task` has it."""
    base = task.removesuffix(WITH_PAST)
    exported = synonyms.get(base, base)
    names = {exported, *(name for name, target in synonyms.items() if target in (base, exported))}
    return {name + task[len(base) :] for name in names - {base}}
