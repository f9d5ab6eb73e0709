"""Reads the Hub's own list of libraries from huggingface.js: the names that `library_name` of a repo can have.

Read from the npm package `@huggingface/tasks`, `src/model-libraries.ts` (`MODEL_LIBRARIES_UI_ELEMENTS`).
"""

from __future__ import annotations

import re
import tarfile
from collections.abc import Sequence
from pathlib import Path

from registry.releases.sources import parse_version

_PACKAGE = "huggingface-tasks"
_LIST_FILE = "package/src/model-libraries.ts"
_LIST = re.compile(r"MODEL_LIBRARIES_UI_ELEMENTS = \{\n(.*?)\n\}", re.DOTALL)
_ENTRY = re.compile(r'^\t(?:"([^"\n]+)"|(\w+)): \{$', re.MULTILINE)
"""The first line of an entry; entries are indented by one tab, everything in them by more."""


def find_tasks_packages(folder: Path | None) -> list[Path]:
    """The archives that `npm pack @huggingface/tasks` wrote to the folder, the oldest release first."""
    found = folder.glob(f"{_PACKAGE}-*.tgz") if folder is not None else ()
    return sorted(found, key=lambda path: parse_version(_parse_package_version(path)))


def hub_libraries_table(archives: Sequence[Path]) -> dict[str, object]:
    """The table for `hub_libraries.json`: the names in the list's own spelling and order, those of old releases last.

    A name that was removed from the list stays in the answers of the Hub, so it stays in the table.
    """
    names = [name for archive in reversed(archives) for name in _read_names(archive)]
    return {"version": _parse_package_version(archives[-1]), "names": list(dict.fromkeys(names))}


def _read_names(archive: Path) -> list[str]:
    with tarfile.open(archive) as package:
        member = package.extractfile(_LIST_FILE)
        text = member.read().decode("utf-8") if member is not None else ""
    entries = _LIST.search(text)
    names = [quoted or bare for quoted, bare in _ENTRY.findall(entries.group(1))] if entries is not None else []
    if not names:
        raise ValueError(f"{archive.name}: MODEL_LIBRARIES_UI_ELEMENTS was not found in {_LIST_FILE}, or is empty")
    return names


def _parse_package_version(archive: Path) -> str:
    return archive.name.removeprefix(f"{_PACKAGE}-").removesuffix(".tgz")
