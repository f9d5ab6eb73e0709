"""Reads removed classes, and the first release of each class, from the wheels of older transformers releases.

Of a minor release, the last patch is read. `transformers` reads the present release.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from registry.releases.sources import Source, parse_version
from registry.releases.transformers import (
    MODELING,
    Mappings,
    read_auto_classes,
    read_config_tables,
    read_model_mappings,
    read_pipeline_tables,
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
    """The tables of one release, and the classes that its modeling files define."""

    version: str
    mappings: Mappings
    auto_classes: Mapping[str, str]
    configs: Mapping[str, str]
    pipelines: Mapping[str, object]
    classes: frozenset[str]


def history_table(current: Source, wheels: Iterable[Source]) -> dict[str, object]:
    """The keys `KEYS`: removed rows with the last release that had them, and the first release of each class.

    Wheels that are not older than `current` are ignored. `since` is the first of the releases read; classes that the
    oldest of them already has are left out.
    """
    older = [wheel for wheel in wheels if parse_version(wheel.version) < parse_version(current.version)]
    if not older:
        raise ValueError(f"no wheel of a transformers release before {current.version} was found")
    releases = [read_release(source) for source in [*older, current]]
    present = releases[-1]
    removed: dict[str, dict[str, dict[str, str]]] = {}
    classes: dict[str, dict[str, str]] = {}
    configs: dict[str, dict[str, str]] = {}
    pipelines: dict[str, dict[str, object]] = {}
    for release in releases[:-1]:
        for mapping, rows in release.mappings.items():
            for model_type, names in rows.items():
                for name in sorted(set(names) - set(present.mappings.get(mapping, {}).get(model_type, ()))):
                    removed.setdefault(mapping, {}).setdefault(model_type, {})[name] = release.version
        for name in release.auto_classes.keys() - present.auto_classes.keys():
            classes[name] = {"mapping": release.auto_classes[name], "until": release.version}
        for model_type in release.configs.keys() - present.configs.keys():
            configs[model_type] = {"config": release.configs[model_type], "until": release.version}
        for task in release.pipelines.keys() - present.pipelines.keys():
            pipelines[task] = {"auto_classes": release.pipelines[task], "until": release.version}
    table: dict[str, object] = {
        "releases_read": [release.version for release in releases],
        "removed": {mapping: _sort_by_key(rows) for mapping, rows in sorted(removed.items())},
        "removed_auto_classes": _sort_by_key(classes),
        "removed_configs": _sort_by_key(configs),
        "removed_pipelines": _sort_by_key(pipelines),
        "since": _find_first_releases(releases),
    }
    for framework, path in (("tf", _TF), ("flax", _FLAX)):
        source = next(wheel for wheel in reversed(older) if path in wheel.paths())
        table[f"{framework}_until"] = source.version
        table[framework] = read_model_mappings(source, path)
        table[f"{framework}_auto_classes"] = read_auto_classes(source, path)
    return table


def read_release(source: Source) -> Release:
    """The tables of one release."""
    defined: set[str] = set()
    for path in source.paths():
        if path.startswith("models/") and "/modeling_" in path and path != MODELING:
            defined.update(_CLASS.findall(source.read(path)))
    return Release(
        source.version,
        read_model_mappings(source),
        read_auto_classes(source),
        read_config_tables(source)[0],
        read_pipeline_tables(source)["SUPPORTED_TASKS"],
        frozenset(defined),
    )


def _find_first_releases(releases: list[Release]) -> dict[str, str]:
    """Mapped architecture -> the first release that defines its class, without those of the oldest release."""
    mapped = {
        name for release in releases for rows in release.mappings.values() for names in rows.values() for name in names
    }
    first: dict[str, str] = {}
    for release in releases:
        for name in mapped & release.classes:
            first.setdefault(name, release.version)
    oldest = releases[0].version
    return {name: version for name, version in sorted(first.items()) if version != oldest}


def _sort_by_key(value: Mapping[str, _T]) -> dict[str, _T]:
    return dict(sorted(value.items()))
