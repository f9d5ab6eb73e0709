"""Reads catalogs from disk: a JSONL file of repos, plain or gzipped, or a folder of model folders."""

from __future__ import annotations

import gzip
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec
import yaml  # type: ignore[import-untyped, unused-ignore]

from resolver.local_hub.catalog.catalog import MAIN, Catalog, HubRepo
from resolver.local_hub.catalog.contents import hash_commit
from resolver.local_hub.catalog.jsonl import RowReader
from resolver.local_hub.catalog.safetensors_counts import count_parameters
from resolver.local_hub.errors import CatalogError

_MANIFESTS: Final = ("config.json", "model_index.json", "adapter_config.json", "modules.json")
_SKIPPED_FOLDERS: Final = (".git", ".cache", "__pycache__")
_MAX_IN_MEMORY_BYTES: Final = 1 << 20
"""Larger files stay on disk."""


def read_jsonl(path: str | Path) -> Catalog:
    """The catalog of a JSONL file, one repo in each line; blank lines are skipped. A `.gz` file is gzipped.

    Raises:
        CatalogError: a line does not describe a repo; the message names the file and the line.
        OSError: the file cannot be read.
    """
    path = Path(path)
    catalog, reader = Catalog(), RowReader()
    former_ids: list[tuple[str, str]] = []
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            if line.isspace():
                continue
            try:
                repo, aliases = reader.parse(line)
                catalog.add(repo)
            except CatalogError as error:
                raise CatalogError(f"{path}, line {number}: {error}") from error
            former_ids.extend((alias, repo.id) for alias in aliases)
    for alias, repo_id in former_ids:
        catalog.alias(alias, repo_id)
    return catalog


def read_folder(path: str | Path) -> Catalog:
    """The catalog of a folder that holds `ORG/NAME/` or `NAME/` folders with files in them.

    Library, pipeline tag and tags are read from the front matter of README.md.

    Raises:
        CatalogError: the folder is missing, is itself a model folder, or holds no model folder.
    """
    root = Path(path)
    if not root.is_dir():
        raise CatalogError(f"{root} is not a folder")
    if any((root / name).is_file() for name in _MANIFESTS):
        raise CatalogError(f"{root} is itself a model folder; name the folder that contains it")
    catalog = Catalog(_build_repo(repo_id, folder) for repo_id, folder in _find_model_folders(root))
    if not len(catalog):
        raise CatalogError(f"{root} holds no model folders; ORG/NAME or NAME folders with files in them are expected")
    return catalog


class DiskFiles(Mapping[str, bytes]):
    """The files of a folder; small ones are read at once, large ones on each access."""

    __slots__ = ("_folder", "_large", "_small")

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._small: dict[str, bytes] = {}
        self._large: dict[str, None] = {}
        for file in _walk_files(folder):
            name = file.relative_to(folder).as_posix()
            if file.stat().st_size <= _MAX_IN_MEMORY_BYTES:
                self._small[name] = file.read_bytes()
            else:
                self._large[name] = None

    def __getitem__(self, path: str) -> bytes:
        return (self._folder / path).read_bytes() if path in self._large else self._small[path]

    def __contains__(self, path: object) -> bool:
        return path in self._small or path in self._large

    def __iter__(self) -> Iterator[str]:
        return iter(sorted((*self._small, *self._large)))

    def __len__(self) -> int:
        return len(self._small) + len(self._large)


def _find_model_folders(root: Path) -> Iterator[tuple[str, Path]]:
    for outer in _list_folders(root):
        if any(entry.is_file() for entry in outer.iterdir()):
            yield outer.name, outer
        else:
            for inner in _list_folders(outer):
                if next(_walk_files(inner), None) is not None:
                    yield f"{outer.name}/{inner.name}", inner


def _list_folders(folder: Path) -> list[Path]:
    return sorted(entry for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith("."))


def _walk_files(folder: Path) -> Iterator[Path]:
    for entry in sorted(folder.iterdir()):
        if entry.is_dir():
            if entry.name not in _SKIPPED_FOLDERS:
                yield from _walk_files(entry)
        elif entry.is_file():
            yield entry


def _build_repo(repo_id: str, folder: Path) -> HubRepo:
    files = DiskFiles(folder)
    commit_hash = hash_commit(repo_id, files)
    card = parse_front_matter(files["README.md"]) if "README.md" in files else None
    fields = card or {}
    pipeline_tag, library_name, tags = fields.get("pipeline_tag"), fields.get("library_name"), fields.get("tags")
    card_tags = [tag for tag in tags if isinstance(tag, str)] if isinstance(tags, list) else []
    pipeline_tag = pipeline_tag if isinstance(pipeline_tag, str) else None
    library_name = library_name if isinstance(library_name, str) else None
    counts = count_parameters(folder)
    implied_tags = [tag for tag in (library_name, pipeline_tag) if tag is not None]
    return HubRepo(
        id=repo_id,
        commits={commit_hash: files},
        branches={MAIN: commit_hash},
        pipeline_tag=pipeline_tag,
        library_name=library_name,
        tags=tuple(dict.fromkeys((*implied_tags, *card_tags))),
        card=card,
        safetensors={"parameters": counts, "total": sum(counts.values())} if counts else None,
    )


def parse_front_matter(readme: bytes) -> dict[str, Any] | None:
    """The YAML front matter of a model card as JSON values; None where it is missing or does not parse."""
    text = readme.decode("utf-8", "replace").removeprefix("\ufeff").replace("\r\n", "\n")
    if not text.startswith("---\n"):
        return None
    header, end, _ = text[4:].partition("\n---")
    if not end:
        return None
    try:
        loaded = yaml.safe_load(header)
        return msgspec.to_builtins(loaded, str_keys=True) if isinstance(loaded, dict) else None
    except (yaml.YAMLError, msgspec.MsgspecError, TypeError):
        return None
