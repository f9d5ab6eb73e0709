"""`ModelTables`: the tables of classes and names that callers of `TasksManager` read and write, as optimum has them.

What is read is what the registry answers; what is written counts before it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from registry.class_ref import ClassRef
from registry.errors import RegistryError
from registry.queries.supported_tasks import list_library_tasks
from registry.registry import Registry
from resolver.tasks_manager import task_names
from resolver.tasks_manager.classes import find_model_class
from resolver.tasks_manager.errors import NoClassError
from resolver.tasks_manager.live_views import NestedView, WritableView

PT = "pt"
Loaders = str | tuple[str, ...]
"""The class that loads models for a task, or several of which the model type chooses one."""

LOADER_LIBRARIES = ("diffusers", "sentence_transformers", "timm", "transformers")
"""The libraries in optimum's table of classes, in its order."""


class ModelTables:
    """The tables of one `TasksManager`. `read_registry` gives the registry that is in use at the time of a call."""

    def __init__(self, read_registry: Callable[[], Registry]) -> None:
        self._read_registry = read_registry
        self.loaders: NestedView[Loaders] = NestedView(
            lambda: {library: _list_loaders(library, read_registry()) for library in LOADER_LIBRARIES}
        )
        """Library -> task -> the class or classes that load its models."""
        self.model_mappings: NestedView[Loaders] = NestedView(lambda: _list_model_mappings(read_registry()))
        """Task -> model type -> the class of transformers that it has for this task."""
        self.pipeline_mappings: NestedView[str] = NestedView(lambda: _list_pipelines(read_registry()))
        """Task -> family of diffusers pipelines -> the pipeline that it has for this task."""
        self.custom_classes: WritableView[tuple[str, str, str], tuple[str, str]] = WritableView(
            lambda: _list_custom_classes(read_registry())
        )
        """(framework, model type, task) -> (library, class), where no auto class loads the model."""
        self.synonyms: WritableView[str, str] = WritableView(lambda: task_names.list_synonyms(read_registry()))
        """Synonym -> the task that it is exported as."""

    def list_written_tasks(self) -> list[str]:
        """The tasks that were added to the tables."""
        tasks = [task for rows in self.loaders.list_written().values() for task in rows]
        return [*tasks, *(task for _, _, task in self.custom_classes.written)]

    def read_synonyms(self) -> Mapping[str, str]:
        """Synonym -> task, without those with past; with what was written and without what was removed."""
        synonyms = {**task_names.build_synonyms(self._read_registry()), **self.synonyms.written}
        return {name: task for name, task in synonyms.items() if name not in self.synonyms.removed}

    def find_written_class(self, task: str, framework: str, model_type: str | None, library: str) -> ClassRef | None:
        """The class that a caller wrote for this task and model type, else for this task; None if there is none.

        Raises:
            NoClassError: several classes were written for the task, and none loads the model type.
        """
        custom = self.custom_classes.written.get((framework, model_type or "", task))
        if custom is not None:
            return ClassRef(*custom)
        names = self.loaders.get_view(library).written.get(task)
        if names is None or framework != PT:
            return None
        if isinstance(names, str) or model_type is None or library != "transformers":
            return ClassRef(library, names if isinstance(names, str) else names[0])
        models = self._read_registry().auto_class_models
        name = next((name for name in names if model_type in models.get(name, {})), None)
        if name is None:
            raise NoClassError(f"none of {', '.join(names)} loads {model_type} for {task}")
        return ClassRef(library, name)

    def find_written_task(self, class_names: Iterator[str]) -> str | None:
        """The task that a caller wrote the first of these classes for; None if there is none."""
        rows = {
            **{name: task for task, row in self.pipeline_mappings.list_written().items() for name in row.values()},
            **{
                name: task
                for row in self.loaders.list_written().values()
                for task, names in row.items()
                for name in ((names,) if isinstance(names, str) else names)
            },
        }
        return next((rows[name] for name in class_names if name in rows), None)

    def find_written_family(self, class_names: Iterator[str]) -> str | None:
        """The family that a caller wrote the first of these pipelines for; None if there is none."""
        rows = {name: family for row in self.pipeline_mappings.list_written().values() for family, name in row.items()}
        return next((rows[name] for name in class_names if name in rows), None)


def _list_loaders(library: str, registry: Registry) -> dict[str, Loaders]:
    found: dict[str, Loaders] = {}
    for task in registry.tasks if library == "transformers" else list_library_tasks(library, registry):
        try:
            default = find_model_class(task, registry, library=library).name
        except RegistryError:
            continue
        others = registry.task_auto_classes.get(task, ()) if library == "transformers" else ()
        names = tuple(dict.fromkeys((default, *others)))
        found[task] = names if len(names) > 1 else default
    return found


def _list_model_mappings(registry: Registry) -> dict[str, dict[str, Loaders]]:
    found: dict[str, dict[str, Loaders]] = {}
    for mapping in registry.mappings:
        for model_type, names in mapping.models.items():
            found.setdefault(mapping.task, {})[model_type] = names if len(names) > 1 else names[0]
    return found


def _list_pipelines(registry: Registry) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for family, names in registry.pipeline_families.items():
        for task, name in names.items():
            found.setdefault(task, {})[family] = name
    return found


def _list_custom_classes(registry: Registry) -> dict[tuple[str, str, str], tuple[str, str]]:
    found = {}
    for (task, model_type), name in registry.custom_classes_by_type.items():
        try:
            ref = find_model_class(task, registry, library="transformers", model_type=model_type)
        except RegistryError:
            continue
        if ref.name == name:
            found[PT, model_type, task] = (ref.module, ref.name)
    return found
