"""`Vocabulary`: the frozen tables that a registry is made of. Pure data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from registry.extension import Extension
from registry.table_rows import AutoMapping, Library, Pipeline


@dataclass(frozen=True, kw_only=True, eq=False)
class Vocabulary:
    """Task names, libraries, auto mappings and the other tables, as shipped or as extended.

    Of `mappings` the later ones count more; `old_mappings` count only for architectures that are in no mapping.
    `framework_mappings` are the mappings of TensorFlow and Flax classes, by framework. `class_refs` is class name ->
    where it is imported from ("package.module:Name"), for classes that are not in the library itself.

    Field names are part of the registry digest: renaming one changes it.
    """

    tasks: Mapping[str, str]
    task_aliases: Mapping[str, str]
    with_past_tasks: frozenset[str]
    specialisations: Mapping[str, tuple[str, ...]]
    coarser: Mapping[str, tuple[str, ...]]
    kind_of: Mapping[str, str]
    libraries: Mapping[str, Library]
    mappings: tuple[AutoMapping, ...]
    old_mappings: tuple[AutoMapping, ...]
    framework_mappings: Mapping[str, tuple[AutoMapping, ...]]
    custom_classes: Mapping[str, tuple[tuple[str, str], ...]]
    main_tasks: Mapping[str, str]
    other_architectures: Mapping[str, str]
    model_types: frozenset[str]
    model_type_aliases: Mapping[str, str]
    since: Mapping[str, str]
    pipelines: Mapping[str, Pipeline]
    pipeline_families: Mapping[str, Mapping[str, str]]
    components: frozenset[str]
    peft_task_types: Mapping[str, tuple[str, str]]
    gguf_architectures: Mapping[str, str | None]
    sentence_kinds: Mapping[str, tuple[str, ...]]
    sentence_kind_aliases: Mapping[str, str]
    sentence_namespaces: Mapping[str, str]
    sentence_modules: frozenset[str]
    versions: Mapping[str, str]
    class_refs: Mapping[str, str] = field(default_factory=dict)
    extensions: tuple[Extension, ...] = ()
