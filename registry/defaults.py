"""Build the default registries: the shipped tables, and those adapted to this environment.

The JSON tables are made by `tools/make_tables.py`.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from registry.environment.environment import installed_registry
from registry.registry import Registry
from registry.table_rows import AutoMapping, Pipeline
from registry.tables.auto_mappings import AUTO_MAPPINGS, CUSTOM_CLASSES, MAIN_TASKS, REMOVED_MAPPINGS
from registry.tables.libraries import LIBRARIES
from registry.tables.tasks import ALIASES, COARSER, KIND_OF, SPECIALISATIONS, TASKS, WITH_PAST_TASKS


@functools.cache
def shipped_registry() -> Registry:
    """The registry of the shipped tables alone: the same on every machine."""
    return read_registry()


@functools.cache
def default_registry() -> Registry:
    """The shipped registry, with what a newer installed transformers adds and what installed plugins do.

    Raises:
        ExtensionError: a plugin contradicts another one, or does not give an extension.
    """
    return installed_registry(shipped_registry())


def read_table(name: str) -> Mapping[str, Any]:
    """One generated table, by its file name without the ending."""
    table: Mapping[str, Any] = json.loads((Path(__file__).parent / "tables" / f"{name}.json").read_bytes())
    return table


def read_registry() -> Registry:
    """The registry of the shipped tables."""
    transformers, diffusers, peft = read_table("transformers"), read_table("diffusers"), read_table("peft")
    gguf, sentence = read_table("gguf"), read_table("sentence_transformers")
    return Registry(
        tasks=TASKS,
        task_aliases=ALIASES,
        with_past_tasks=WITH_PAST_TASKS,
        specialisations=SPECIALISATIONS,
        coarser=COARSER,
        kind_of=KIND_OF,
        libraries=LIBRARIES,
        mappings=tuple(
            AutoMapping(name=name, task=task, auto_class=auto_class, models=_tuples(transformers["mappings"][name]))
            for task, name, auto_class in AUTO_MAPPINGS
        ),
        old_mappings=tuple(
            mapping
            for task, name, auto_class in (*REMOVED_MAPPINGS, *AUTO_MAPPINGS)
            for mapping in _removed(task, name, auto_class, transformers["removed"].get(name, {}))
        ),
        framework_mappings={framework: tuple(_of_framework(framework, transformers)) for framework in ("tf", "flax")},
        custom_classes=CUSTOM_CLASSES,
        main_tasks=MAIN_TASKS,
        other_architectures=transformers["architectures_elsewhere"],
        model_types=frozenset(transformers["configs"]),
        model_type_aliases=transformers["model_type_aliases"],
        since=transformers["since"],
        pipelines={
            name: Pipeline(tasks=tuple(row["tasks"]), auto_classes=row["auto"])
            for name, row in diffusers["pipelines"].items()
        },
        pipeline_families=diffusers["families"],
        components=frozenset(diffusers["models"]),
        peft_task_types={name: (row["task"], row["model_class"]) for name, row in peft["task_types"].items()},
        gguf_architectures={name: row["task"] for name, row in gguf["architectures"].items()},
        sentence_kinds={name: (row["task"], *row["tasks"]) for name, row in sentence["kinds"].items()},
        sentence_kind_aliases={**sentence["model_type_aliases"], **sentence["architectures"]},
        sentence_namespaces=sentence["namespaces"],
        versions={
            "transformers": transformers["version"],
            "diffusers": diffusers["version"],
            "peft": peft["version"],
            "sentence_transformers": sentence["version"],
            "gguf": gguf["version"],
        },
    )


def _tuples(models: Mapping[str, Iterable[str]]) -> Mapping[str, tuple[str, ...]]:
    return {model_type: tuple(architectures) for model_type, architectures in models.items()}


def _removed(
    task: str, name: str, auto_class: str | None, models: Mapping[str, Mapping[str, str]]
) -> Iterable[AutoMapping]:
    """The removed rows of one mapping, as one mapping for each version they were last seen in."""
    versions = sorted({until for architectures in models.values() for until in architectures.values()})
    for version in versions:
        last_seen = {
            model_type: tuple(name for name, until in architectures.items() if until == version)
            for model_type, architectures in models.items()
        }
        yield AutoMapping(
            name=name,
            task=task,
            auto_class=auto_class,
            models={model_type: names for model_type, names in last_seen.items() if names},
            until=version,
        )


def _of_framework(framework: str, transformers: Mapping[str, Any]) -> Iterable[AutoMapping]:
    prefix = framework.upper()
    auto_classes = {mapping: auto_class for auto_class, mapping in transformers[f"{framework}_auto_classes"].items()}
    for task, name, _ in (*REMOVED_MAPPINGS, *AUTO_MAPPINGS):
        own_name = f"{prefix}_{name}"
        models = transformers[framework].get(own_name)
        if models is not None:
            yield AutoMapping(
                name=own_name,
                task=task,
                auto_class=auto_classes.get(own_name),
                models=_tuples(models),
                until=transformers[f"{framework}_until"],
            )
