"""What older transformers releases had, and since when the present one has what it has; read from their wheels.

A release counts as its last patch. What the present release maps is left to `tables_transformers`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from tools.tables_sources import Source, version_key
from tools.tables_transformers import (
    MODELING,
    Mappings,
    auto_classes,
    config_tables,
    model_mappings,
    pipeline_tables,
)

KEYS = (
    "releases_read",
    "removed",
    "removed_auto_classes",
    "removed_configs",
    "removed_pipelines",
    "since",
    "tf_until",
    "tf",
    "tf_auto_classes",
    "flax_until",
    "flax",
    "flax_auto_classes",
)
"""The keys of `transformers.json` that are read from wheels."""

_T = TypeVar("_T")
_CLASS = re.compile(r"^class (\w+)\b", re.MULTILINE)
_TF, _FLAX = "models/auto/modeling_tf_auto.py", "models/auto/modeling_flax_auto.py"


@dataclass(frozen=True, slots=True)
class Release:
    """One release: its tables, and the classes that its modeling files define."""

    version: str
    mappings: Mappings
    auto_classes: Mapping[str, str]
    configs: Mapping[str, str]
    pipelines: Mapping[str, object]
    classes: frozenset[str]


def history_table(current: Source, wheels: Iterable[Source]) -> dict[str, object]:
    """The keys `KEYS`: what is gone and which release had it last, and the first release that defined each class.

    Wheels as new as `current` or newer are not read. `since` tells the first of the releases read, and leaves out the
    classes that the oldest of them has already.
    """
    older = [wheel for wheel in wheels if version_key(wheel.version) < version_key(current.version)]
    if not older:
        raise ValueError(f"no wheel of a transformers release before {current.version} was found")
    releases = [read_release(source) for source in [*older, current]]
    now = releases[-1]
    removed: dict[str, dict[str, dict[str, str]]] = {}
    classes: dict[str, dict[str, str]] = {}
    configs: dict[str, dict[str, str]] = {}
    pipelines: dict[str, dict[str, object]] = {}
    for release in releases[:-1]:
        for mapping, rows in release.mappings.items():
            for model_type, names in rows.items():
                for name in sorted(set(names) - set(now.mappings.get(mapping, {}).get(model_type, ()))):
                    removed.setdefault(mapping, {}).setdefault(model_type, {})[name] = release.version
        for name in release.auto_classes.keys() - now.auto_classes.keys():
            classes[name] = {"mapping": release.auto_classes[name], "until": release.version}
        for model_type in release.configs.keys() - now.configs.keys():
            configs[model_type] = {"config": release.configs[model_type], "until": release.version}
        for task in release.pipelines.keys() - now.pipelines.keys():
            pipelines[task] = {"auto_classes": release.pipelines[task], "until": release.version}
    table: dict[str, object] = {
        "releases_read": [release.version for release in releases],
        "removed": {mapping: _sorted(rows) for mapping, rows in sorted(removed.items())},
        "removed_auto_classes": _sorted(classes),
        "removed_configs": _sorted(configs),
        "removed_pipelines": _sorted(pipelines),
        "since": _since(releases),
    }
    for framework, path in (("tf", _TF), ("flax", _FLAX)):
        source = next(wheel for wheel in reversed(older) if path in wheel.paths())
        table[f"{framework}_until"] = source.version
        table[framework] = model_mappings(source, path)
        table[f"{framework}_auto_classes"] = auto_classes(source, path)
    return table


def read_release(source: Source) -> Release:
    """The tables of one release."""
    defined: set[str] = set()
    for path in source.paths():
        if path.startswith("models/") and "/modeling_" in path and path != MODELING:
            defined.update(_CLASS.findall(source.read(path)))
    return Release(
        source.version,
        model_mappings(source),
        auto_classes(source),
        config_tables(source)[0],
        pipeline_tables(source)["SUPPORTED_TASKS"],
        frozenset(defined),
    )


def _since(releases: list[Release]) -> dict[str, str]:
    """Architecture -> first release that defines its class, for those any release maps and the oldest one lacks."""
    mapped = {
        name for release in releases for rows in release.mappings.values() for names in rows.values() for name in names
    }
    first: dict[str, str] = {}
    for release in releases:
        for name in mapped & release.classes:
            first.setdefault(name, release.version)
    oldest = releases[0].version
    return {name: version for name, version in sorted(first.items()) if version != oldest}


def _sorted(value: Mapping[str, _T]) -> dict[str, _T]:
    return dict(sorted(value.items()))
