"""What the Python environment adds to the shipped registry: a newer transformers, and plugins. Reads the disk.

Looking through an environment takes tens of milliseconds, so what was found is remembered in the user's cache folder:
it holds until a folder of `sys.path` changes, as every installation does to one. A cache that cannot be read or
written is done without.
"""

from __future__ import annotations

import json
import os
import sys
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from registry.environment.newer_release import is_newer, with_newer_mappings
from registry.errors import ExtensionError
from registry.registry import Registry

if TYPE_CHECKING:
    import logging

    from registry.extension import Extension

PLUGIN_GROUP = "hubresolve.registry"
"""The entry point group of plugins: each names an `Extension`, or a function that gives one."""

_CACHE_VERSION = 1
_MODELING = Path("models", "auto", "modeling_auto.py")


def installed_registry(registry: Registry) -> Registry:
    """`registry` with the mappings of the installed transformers, where newer, and with all installed plugins.

    Raises:
        ExtensionError: a plugin contradicts another one, or does not give an extension.
    """
    found = _look_around()
    version = found["transformers"]
    if version is not None and is_newer(version, registry.versions["transformers"]):
        registry = _with_installed_transformers(registry, version)
    if found["plugins"]:
        registry = registry.extended(*(load_plugin(name, value) for name, value in found["plugins"]))
    return registry


def load_plugin(name: str, value: str) -> Extension:
    """The extension that an entry point named `name` with `value` ("module:attribute") gives.

    Raises:
        ExtensionError: it cannot be imported, or gives something else.
    """
    from importlib.metadata import EntryPoint

    from registry.extension import Extension

    try:
        given = EntryPoint(name=name, value=value, group=PLUGIN_GROUP).load()
        extension = given() if callable(given) else given
    except Exception as error:  # whatever a plugin does, its name must be told
        raise ExtensionError(f"the plugin {name!r} ({value}) cannot be loaded: {error!r}") from error
    if not isinstance(extension, Extension):
        raise ExtensionError(f"the plugin {name!r} ({value}) gives {type(extension).__name__}, not an Extension")
    return extension


def _look_around() -> dict[str, Any]:
    """`transformers`: the installed version or None; `plugins`: (name, value) of each, sorted."""
    state = _state_of_path()
    # One file for each environment, so that two of them in turn do not forget what is in the other.
    name = f"environment-{zlib.crc32(repr([entry[0] for entry in state]).encode()):08x}.json"
    cached = _read_cache(name, ("state", "transformers", "plugins"))
    if cached is not None and cached["state"] == state:
        return cached
    from importlib.metadata import PackageNotFoundError, entry_points, version

    try:
        transformers: str | None = version("transformers")
    except PackageNotFoundError:
        transformers = None
    plugins = sorted({(point.name, point.value) for point in entry_points(group=PLUGIN_GROUP)})
    found = {"state": state, "transformers": transformers, "plugins": [list(plugin) for plugin in plugins]}
    _write_cache(name, found)
    return found


def _state_of_path() -> list[list[Any]]:
    """The folders modules are found in, with the time each was last changed."""
    state: list[list[Any]] = [[_CACHE_VERSION, sys.version_info[0], sys.version_info[1]]]
    for path in sys.path:
        if not path:
            continue
        try:
            state.append([path, Path(path).stat().st_mtime_ns])
        except OSError:
            continue
    return state


def _with_installed_transformers(registry: Registry, version: str) -> Registry:
    name = f"transformers-{version}.json"
    tables = _read_cache(name, ("mappings", "auto_classes"))
    if tables is None:
        try:
            tables = read_installed_transformers()
        except (OSError, SyntaxError, ValueError) as error:
            _log().warning(
                "what transformers %s maps cannot be read (%s); what %s maps is taken instead",
                version,
                error,
                registry.versions["transformers"],
            )
            return registry
        _write_cache(name, tables)
    mappings = {name: {kind: tuple(row) for kind, row in rows.items()} for name, rows in tables["mappings"].items()}
    return with_newer_mappings(registry, version, mappings, tables["auto_classes"])


def read_installed_transformers() -> dict[str, Any]:
    """`mappings` and `auto_classes` of the installed transformers, read from its source text.

    Raises:
        SourceShapeError, SyntaxError: the source is written in a way that is not understood.
        OSError: it cannot be found or read.
    """
    import ast
    from importlib.util import find_spec

    from registry.environment.modeling_auto import parse_auto_classes, parse_auto_source

    spec = find_spec("transformers")
    folders = spec.submodule_search_locations if spec is not None else None
    if not folders:
        raise FileNotFoundError("transformers has no folder")
    module = ast.parse((Path(next(iter(folders))) / _MODELING).read_text(encoding="utf-8"))
    return {"mappings": parse_auto_source(module), "auto_classes": parse_auto_classes(module)}


def _log() -> logging.Logger:
    import logging

    return logging.getLogger(__name__)


def _cache_folder() -> Path:
    import platformdirs

    return Path(platformdirs.user_cache_dir("hubresolve", appauthor=False)) / "registry"


def _read_cache(name: str, keys: tuple[str, ...]) -> dict[str, Any] | None:
    """The object in a file of the cache that has all `keys`; None where there is none."""
    try:
        content = json.loads((_cache_folder() / name).read_bytes())
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) and content.keys() >= set(keys) else None


def _write_cache(name: str, content: Mapping[str, Any]) -> None:
    folder = _cache_folder()
    unfinished = folder / f".{name}.{os.getpid()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        unfinished.write_text(json.dumps(content), encoding="utf-8")
        unfinished.replace(folder / name)
    except OSError as error:
        _log().debug("what is installed cannot be remembered: %s", error)
