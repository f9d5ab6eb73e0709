"""The rows that the registry's tables are made of. Pure data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


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
class Row:
    """A task that an architecture can serve. `order` is its rank: of several the highest is what it is for, unless
    `Registry.main_tasks` names another."""

    order: int
    task: str
    auto_class: str | None
    model_types: tuple[str, ...]
    until: str | None = None
