"""Tells whether files can be those of a model, by their names alone. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from registry.facts import CONFIG, HubHints
from registry.rules.framework import find_framework
from registry.rules.required_files import ADAPTER_CONFIG
from registry.tables.libraries import LIBRARIES
from registry.tables.weights import UNNAMED

_MANIFESTS = frozenset({CONFIG, ADAPTER_CONFIG, *(name for row in LIBRARIES.values() for name in row.files)})
_OWN_MANIFESTS = frozenset(
    {CONFIG, ADAPTER_CONFIG, *(name for row in LIBRARIES.values() if not row.ambiguous for name in row.files)}
)
_SUFFIXES = tuple(suffix for row in LIBRARIES.values() for suffix in row.suffixes)
_TOGETHER = tuple(frozenset(row.together) for row in LIBRARIES.values() if row.together)
_CHECKPOINTS = (".pt", ".pth", ".ckpt", ".msgpack", ".pkl")
"""Formats that any program saves its state in."""


def holds_model(filenames: Iterable[str], hints: HubHints) -> bool:
    """Whether a repo or folder with these files can be a model: it has weights or a library's file, or its card names
    a library or a task.
    """
    names = frozenset(filenames)
    if hints.library_name is not None or hints.pipeline_tag is not None or any(map(names.issuperset, _TOGETHER)):
        return True
    return any(
        name.rpartition("/")[2] in _MANIFESTS or name.endswith(_SUFFIXES) or find_framework(name) is not None
        for name in names
    )


def is_model_folder(names: Iterable[str]) -> bool:
    """Whether the names at the top of a folder show a whole model: a config, a library's own file, or weights that are
    a model by themselves. A stray checkpoint, such as `optimizer.pt`, does not.
    """
    present = frozenset(names)
    if present & _OWN_MANIFESTS or any(map(present.issuperset, _TOGETHER)):
        return True
    return any(
        (find_framework(name) not in (None, UNNAMED) and not name.endswith(_CHECKPOINTS)) or name.endswith(_SUFFIXES)
        for name in present
    )
