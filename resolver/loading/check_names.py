"""Checks what the files of a model name, before any library sees them. Blocking: call it in a thread.

The files are read from the folder that the library will read, with all that other programs or the user put there.
"""

from __future__ import annotations

import importlib
from pathlib import Path

from registry.facts import FileState, SmallFile
from registry.registry import Registry
from registry.rules.named_code.find import choose_naming_files, find_named_code
from resolver.hub.lenient_json import UnusableJsonError, parse_json
from resolver.loading.options import LoadOptions
from resolver.loading.refuse_names import raise_for_names
from resolver.local.folder import list_files
from resolver.resolution import Resolution

MAX_NAMING_FILE_BYTES = 64 * 1024 * 1024
"""Longest file that is read for names; the indexes of the largest models have about 10 MB. A longer one is refused."""


def check_names(library: str, folder: Path, resolution: Resolution, options: LoadOptions, registry: Registry) -> None:
    """Check all small files in `folder` that the library may read names from.

    Raises:
        RemoteCodeError: they name code that is not the library's own, and the caller did not allow code.
        NotLoadableError: they name other repos or paths, or cannot be read.
    """
    filenames = list_files(folder)
    files = {name: _read_naming_file(folder / name) for name in choose_naming_files(library, filenames)}
    raise_for_names(find_named_code(library, files, filenames, registry, _knows_class), resolution, options)


def _read_naming_file(path: Path) -> SmallFile:
    """The content of a JSON file, where it is an object or a list."""
    try:
        with path.open("rb") as file:
            body = file.read(MAX_NAMING_FILE_BYTES + 1)
        if len(body) > MAX_NAMING_FILE_BYTES:
            return _unreadable(f"longer than {MAX_NAMING_FILE_BYTES // 2**20} MiB")
        content = parse_json(body)
    except OSError as error:
        return _unreadable(f"cannot be read: {error.strerror}")
    except UnusableJsonError as error:
        return _unreadable(str(error)[:200])
    if not isinstance(content, (dict, list)):
        return _unreadable("not a JSON object")
    return SmallFile(state=FileState.READ, content=content)


def _unreadable(problem: str) -> SmallFile:
    return SmallFile(state=FileState.UNREADABLE, problem=problem)


def _knows_class(name: str) -> bool:
    """Whether the installed transformers has the class; only asked where a file names code for a tokenizer."""
    return name.isidentifier() and hasattr(importlib.import_module("transformers"), name)
