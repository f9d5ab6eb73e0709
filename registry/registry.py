"""`Registry`: the tables that decisions are made by, their indexes, and their digest. Pure."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from registry.errors import UnknownNameError
from registry.extend import extend
from registry.extension import Extension
from registry.table_rows import AutoMapping, ServedTask
from registry.tables.tasks import WITH_PAST
from registry.vocabulary import Vocabulary

RULES_VERSION = 4
"""Incremented when `decide` changes its answers for the same tables."""

CUSTOM_RANK = -1
"""Rank of custom classes: below all mappings."""

FIRST_OLD_RANK = -10_000
"""Rank of the first removed mapping: below custom classes."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Registry(Vocabulary):
    """A vocabulary with its indexes. Immutable: extending it returns a new one. Equal only to itself."""

    def extended(self, *extensions: Extension) -> Registry:
        """A new registry that has these extensions too.

        Raises:
            ExtensionError: an extension is not well formed, or contradicts another one.
        """
        return extend(self, extensions)

    def digest(self) -> str:
        """The registry digest: 32 hex digits that change with any table or rule."""
        return self._digest

    @functools.cached_property
    def _digest(self) -> str:
        import hashlib
        import marshal

        content = [
            (item.name, _to_plain_types(getattr(self, item.name))) for item in fields(self) if item.name != "extensions"
        ]
        # Version 2 is the newest format of marshal without references, so equal values have equal bytes.
        return hashlib.blake2b(marshal.dumps([RULES_VERSION, content], 2), digest_size=16).hexdigest()

    @functools.cached_property
    def served_tasks(self) -> Mapping[str, tuple[ServedTask, ...]]:
        """Architecture -> its tasks, the main one last."""
        rows: dict[str, list[ServedTask]] = {}
        for rank, mapping in enumerate(self.mappings):
            _add_served_tasks(rows, mapping, rank)
        # Custom classes rank below all mappings: where a mapping has the architecture, they are candidates only.
        for architecture, served in self.custom_classes.items():
            for task, model_type in served:
                row = ServedTask(rank=CUSTOM_RANK, task=task, auto_class=None, model_types=(model_type,))
                rows.setdefault(architecture, []).append(row)
        current = frozenset(rows)
        for rank, mapping in enumerate((*self.old_mappings, *self._all_framework_mappings), FIRST_OLD_RANK):
            _add_served_tasks(rows, mapping, rank, exclude=current)
        return {
            name: tuple(sorted(found, key=lambda row: (row.task == self.main_tasks.get(name), row.rank)))
            for name, found in rows.items()
        }

    @functools.cached_property
    def _all_framework_mappings(self) -> tuple[AutoMapping, ...]:
        return tuple(mapping for mappings in self.framework_mappings.values() for mapping in mappings)

    @functools.cached_property
    def architectures_by_model_type(self) -> Mapping[str, tuple[str, ...]]:
        """Model type -> its architectures in the current mappings, the main one last."""
        found: dict[str, list[str]] = {}
        for mapping in self.mappings:
            for model_type, architectures in mapping.models.items():
                found.setdefault(model_type, []).extend(architectures)
        return {model_type: tuple(dict.fromkeys(reversed(names)))[::-1] for model_type, names in found.items()}

    @functools.cached_property
    def custom_classes_by_type(self) -> Mapping[tuple[str, str], str]:
        """(task, model type) -> the class that serves it where no auto class does; of several the first."""
        found = {
            (mapping.task, model_type): architectures[0]
            for mapping in self.mappings
            if mapping.auto_class is None
            for model_type, architectures in mapping.models.items()
        }
        for architecture, served in self.custom_classes.items():
            for row in served:
                found.setdefault(row, architecture)
        return found

    @functools.cached_property
    def folded_architectures(self) -> Mapping[str, str]:
        """Architecture name in lower case -> architecture, to match names ignoring case."""
        return {name.lower(): name for name in reversed(list(self.served_tasks))}

    @functools.cached_property
    def auto_class_models(self) -> Mapping[str, Mapping[str, tuple[str, ...]]]:
        """Auto class -> model type -> the architectures that it loads."""
        models: dict[str, dict[str, tuple[str, ...]]] = {}
        for mapping in (*self.mappings, *self.old_mappings, *self._all_framework_mappings):
            if mapping.auto_class is not None and mapping.name != "MODEL_FOR_IMAGE_MAPPING_NAMES":
                loads = models.setdefault(mapping.auto_class, {})
                for model_type, architectures in mapping.models.items():
                    loads[model_type] = (*loads.get(model_type, ()), *architectures)
        return models

    @functools.cached_property
    def task_auto_classes(self) -> Mapping[str, tuple[str, ...]]:
        """Task -> its auto classes, the most specific first."""
        classes: dict[str, list[str]] = {}
        for mapping in reversed(self.mappings):
            if mapping.auto_class is not None and mapping.auto_class not in classes.setdefault(mapping.task, []):
                classes[mapping.task].append(mapping.auto_class)
        return {task: tuple(names) for task, names in classes.items()}

    @functools.cached_property
    def auto_class_tasks(self) -> Mapping[str, tuple[int, str]]:
        """Auto class -> its rank and task, from the current and the removed mappings."""
        tasks: dict[str, tuple[int, str]] = {}
        for rank, mapping in enumerate((*self.old_mappings, *self.mappings)):
            if mapping.auto_class is not None:
                tasks.setdefault(mapping.auto_class, (rank, mapping.task))
        return tasks

    @functools.cached_property
    def library_names(self) -> Mapping[str, str]:
        """Any spelling of a library, in lower case -> its canonical name."""
        names = {name: name for name in self.libraries}
        return {**{raw.lower(): name for name, library in self.libraries.items() for raw in library.names}, **names}

    def find_task(self, name: str) -> str | None:
        """The task with this name or alias; None where it is unknown."""
        name = self.task_aliases.get(name, name)
        return name if name in self.tasks else None

    def normalize_task(self, name: str) -> str:
        """The task with this name or alias, without "-with-past".

        Raises the same errors as `parse_task`.
        """
        return self.parse_task(name)[0]

    def parse_task(self, name: str) -> tuple[str, bool]:
        """The task with this name or alias, and whether the name requests an export with past ("-with-past").

        Raises:
            UnknownNameError: `name` is neither a task nor an alias, or the task cannot be exported with past.
        """
        base = name.removesuffix(WITH_PAST)
        task = self.find_task(base)
        if task is None:
            raise UnknownNameError("task", name, (*self.tasks, *self.task_aliases))
        if base != name and task not in self.with_past_tasks:
            raise UnknownNameError("task", name, (f"{known}{WITH_PAST}" for known in self.with_past_tasks))
        return task, base != name

    def normalize_library(self, name: str) -> str:
        """The canonical name of a library, from any of its spellings.

        Raises:
            UnknownNameError: no library has this name.
        """
        found = self.library_names.get(name.lower())
        if found is None:
            raise UnknownNameError("library", name, self.library_names)
        return found

    def find_serving_tasks(self, task: str) -> tuple[str, ...]:
        """`task`, then the tasks whose models can serve it, the nearest first."""
        others = [base for base in self.specialisations if self.can_serve(base, task)]
        nearest = self.kind_of.get(task)
        return tuple(dict.fromkeys((task, *((nearest,) if nearest is not None else ()), *others)))

    def can_serve(self, task: str, tag: str) -> bool:
        """Whether a model for `task` may have the pipeline tag `tag`."""
        return task == tag or tag in self.specialisations.get(task, ())


