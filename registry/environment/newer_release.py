"""Adds the mappings of a transformers release that is newer than the shipped table. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from registry.registry import Registry
from registry.table_rows import AutoMapping

Models = Mapping[str, tuple[str, ...]]
"""Model type -> architectures."""


def is_newer(version: str, than: str) -> bool:
    """Whether one release comes after another, by their numbers; suffixes such as ".dev0" are ignored."""
    return _parse_numbers(version) > _parse_numbers(than)


def add_newer_mappings(
    registry: Registry, version: str, mappings: Mapping[str, Models], auto_classes: Mapping[str, str]
) -> Registry:
    """`registry` with the mappings of transformers `version` added to its own.

    `mappings` and `auto_classes` are as `modeling_auto` reads them. Rows that the release has removed are kept. A new
    mapping gets a task of its own, named after the mapping.
    """
    current = {mapping.name for mapping in registry.mappings}
    merged = tuple(_merge(mapping, mappings.get(mapping.name, {})) for mapping in registry.mappings)
    by_mapping = {mapping: auto_class for auto_class, mapping in auto_classes.items()}
    new = tuple(
        AutoMapping(name=name, task=_derive_task(name, registry), auto_class=by_mapping.get(name), models=models)
        for name, models in mappings.items()
        if name not in current
    )
    architectures = {name for models in mappings.values() for names in models.values() for name in names}
    unseen = architectures - registry.served_tasks.keys()
    return replace(
        registry,
        # New mappings come first, so that a mapping of the registry counts more for an architecture in both.
        mappings=(*new, *merged),
        tasks={**{mapping.task: "other" for mapping in new}, **registry.tasks},
        model_types=registry.model_types | {model_type for models in mappings.values() for model_type in models},
        since={**registry.since, **dict.fromkeys(sorted(unseen), version)},
        versions={**registry.versions, "transformers": version},
    )


def _merge(mapping: AutoMapping, models: Models) -> AutoMapping:
    added = {
        model_type: tuple(dict.fromkeys((*mapping.models.get(model_type, ()), *names)))
        for model_type, names in models.items()
        if not set(names) <= set(mapping.models.get(model_type, ()))
    }
    return replace(mapping, models={**mapping.models, **added}) if added else mapping


def _derive_task(name: str, registry: Registry) -> str:
    """`MODEL_FOR_SMELL_DETECTION_MAPPING_NAMES` -> "smell-detection"."""
    words = re.sub(r"^MODEL_(FOR_)?|(_MAPPING)?_NAMES$", "", name).lower().replace("_", "-")
    return registry.find_task(words) or words


def _parse_numbers(version: str) -> tuple[int, ...]:
    found = re.match(r"\d+(?:\.\d+)*", version)
    return tuple(int(part) for part in found.group().split(".")) if found is not None else ()
