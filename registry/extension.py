"""`Extension`: what a user or a plugin adds to a registry, as a value. Pure data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from registry.table_rows import Library, Pipeline


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchitectureRow:
    """A task that an architecture of transformers' kind serves.

    `auto_class` is the auto class that loads it for this model type; None: it is loaded by its own class.
    """

    architecture: str
    task: str
    model_type: str
    auto_class: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Extension:
    """Additions to a registry. `name` is what errors call it.

    `tasks`: task -> modality. `aliases`: other name -> task. `specialisations`: task -> tags that its models may carry.
    `libraries`: canonical name -> library, in place of one of that name. `signatures`: file name -> library that it
    tells, a whole path or "*" and an ending. `architectures`: what they serve, the main task of each last.
    `custom_classes`: (task, model type) -> the class that serves it and no auto class leads to. `pipelines`: diffusers
    pipeline classes. `class_refs`: class name -> where it is imported from ("package.module:Name"), for those that are
    not the library's own.
    """

    name: str
    tasks: Mapping[str, str] = field(default_factory=dict)
    aliases: Mapping[str, str] = field(default_factory=dict)
    with_past_tasks: frozenset[str] = frozenset()
    specialisations: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    libraries: Mapping[str, Library] = field(default_factory=dict)
    signatures: Mapping[str, str] = field(default_factory=dict)
    architectures: tuple[ArchitectureRow, ...] = ()
    custom_classes: Mapping[tuple[str, str], str] = field(default_factory=dict)
    pipelines: Mapping[str, Pipeline] = field(default_factory=dict)
    class_refs: Mapping[str, str] = field(default_factory=dict)
