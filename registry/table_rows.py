"""Rows of the registry's tables: libraries, auto mappings, pipelines, served tasks. Pure data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Library:
    """One library whose models are on the Hub.

    `names` are its spellings in `library_name` and tags. A repo of the library has one of `files` (whole paths), all
    of `together`, a file with one of `suffixes`, or one of `model_types`, which no other library uses, in its
    `config.json`. `ambiguous` is true if other libraries use such files too: they are then tried last. `framework` is
    the framework of its weights, where the files do not show it. `tasks` are the tasks that it can serve, the default
    first; empty: any. `is_name_only` is true if only its names are known: as a tag among others they may mean anything.
    `model_class` is the class or function that loads its models, imported from `module`.
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
    is_name_only: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AutoMapping:
    """One auto mapping of transformers: model type -> architectures, with its task and auto class.

    `until` is the last release that had it, None where the current release has it.
    """

    name: str
    task: str
    auto_class: str | None
    models: Mapping[str, tuple[str, ...]]
    until: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pipeline:
    """A diffusers pipeline class: its tasks, the main one first, and for each task the auto class that loads it."""

    tasks: tuple[str, ...]
    auto_classes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedTask:
    """A task that an architecture can serve.

    The task of the highest `rank` is the main one, unless `main_tasks` of the registry names another. `until` is as in
    `AutoMapping`.
    """

    rank: int
    task: str
    auto_class: str | None
    model_types: tuple[str, ...]
    until: str | None = None
