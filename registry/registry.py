"""`Registry`: one frozen bundle of all tables that decisions are made by, and its digest."""

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

RULES_VERSION = 2
"""Raised when `decide` comes to other answers from the same tables."""

CUSTOM_RANK = -1
OLD_RANK = -10_000


@dataclass(frozen=True, kw_only=True, eq=False)
class Registry(Vocabulary):
    """A vocabulary with its indexes. Never changes: extending it makes another one. Equal only to itself."""

    def extended(self, *extensions: Extension) -> Registry:
        """A registry that has these extensions too; this one stays as it is.

        Raises:
            ExtensionError: an extension is not well formed, or contradicts another one.
        """
        return extend(self, extensions)

    def digest(self) -> str:
        """32 hex digits that change when any table or rule does."""
        return self._digest

    @functools.cached_property
    def _digest(self) -> str:
        import hashlib
        import marshal

        content = [(item.name, _plain(getattr(self, item.name))) for item in fields(self) if item.name != "extensions"]
        # Of the formats of marshal the second is the newest that writes equal values alike, however they came to be.
        return hashlib.blake2b(marshal.dumps([RULES_VERSION, content], 2), digest_size=16).hexdigest()

    @functools.cached_property
    def rows(self) -> Mapping[str, tuple[ServedTask, ...]]:
        """The tasks of every architecture, what it is mainly for last."""
        rows: dict[str, list[ServedTask]] = {}
        for rank, mapping in enumerate(self.mappings):
            _add_rows(rows, mapping, rank)
        # Below all mappings: where one of those names a main task for the class, these stay candidates.
        for architecture, served in self.custom_classes.items():
            for task, model_type in served:
                row = ServedTask(order=CUSTOM_RANK, task=task, auto_class=None, model_types=(model_type,))
                rows.setdefault(architecture, []).append(row)
        known_today = frozenset(rows)
        for rank, mapping in enumerate((*self.old_mappings, *self._all_framework_mappings), OLD_RANK):
            _add_rows(rows, mapping, rank, but=known_today)
        return {
            name: tuple(sorted(found, key=lambda row: (row.task == self.main_tasks.get(name), row.order)))
            for name, found in rows.items()
        }

    @functools.cached_property
    def _all_framework_mappings(self) -> tuple[AutoMapping, ...]:
        return tuple(mapping for mappings in self.framework_mappings.values() for mapping in mappings)

    @functools.cached_property
    def architectures_of(self) -> Mapping[str, tuple[str, ...]]:
        """The architectures that the mappings of today hold for each model type, what it is mainly for last."""
        found: dict[str, list[str]] = {}
        for mapping in self.mappings:
            for model_type, architectures in mapping.models.items():
                found.setdefault(model_type, []).extend(architectures)
        return {model_type: tuple(dict.fromkeys(reversed(names)))[::-1] for model_type, names in found.items()}

    @functools.cached_property
    def custom_classes_by_type(self) -> Mapping[tuple[str, str], str]:
        """(task, model type) -> the class that serves it and no auto class leads to; of several the first."""
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
        """Architecture names in lower case, for the last resort of matching without regard to case."""
        return {name.lower(): name for name in reversed(list(self.rows))}

    @functools.cached_property
    def auto_class_models(self) -> Mapping[str, Mapping[str, tuple[str, ...]]]:
        """What each auto class loads: auto class -> model type -> architectures."""
        models: dict[str, dict[str, tuple[str, ...]]] = {}
        for mapping in (*self.mappings, *self.old_mappings, *self._all_framework_mappings):
            if mapping.auto_class is not None and mapping.name != "MODEL_FOR_IMAGE_MAPPING_NAMES":
                loads = models.setdefault(mapping.auto_class, {})
                for model_type, architectures in mapping.models.items():
                    loads[model_type] = (*loads.get(model_type, ()), *architectures)
        return models

    @functools.cached_property
    def task_auto_classes(self) -> Mapping[str, tuple[str, ...]]:
        """The auto classes of each task, the most specific first."""
        classes: dict[str, list[str]] = {}
        for mapping in reversed(self.mappings):
            if mapping.auto_class is not None and mapping.auto_class not in classes.setdefault(mapping.task, []):
                classes[mapping.task].append(mapping.auto_class)
        return {task: tuple(names) for task, names in classes.items()}

    @functools.cached_property
    def auto_class_tasks(self) -> Mapping[str, tuple[int, str]]:
        """The rank and task of each auto class, from the mappings of today and those removed."""
        tasks: dict[str, tuple[int, str]] = {}
        for order, mapping in enumerate((*self.old_mappings, *self.mappings)):
            if mapping.auto_class is not None:
                tasks.setdefault(mapping.auto_class, (order, mapping.task))
        return tasks

    @functools.cached_property
    def library_names(self) -> Mapping[str, str]:
        """Every spelling of a library, in lower case -> its canonical name."""
        names = {name: name for name in self.libraries}
        return {**{raw.lower(): name for name, library in self.libraries.items() for raw in library.names}, **names}

    def find_task(self, name: str) -> str | None:
        """The task that `name` means, through its alias where it is one; None where it is not known."""
        name = self.task_aliases.get(name, name)
        return name if name in self.tasks else None

    def canonical_task(self, name: str) -> str:
        """The task that `name` means; "-with-past" is cut off where the task can have it.

        Raises:
            UnknownNameError: neither a task nor an alias of one.
        """
        return self.parse_task(name)[0]

    def parse_task(self, name: str) -> tuple[str, bool]:
        """The task that `name` means, and whether it asks for an export with past ("-with-past").

        Raises:
            UnknownNameError: neither a task nor an alias of one, or one that cannot have a past.
        """
        base = name.removesuffix(WITH_PAST)
        task = self.find_task(base)
        if task is None:
            raise UnknownNameError("task", name, (*self.tasks, *self.task_aliases))
        if base != name and task not in self.with_past_tasks:
            raise UnknownNameError("task", name, (f"{known}{WITH_PAST}" for known in self.with_past_tasks))
        return task, base != name

    def canonical_library(self, name: str) -> str:
        """The library that `name` means, however it is spelled.

        Raises:
            UnknownNameError: no library is called so.
        """
        found = self.library_names.get(name.lower())
        if found is None:
            raise UnknownNameError("library", name, self.library_names)
        return found

    def served_as(self, task: str) -> tuple[str, ...]:
        """`task`, then the tasks whose models may serve it, the nearest first."""
        others = [base for base in self.specialisations if self.can_serve(base, task)]
        nearest = self.kind_of.get(task)
        return tuple(dict.fromkeys((task, *((nearest,) if nearest is not None else ()), *others)))

    def can_serve(self, task: str, tag: str) -> bool:
        """Whether a model for `task` may be tagged `tag` without contradiction."""
        return task == tag or tag in self.specialisations.get(task, ())


