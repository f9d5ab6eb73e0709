"""Facts of a model folder on disk, read as the Hub would tell them. Blocking: call it in a thread."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from pathlib import Path

from registry.facts import ABSENT_FILE, CommitFacts, FileState, HubHints, RepoFacts, SmallFile
from registry.rules.required_files import files_wanted
from resolver.errors import InvalidRepoIdError, NotAModelError
from resolver.hub.payloads import MAX_SMALL_FILE_BYTES, parse_small_file

MAX_FILES = 20_000
MAX_CARD_BYTES = 1024 * 1024
_SKIPPED_FOLDERS = {".git", ".cache", ".ipynb_checkpoints", "__pycache__"}
_MODEL_NAMES = (
    "config.json",
    "model_index.json",
    "modular_model_index.json",
    "modules.json",
    "adapter_config.json",
    "open_clip_config.json",
    "config_sentence_transformers.json",
)
_MODEL_SUFFIXES = (".safetensors", ".bin", ".gguf", ".onnx", ".h5", ".keras", ".msgpack", ".pt", ".pth", ".nemo")


def folder_meant_by(text: str, here: Collection[str] | None = None) -> Path | None:
    """The folder that `text` names, None where it is rather a repo id.

    A path that could not be an id ("./x", "~/x", "/x", "x\\y") is always a folder; "org/name" is one where a folder of
    that name holds a model, as for `from_pretrained`. `here` are the names in the current folder, where they are known
    already: one look at it spares one for each of many ids.
    """
    if text.startswith((".", "/", "~")) or "\\" in text:
        starts = ("./", "../", "/", "~", ".\\", "..\\")
        if text.startswith(starts) or text in (".", "..") or "\\" in text:
            return Path(os.path.expanduser(text))  # noqa: PTH111 (leaves an unknown user's "~" as it is)
    if here is not None and text.partition("/")[0] not in here:
        return None
    if not os.path.isdir(text):
        return None
    return Path(text) if text.count("/") > 1 or _holds_model(text) else None


def names_here() -> frozenset[str]:
    """The names in the current folder; none where it cannot be read."""
    try:
        return frozenset(os.listdir())
    except OSError:
        return frozenset()


def _holds_model(path: str) -> bool:
    try:
        return any(name in _MODEL_NAMES or name.endswith(_MODEL_SUFFIXES) for name in os.listdir(path))
    except OSError:
        return False


def read_folder(path: Path) -> RepoFacts:
    """Facts from the files of the folder, hints from the header of its model card.

    Raises:
        InvalidRepoIdError: there is no such folder, or it cannot be read.
        NotAModelError: it holds no file at all that could belong to a model.
    """
    # os.path answers where Path raises: on names that are too long or hold a NUL.
    if not os.path.isdir(path):
        raise InvalidRepoIdError(f"there is no folder {str(path)!r}, or it is a file")
    filenames = list_files(path)
    if not any(Path(name).name in _MODEL_NAMES or name.endswith(_MODEL_SUFFIXES) for name in filenames):
        raise NotAModelError(f"the folder {str(path)!r} holds no model: none of its files is a config or weights")
    hints = card_hints(path / "README.md")
    return RepoFacts(commit=read_files(filenames, hints, lambda name: path / name), hints=hints)


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


def read_files(filenames: tuple[str, ...], hints: HubHints, locate: Callable[[str], Path | None]) -> CommitFacts:
    """Facts with every small file read that a decision wants; `locate` gives a path, None where it is not known."""
    commit = CommitFacts(filenames=filenames)
    while wanted := files_wanted(commit, hints):
        files = {name: read_small_file(locate(name)) for name in wanted}
        commit = CommitFacts(filenames=filenames, files={**commit.files, **files})
    return commit


def read_small_file(path: Path | None) -> SmallFile:
    """What a JSON file on disk holds; absent where `path` is None or leads nowhere."""
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


def card_hints(path: Path) -> HubHints:
    """What the YAML header of a model card says; no hints where there is none that can be read."""
    if not path.is_file():
        return HubHints()
    import yaml
    from huggingface_hub import metadata_load

    try:
        if path.stat().st_size > MAX_CARD_BYTES:
            return HubHints()
        card = metadata_load(path)
    except (yaml.YAMLError, ValueError, OSError, RecursionError):
        return HubHints()
    if not isinstance(card, dict):
        return HubHints()
    tags = card.get("tags")
    return HubHints(
        pipeline_tag=_text(card.get("pipeline_tag")),
        library_name=_text(card.get("library_name")),
        tags=tuple(filter(None, map(_text, tags))) if isinstance(tags, list) else (),
    )


def _text(value: object) -> str | None:
    """`value` where it is text that can be written out again; YAML can spell half a character."""
    if not isinstance(value, str) or any("\ud800" <= char <= "\udfff" for char in value):
        return None
    return value or None
