"""One line of a JSONL of repos, and the repo it describes. Pure; opening files is left to `readers`."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, Final, Literal

import msgspec

from resolver.local_hub.catalog.catalog import EPOCH, MAIN, HubRepo
from resolver.local_hub.catalog.contents import RowFiles, to_bytes
from resolver.local_hub.errors import CatalogError

_NULL: Final = msgspec.Raw(b"null")


class HubSays(msgspec.Struct, rename={"transformers_info": "transformersInfo"}):
    """What the Hub itself would add to a row."""

    pipeline_tag: str | None = None
    library_name: str | None = None
    transformers_info: msgspec.Raw = _NULL


class RepoRow(msgspec.Struct):
    """A repo as one JSON object. Keys that are not listed here (labels, sources) are left alone.

    `config` and `model_index` are the contents of the files of that name. `siblings` are all paths in the repo.
    `files` gives further contents, path → text or JSON value. `extract` overrides the API's `config`.
    """

    id: str
    sha: str | None = None
    siblings: tuple[str, ...] = ()
    config: msgspec.Raw = _NULL
    model_index: msgspec.Raw = _NULL
    files: dict[str, msgspec.Raw] = {}
    pipeline_tag: str | None = None
    library_name: str | None = None
    tags: tuple[str, ...] = ()
    hub: HubSays | None = None
    extract: msgspec.Raw = _NULL
    gguf: msgspec.Raw = _NULL
    safetensors: msgspec.Raw = _NULL
    card: msgspec.Raw = _NULL
    gated: Literal["auto", "manual", False] | None = None
    private: bool = False
    disabled: bool = False
    author: str | None = None
    created_at: datetime | None = None
    repo_type: Literal["model", "dataset", "space"] = "model"
    aliases: tuple[str, ...] = ()


_decode_row: Final = msgspec.json.Decoder(RepoRow).decode


class RowReader:
    """Turns rows into repos; equal parts of many rows (paths, tags, small objects) are kept once."""

    def __init__(self) -> None:
        self._tuples: dict[tuple[str, ...], tuple[str, ...]] = {}
        self._objects: dict[bytes, Mapping[str, Any]] = {}

    def parse(self, line: bytes) -> tuple[HubRepo, tuple[str, ...]]:
        """The repo of one JSON line, and the former ids that lead to it.

        Raises:
            CatalogError: the line is not a JSON object of the expected shape.
        """
        try:
            row = _decode_row(line)
            return self._repo(row), row.aliases
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise CatalogError(f"not a repo row: {error}") from error

    def _repo(self, row: RepoRow) -> HubRepo:
        given: dict[str, bytes] = {path: _file_content(raw) for path, raw in row.files.items()}
        for path, raw in (("config.json", row.config), ("model_index.json", row.model_index)):
            if raw != _NULL:
                given.setdefault(path, bytes(raw))
        paths = row.siblings
        if any(path not in paths for path in given):
            paths = (*paths, *(path for path in given if path not in paths))
        hub = row.hub or HubSays()
        commit_hash = row.sha or hashlib.sha1(repr((row.id, given)).encode(), usedforsecurity=False).hexdigest()
        return HubRepo(
            id=row.id,
            commits={commit_hash: RowFiles(row.id, self._tuples.setdefault(paths, paths), given)},
            branches={MAIN: commit_hash},
            repo_type=row.repo_type,
            author=row.author,
            pipeline_tag=row.pipeline_tag or hub.pipeline_tag,
            library_name=row.library_name or hub.library_name,
            tags=self._tuples.setdefault(row.tags, row.tags),
            extract=self._object(row.extract),
            transformers_info=self._object(hub.transformers_info),
            gguf=self._object(row.gguf),
            safetensors=self._object(row.safetensors),
            card=self._object(row.card),
            gated=row.gated or None,
            private=row.private,
            disabled=row.disabled,
            created_at=row.created_at or EPOCH,
        )

    def _object(self, raw: msgspec.Raw) -> Mapping[str, Any] | None:
        if raw == _NULL:
            return None
        key = bytes(raw)
        if key not in self._objects:
            self._objects[key] = msgspec.json.decode(key, type=dict[str, Any])
        return self._objects[key]


def _file_content(raw: msgspec.Raw) -> bytes:
    """A JSON string is a file's text; anything else is the file's JSON."""
    content = bytes(raw)
    return to_bytes(msgspec.json.decode(content)) if content.startswith(b'"') else content


def repos_from_rows(rows: Iterable[Mapping[str, Any]]) -> Iterator[HubRepo]:
    """The repos of rows given as objects; former ids in them are not read.

    Raises:
        CatalogError: a row has not the expected shape.
    """
    reader = RowReader()
    for row in rows:
        yield reader.parse(msgspec.json.encode(row))[0]
