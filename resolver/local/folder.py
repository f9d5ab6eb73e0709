"""Reads the facts of a model folder on disk, as the Hub would give them. Blocking: call it in a thread."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection
from pathlib import Path

from registry.facts import ABSENT_FILE, CommitFacts, FileState, HubHints, RepoFacts, SmallFile
from registry.rules.model_files import holds_model, is_model_folder
from registry.rules.required_files import find_required_files
from resolver.errors import InvalidRepoIdError, NotAModelError
from resolver.hub.payloads import MAX_SMALL_FILE_BYTES, parse_small_file
from resolver.local.model_card import CARD, read_card_hints

MAX_FILES = 20_000
"""File names that are read of one folder; the rest is ignored."""

MAX_PATH_LENGTH = 4_096
"""A longer text is no path on most systems."""

_DRIVE = re.compile("[A-Za-z]:/")
"""The beginning of a path of Windows with forward slashes; no repo id has a colon."""

_SKIPPED_FOLDERS = {".git", ".cache", ".ipynb_checkpoints", "__pycache__"}


def find_local_folder(text: str, current_names: Collection[str] | None = None) -> Path | None:
    """The folder that `text` names, None where it is a repo id.

    A path that cannot be an id ("./x", "~/x", "/x", "x\\y", "C:/x") is always a folder; "org/name" is one where a
    folder of that name holds a whole model: a config or a library's own file, not only a stray checkpoint.
    `current_names` are the names in the current folder, if they were listed already: with them, most ids of a long list
    need no look at the disk.
    """
    if text.startswith((".", "/", "~")) or "\\" in text or _DRIVE.match(text):
        starts = ("./", "../", "/", "~", ".\\", "..\\")
        if text.startswith(starts) or text in (".", "..") or "\\" in text or _DRIVE.match(text):
            return _expand_path(text)
    if current_names is not None and text.partition("/")[0] not in current_names:
        return None
    if not os.path.isdir(text):
        return None
    return Path(text) if text.count("/") > 1 or _has_model(text) else None


def _expand_path(text: str) -> Path | None:
    """The path that `text` is; None where no folder can have such a path: it is too long, or "~" has a NUL in it."""
    if len(text) > MAX_PATH_LENGTH:
        return None
    try:
        return Path(os.path.expanduser(text))  # noqa: PTH111 (leaves an unknown user's "~" as it is)
    except ValueError:
        return None


def list_current_folder() -> frozenset[str]:
    """The names in the current folder; empty where it cannot be read."""
    try:
        return frozenset(os.listdir())
    except OSError:
        return frozenset()


def _has_model(path: str) -> bool:
    """Whether the folder holds a whole model, by the names at its top or by its model card."""
    try:
        names = os.listdir(path)
    except OSError:
        return False
    return is_model_folder(names) or read_card_hints(Path(path) / CARD).library_name is not None


def read_folder(path: Path) -> RepoFacts:
    """The facts of the files in the folder, with hints from the header of its model card.

    Raises:
        InvalidRepoIdError: there is no such folder, or it cannot be read.
        NotAModelError: none of its files can belong to a model.
    """
    # os.path returns False where Path raises: for names that are too long or contain a NUL.
    if not os.path.isdir(path):
        raise InvalidRepoIdError(f"there is no folder {str(path)!r}, or it is a file")
    filenames = list_files(path)
    hints = read_card_hints(path / CARD)
    if not holds_model(filenames, hints):
        raise NotAModelError(f"the folder {str(path)!r} holds no model: none of its files is a config or weights")
    return RepoFacts(commit=read_commit_facts(filenames, hints, lambda name: path / name), hints=hints)


def list_files(path: Path) -> tuple[str, ...]:
    """Relative paths of the files below `path`, with forward slashes, sorted; at most `MAX_FILES` of them."""
    names: list[str] = []
    for folder, subfolders, files in os.walk(path):
        subfolders[:] = sorted(name for name in subfolders if name not in _SKIPPED_FOLDERS)
        relative = Path(folder).relative_to(path)
        names.extend((relative / name).as_posix() for name in sorted(files))
        if len(names) > MAX_FILES:
            break
    return tuple(sorted(names[:MAX_FILES]))


def read_commit_facts(filenames: tuple[str, ...], hints: HubHints, locate: Callable[[str], Path | None]) -> CommitFacts:
    """The file names with all small files that a decision reads; `locate` returns a file's path, None if unknown."""
    commit = CommitFacts(filenames=filenames)
    while required := find_required_files(commit, hints):
        files = {name: read_small_file(locate(name)) for name in required}
        commit = CommitFacts(filenames=filenames, files={**commit.files, **files})
    return commit


def read_small_file(path: Path | None) -> SmallFile:
    """The content of a JSON file on disk; absent where `path` is None or does not exist."""
    if path is None or not os.path.lexists(path):
        return ABSENT_FILE
    try:
        if not path.is_file():
            return SmallFile(state=FileState.UNREADABLE, problem="not a file, or a link that leads to none")
        with path.open("rb") as file:
            body = file.read(MAX_SMALL_FILE_BYTES + 1)
    except OSError as error:
        return SmallFile(state=FileState.UNREADABLE, problem=f"cannot be read: {error.strerror}")
    return parse_small_file(body)
