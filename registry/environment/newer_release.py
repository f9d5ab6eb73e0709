"""A registry with the mappings of a transformers release that is newer than the shipped table. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from registry.registry import Registry
from registry.table_rows import AutoMapping

Models = Mapping[str, tuple[str, ...]]
"""Model type -> architectures."""


def is_newer(version: str, than: str) -> bool:
    """Whether one release comes after another, by their numbers; what follows those is not looked at."""
    return _numbers(version) > _numbers(than)


def with_newer_mappings(
    registry: Registry, version: str, mappings: Mapping[str, Models], auto_classes: Mapping[str, str]
) -> Registry:
    """`registry` with what transformers `version` maps beside what it knows already.

    `mappings` and `auto_classes` are as `auto_source` reads them. What the release does not map any more stays. A
    mapping that is new altogether gets a task of its own, called as the mapping is.
    """
    known = {mapping.name for mapping in registry.mappings}
    merged = tuple(_merged(mapping, mappings.get(mapping.name, {})) for mapping in registry.mappings)
    by_mapping = {mapping: auto_class for auto_class, mapping in auto_classes.items()}
    new = tuple(
        AutoMapping(name=name, task=_task_of(name, registry), auto_class=by_mapping.get(name), models=models)
        for name, models in mappings.items()
        if name not in known
    )
    architectures = {name for models in mappings.values() for names in models.values() for name in names}
    unseen = architectures - registry.rows.keys()
    return replace(
        registry,
        # New ones first: an architecture that is also in a mapping we know is for what that one says.
        mappings=(*new, *merged),
        tasks={**{mapping.task: "other" for mapping in new}, **registry.tasks},
        model_types=registry.model_types | {model_type for models in mappings.values() for model_type in models},
        since={**registry.since, **dict.fromkeys(sorted(unseen), version)},
        versions={**registry.versions, "transformers": version},
    )


def _merged(mapping: AutoMapping, models: Models) -> AutoMapping:
    added = {
        model_type: tuple(dict.fromkeys((*mapping.models.get(model_type, ()), *names)))
        for model_type, names in models.items()
        if not set(names) <= set(mapping.models.get(model_type, ()))
    }
    return replace(mapping, models={**mapping.models, **added}) if added else mapping


def _task_of(name: str, registry: Registry) -> str:
    """`MODEL_FOR_SMELL_DETECTION_MAPPING_NAMES` -> "smell-detection"."""
    words = re.sub(r"^MODEL_(FOR_)?|(_MAPPING)?_NAMES$", "", name).lower().replace("_", "-")
    return registry.find_task(words) or words


def _numbers(version: str) -> tuple[int, ...]:
    found = re.match(r"\d+(?:\.\d+)*", version)
    return tuple(int(part) for part in found.group().split(".")) if found is not None else ()
