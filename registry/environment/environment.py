"""Adapts a registry to the Python environment: a newer installed transformers, and plugins. Reads the disk.

Inspecting an environment takes tens of milliseconds, so the result is cached in the user's cache folder. It is valid
until a folder of `sys.path` changes, as each installation changes one. A cache that cannot be read or written is
ignored.
"""

from __future__ import annotations

import json
import os
import sys
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from registry.environment.newer_release import add_newer_mappings, is_newer
from registry.errors import ExtensionError
from registry.registry import Registry

if TYPE_CHECKING:
    import logging

    from registry.extension import Extension

PLUGIN_GROUP = "hubresolve.registry"
"""The entry point group of plugins: each entry point is an `Extension`, or a function that returns one."""

MAX_CACHED_ENVIRONMENTS = 100
"""Most environments that the cache folder has: those in temporary folders, as of CI, never come again."""

_CACHE_VERSION = 1
_MODELING_PATH = Path("models", "auto", "modeling_auto.py")


def adapt_to_environment(registry: Registry) -> Registry:
    """`registry` with the mappings of the installed transformers, if it is newer, and with all installed plugins.

    Raises:
        ExtensionError: a plugin contradicts another one, or does not provide an extension.
    """
    found = _inspect_environment()
    version = found["transformers"]
    if version is not None and is_newer(version, registry.versions["transformers"]):
        registry = _add_installed_transformers(registry, version)
    if found["plugins"]:
        registry = registry.extended(*(load_plugin(name, value) for name, value in found["plugins"]))
    return registry


def load_plugin(name: str, value: str) -> Extension:
    """The extension of the entry point `name` with `value` ("module:attribute").

    Raises:
        ExtensionError: it cannot be imported, or is not an extension.
    """
    from importlib.metadata import EntryPoint

    from registry.extension import Extension

    try:
        loaded = EntryPoint(name=name, value=value, group=PLUGIN_GROUP).load()
        extension = loaded() if callable(loaded) else loaded
    except Exception as error:  # a plugin may raise anything; the error must name it
        raise ExtensionError(f"the plugin {name!r} ({value}) cannot be loaded: {error!r}") from error
    if not isinstance(extension, Extension):
        raise ExtensionError(f"the plugin {name!r} ({value}) provides a {type(extension).__name__}, not an Extension")
    return extension


def _inspect_environment() -> dict[str, Any]:
    """`transformers`: the installed version or None; `plugins`: [name, value] of each, sorted. Cached on disk."""
    state = _read_path_state()
    # One file for each environment, so that two environments used in turn do not overwrite each other's cache.
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
    _remove_old_environments()
    return found


def _remove_old_environments() -> None:
    """Keep the `MAX_CACHED_ENVIRONMENTS` that were written last."""
    try:
        files = [(file.stat().st_mtime_ns, file) for file in _cache_folder().glob("environment-*.json")]
        for _, file in sorted(files)[:-MAX_CACHED_ENVIRONMENTS]:
            file.unlink()
    except OSError as error:
        # Another process may remove the same files.
        _get_logger().debug("cannot remove old cache files of the registry: %s", error)


def _read_path_state() -> list[list[Any]]:
    """The folders of `sys.path`, with the modification time of each."""
    state: list[list[Any]] = [[_CACHE_VERSION, sys.version_info[0], sys.version_info[1]]]
    for path in sys.path:
        if not path:
            continue
        try:
            state.append([path, Path(path).stat().st_mtime_ns])
        except OSError:
            continue
    return state


def _add_installed_transformers(registry: Registry, version: str) -> Registry:
    name = f"transformers-{version}.json"
    tables = _read_cache(name, ("mappings", "auto_classes"))
    if tables is None:
        try:
            tables = read_installed_transformers()
        except (OSError, SyntaxError, ValueError) as error:
            _get_logger().warning(
                "cannot read the auto mappings of transformers %s (%s); those of %s are used instead",
                version,
                error,
                registry.versions["transformers"],
            )
            return registry
        _write_cache(name, tables)
    mappings = {name: {kind: tuple(row) for kind, row in rows.items()} for name, rows in tables["mappings"].items()}
    return add_newer_mappings(registry, version, mappings, tables["auto_classes"])


def read_installed_transformers() -> dict[str, Any]:
    """`mappings` and `auto_classes` of the installed transformers, read from its source text.

    Raises:
        UnreadableTableError, SyntaxError: the source is written in a form that is not supported.
        OSError: the source cannot be found or read.
    """
    import ast
    from importlib.util import find_spec

    from registry.environment.modeling_auto import parse_auto_classes, parse_auto_mappings

    spec = find_spec("transformers")
    folders = spec.submodule_search_locations if spec is not None else None
    if not folders:
        raise FileNotFoundError("the installed transformers has no folder")
    module = ast.parse((Path(next(iter(folders))) / _MODELING_PATH).read_text(encoding="utf-8"))
    return {"mappings": parse_auto_mappings(module), "auto_classes": parse_auto_classes(module)}


def _get_logger() -> logging.Logger:
    import logging

    return logging.getLogger(__name__)


def _cache_folder() -> Path:
    import platformdirs

    return Path(platformdirs.user_cache_dir("hubresolve", appauthor=False)) / "registry"


def _read_cache(name: str, keys: tuple[str, ...]) -> dict[str, Any] | None:
    """The JSON object in a file of the cache folder; None where it cannot be read or lacks one of `keys`."""
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
        _get_logger().debug("cannot write the registry's cache file: %s", error)
