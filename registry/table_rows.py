"""The rows that the registry's tables are made of: libraries, auto mappings, pipelines, tasks.

Pure data.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Library:
    """One library whose models are on the Hub.

    `names` are the spellings it is called by in `library_name` and tags. A repo is recognised by its files where it
    has one of `files` (whole paths), all of `together`, or one that ends in one of `suffixes`, or where its
    `config.json` has one of `model_types`, which no other library uses; `ambiguous` says that other libraries use
    such files too, so that they count only where nothing else speaks. `framework` is what its weights are, where the
    files do not tell. `tasks` are the tasks it can serve, the default first; empty: any. `model_class` is the class
    or function that loads its models, `module` where it is imported from.
    """

    names: tuple[str, ...]
    files: tuple[str, ...] = ()
    together: tuple[str, ...] = ()
    model_types: tuple[str, ...] = ()
    suffixes: tuple[str, ...] = ()
    ambiguous: bool = False
    framework: str | None = None
    tasks: tuple[str, ...] = ()
    model_class: str | None = None
    module: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AutoMapping:
    """One auto mapping of a library: model type -> architectures, and the task and auto class it stands for.

    `until` is the last version of the library that had it, None where today's has it.
    """

    name: str
    task: str
    auto_class: str | None
    models: Mapping[str, tuple[str, ...]]
    until: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pipeline:
    """A diffusers pipeline class: its tasks, the main one first, and the auto class of each task that maps to it."""

    tasks: tuple[str, ...]
    auto_classes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedTask:
    """A task that an architecture can serve. `order` is its rank: of several the highest is what it is for, unless
    `Registry.main_tasks` names another."""

    order: int
    task: str
    auto_class: str | None
    model_types: tuple[str, ...]
    until: str | None = None