def _add_served_tasks(
    rows: dict[str, list[ServedTask]], mapping: AutoMapping, rank: int, *, exclude: frozenset[str] = frozenset()
) -> None:
    types: dict[str, list[str]] = {}
    for model_type, architectures in mapping.models.items():
        for architecture in architectures:
            if architecture not in exclude:
                types.setdefault(architecture, []).append(model_type)
    for architecture, model_types in types.items():
        rows.setdefault(architecture, []).append(
            ServedTask(
                rank=rank,
                task=mapping.task,
                auto_class=mapping.auto_class,
                model_types=tuple(model_types),
                until=mapping.until,
            )
        )


def _to_plain_types(value: Any) -> Any:
    """`value` in types that `marshal` can write; equal values give equal results.

    Only collections with table rows in them, and sets, are converted: all others are large, and plain already.
    """
    if hasattr(value, "__dataclass_fields__"):
        return [_to_plain_types(getattr(value, name)) for name in value.__dataclass_fields__]
    if isinstance(value, frozenset | set):
        return sorted(value)
    if isinstance(value, Mapping):
        return (
            {key: _to_plain_types(item) for key, item in value.items()}
            if _contains_rows(value.values())
            else dict(value)
        )
    if isinstance(value, tuple | list) and _contains_rows(value):
        return [_to_plain_types(item) for item in value]
    return value


def _contains_rows(values: Iterable[Any]) -> bool:
    return not isinstance(next(iter(values), ""), str | int) and any(
        hasattr(item, "__dataclass_fields__")
        or isinstance(item, Mapping | frozenset)
        or (isinstance(item, tuple) and bool(item) and hasattr(item[0], "__dataclass_fields__"))
        for item in values
    )
