"""Parses rows of a JSONL file into repos. Pure; `readers` opens the files."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, Final, Literal

import msgspec

from resolver.local_hub.catalog.card import CARD, build_metadata, render_header
from resolver.local_hub.catalog.catalog import EPOCH, MAIN, HubRepo
from resolver.local_hub.catalog.contents import RowFiles, encode_content
from resolver.local_hub.errors import CatalogError

_NULL: Final = msgspec.Raw(b"null")


class HubMetadata(msgspec.Struct, rename={"transformers_info": "transformersInfo"}):
    """Metadata that the Hub computes itself; used where the row has no value of its own."""

    pipeline_tag: str | None = None
    library_name: str | None = None
    transformers_info: msgspec.Raw = _NULL
    gguf: msgspec.Raw = _NULL


class RepoRow(msgspec.Struct):
    """A repo as one JSON object. Other keys (labels, sources) are ignored.

    `config`, `model_index` and `adapter_config` are the contents of the files of that name. `siblings` are all paths
    in the repo. `files` holds further contents: path → text or JSON value. `extract` overrides the API's `config`.
    `aliases` are former ids of the repo.
    """

    id: str
    sha: str | None = None
    siblings: tuple[str, ...] = ()
    config: msgspec.Raw = _NULL
    model_index: msgspec.Raw = _NULL
    adapter_config: msgspec.Raw = _NULL
    files: dict[str, msgspec.Raw] = {}
    pipeline_tag: str | None = None
    library_name: str | None = None
    tags: tuple[str, ...] = ()
    hub: HubMetadata | None = None
    extract: msgspec.Raw = _NULL
    gguf: msgspec.Raw = _NULL
    safetensors: msgspec.Raw = _NULL
    card: msgspec.Raw = _NULL
    gated: Literal["auto", "manual", False] | None = None
    private: bool = False
    disabled: bool = False
    author: str | None = None
    created_at: datetime | None = None
    modified_at: datetime | None = None
    repo_type: Literal["model", "dataset", "space"] = "model"
    aliases: tuple[str, ...] = ()


class _TypedConfig(msgspec.Struct):
    model_type: str | None = None


_decode_model_type: Final = msgspec.json.Decoder(_TypedConfig | None).decode
_decode_row: Final = msgspec.json.Decoder(RepoRow).decode


class RowReader:
    """Parses rows into repos; equal parts of many rows (paths, tags, small objects) are stored once."""

    def __init__(self) -> None:
        self._tuples: dict[tuple[str, ...], tuple[str, ...]] = {}
        self._objects: dict[bytes, Mapping[str, Any]] = {}
        self._headers: dict[tuple[object, ...], bytes] = {}

    def parse(self, line: bytes) -> tuple[HubRepo, tuple[str, ...]]:
        """The repo of one JSON line, and its former ids.

        Raises:
            CatalogError: the line is not a JSON object of the expected shape.
        """
        try:
            row = _decode_row(line)
            return self._build_repo(row), row.aliases
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise CatalogError(f"the row does not describe a repo: {error}") from error

    def _build_repo(self, row: RepoRow) -> HubRepo:
        contents: dict[str, bytes] = {path: _encode_file(raw) for path, raw in row.files.items()}
        for path, raw in (
            ("config.json", row.config),
            ("model_index.json", row.model_index),
            ("adapter_config.json", row.adapter_config),
        ):
            if raw != _NULL:
                contents.setdefault(path, bytes(raw))
        paths = row.siblings
        if any(path not in paths for path in contents):
            paths = (*paths, *(path for path in contents if path not in paths))
        metadata = row.hub or HubMetadata()
        commit_hash = row.sha or hashlib.sha1(repr((row.id, contents)).encode(), usedforsecurity=False).hexdigest()
        if CARD in paths and CARD not in contents:
            contents[CARD] = self._build_card(row)
        return HubRepo(
            id=row.id,
            commits={commit_hash: RowFiles(row.id, self._tuples.setdefault(paths, paths), contents)},
            branches={MAIN: commit_hash},
            repo_type=row.repo_type,
            author=row.author,
            pipeline_tag=row.pipeline_tag or metadata.pipeline_tag,
            library_name=row.library_name or metadata.library_name,
            tags=self._tuples.setdefault(row.tags, row.tags),
            extract=self._decode_object(row.extract),
            transformers_info=self._decode_object(metadata.transformers_info),
            gguf=self._decode_object(row.gguf if row.gguf != _NULL else metadata.gguf),
            safetensors=self._decode_object(row.safetensors),
            card=self._decode_object(row.card),
            gated=row.gated or None,
            private=row.private,
            disabled=row.disabled,
            created_at=row.created_at or EPOCH,
            modified_at=row.modified_at or row.created_at or EPOCH,
        )

    def _build_card(self, row: RepoRow) -> bytes:
        """The card of the row's `card`, else that of its own library, task and tags; equal headers are made once."""
        model_type = _find_model_type(row.config)
        key = (bytes(row.card), row.library_name, row.pipeline_tag, row.tags, model_type)
        header = self._headers.get(key)
        if header is None:
            card = self._decode_object(row.card)
            hub_task = row.hub.pipeline_tag if row.hub is not None else None
            added = (row.library_name, row.pipeline_tag, hub_task, model_type)
            header = self._headers[key] = render_header(
                card if card is not None else build_metadata(row.library_name, row.pipeline_tag, row.tags, added)
            )
        return header + f"# {row.id}\n".encode()

    def _decode_object(self, raw: msgspec.Raw) -> Mapping[str, Any] | None:
        if raw == _NULL:
            return None
        key = bytes(raw)
        if key not in self._objects:
            self._objects[key] = msgspec.json.decode(key, type=dict[str, Any])
        return self._objects[key]


def _find_model_type(config: msgspec.Raw) -> str | None:
    """The `model_type` of a config; the Hub adds it as a tag."""
    try:
        found: _TypedConfig | None = _decode_model_type(config)
    except msgspec.ValidationError:
        return None
    return found.model_type if found is not None else None


def _encode_file(raw: msgspec.Raw) -> bytes:
    """The bytes of a file: the text of a JSON string, or any other JSON value as it is written."""
    content = bytes(raw)
    return encode_content(msgspec.json.decode(content)) if content.startswith(b'"') else content


def repos_from_rows(rows: Iterable[Mapping[str, Any]]) -> Iterator[HubRepo]:
    """The repos of rows that are Python objects; their `aliases` are ignored.

    Raises:
        CatalogError: a row does not have the expected shape.
    """
    reader = RowReader()
    for row in rows:
        yield reader.parse(msgspec.json.encode(row))[0]
