"""`Extension`: additions of a user or a plugin to a registry. Pure data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from registry.table_rows import Library, Pipeline


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchitectureRow:
    """A task that an architecture with a transformers config serves.

    `auto_class` is the auto class that loads it for this model type; None: the architecture's own class loads it.
    """

    architecture: str
    task: str
    model_type: str
    auto_class: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Extension:
    """Additions to a registry. `name` appears in error messages.

    `tasks`: task -> modality. `aliases`: other name -> task. `specialisations`: task -> tags that its models may have.
    `libraries`: canonical name -> library; replaces a library of that name. `signatures`: file -> library recognised
    by it; the file is a whole path, or "*" and a suffix. `architectures`: their tasks, the main one of each last.
    `custom_classes`: (task, model type) -> the class that serves it where no auto class does. `pipelines`: diffusers
    pipeline classes. `class_refs`: class name -> where it is imported from ("package.module:Name"), for classes that
    are not in the library itself.
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
