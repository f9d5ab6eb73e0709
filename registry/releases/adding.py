"""Adds the tables of releases to a registry. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from registry.environment.newer_release import add_newer_mappings, is_newer
from registry.registry import Registry
from registry.releases.update import (
    DiffusersTables,
    PeftTables,
    RegistryUpdate,
    SentenceTransformersTables,
    TransformersTables,
)
from registry.table_rows import Pipeline


def add_update(registry: Registry, update: RegistryUpdate) -> Registry:
    """`registry` with the tables of a release added; the extensions that it has keep counting more.

    Raises:
        ReleaseError: the tables have another form.
    """
    tables = update.decode()
    match tables:
        case TransformersTables():
            added = _add_transformers(registry, update.version, tables)
        case DiffusersTables():
            added = _add_diffusers(registry, tables)
        case PeftTables():
            rows = {name: (row.task, row.model_class) for name, row in tables.task_types.items()}
            added = replace(registry, peft_task_types={**registry.peft_task_types, **rows})
        case SentenceTransformersTables():
            added = _add_sentence_transformers(registry, tables)
    return replace(added, versions={**registry.versions, update.library: _choose_newest(registry, update)})


def _choose_newest(registry: Registry, update: RegistryUpdate) -> str:
    current = registry.versions[update.library]
    return current if is_newer(current, update.version) else update.version


def _add_transformers(registry: Registry, version: str, tables: TransformersTables) -> Registry:
    aliases: Mapping[str, str] = {**registry.model_type_aliases, **tables.model_type_aliases}
    added = add_newer_mappings(registry, version, tables.mappings, tables.auto_classes)
    return replace(
        added,
        model_types=added.model_types | tables.configs.keys(),
        model_type_aliases=aliases,
        other_architectures={**registry.other_architectures, **tables.architectures_elsewhere},
    )


def _add_diffusers(registry: Registry, tables: DiffusersTables) -> Registry:
    pipelines = {name: Pipeline(tasks=row.tasks, auto_classes=row.auto) for name, row in tables.pipelines.items()}
    extended = {name: row for extension in registry.extensions for name, row in extension.pipelines.items()}
    families = {
        name: {**registry.pipeline_families.get(name, {}), **tables.families.get(name, {})}
        for name in (*registry.pipeline_families, *tables.families)
    }
    return replace(
        registry,
        pipelines={**registry.pipelines, **pipelines, **extended},
        pipeline_families=families,
        components=registry.components | set(tables.models),
    )


def _add_sentence_transformers(registry: Registry, tables: SentenceTransformersTables) -> Registry:
    kinds = {name: (row.task, *row.tasks) for name, row in tables.kinds.items()}
    return replace(
        registry,
        sentence_kinds={**registry.sentence_kinds, **kinds},
        sentence_kind_aliases={
            **registry.sentence_kind_aliases,
            **tables.model_type_aliases,
            **tables.architectures,
        },
        sentence_namespaces={**registry.sentence_namespaces, **tables.namespaces},
        sentence_modules=registry.sentence_modules | tables.modules.keys(),
    )