def _add_rows(
    rows: dict[str, list[ServedTask]], mapping: AutoMapping, rank: int, *, but: frozenset[str] = frozenset()
) -> None:
    types: dict[str, list[str]] = {}
    for model_type, architectures in mapping.models.items():
        for architecture in architectures:
            if architecture not in but:
                types.setdefault(architecture, []).append(model_type)
    for architecture, model_types in types.items():
        rows.setdefault(architecture, []).append(
            ServedTask(
                order=rank,
                task=mapping.task,
                auto_class=mapping.auto_class,
                model_types=tuple(model_types),
                until=mapping.until,
            )
        )


def _plain(value: Any) -> Any:
    """`value` in types that `marshal` writes, the same ones for equal values.

    Only what holds a row of the tables, or has no order, is taken apart: the rest is many and plain already.
    """
    if hasattr(value, "__dataclass_fields__"):
        return [_plain(getattr(value, name)) for name in value.__dataclass_fields__]
    if isinstance(value, frozenset | set):
        return sorted(value)
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()} if _holds_rows(value.values()) else dict(value)
    if isinstance(value, tuple | list) and _holds_rows(value):
        return [_plain(item) for item in value]
    return value


def _holds_rows(values: Iterable[Any]) -> bool:
    return not isinstance(next(iter(values), ""), str | int) and any(
        hasattr(item, "__dataclass_fields__")
        or isinstance(item, Mapping | frozenset)
        or (isinstance(item, tuple) and bool(item) and hasattr(item[0], "__dataclass_fields__"))
        for item in values
    )
