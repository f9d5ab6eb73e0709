"""Builds the JSON of model info and of listings. Pure.

Source of the property names: `ExpandModelProperty_T` of huggingface_hub 2.4 and the Hub's own error text; of the key
sets without `expand`: recorded responses.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

import msgspec

from resolver.local_hub.catalog.catalog import HubRepo, derive_object_id
from resolver.local_hub.catalog.contents import build_lfs_pointer, hash_git_blob, hash_sha256, is_lfs, list_paths
from resolver.local_hub.protocol.extract import build_extract

_ABSENT: Final = object()
"""Marks a property that is left out of the body."""

INFO_EXPANDS: Final = (
    "author", "baseModels", "cardData", "childrenModelCount", "config", "createdAt", "disabled", "downloads",
    "downloadsAllTime", "evalResults", "gated", "gguf", "inference", "inferenceProviderMapping", "lastModified",
    "library_name", "likes", "mask_token", "model-index", "pipeline_tag", "private", "resourceGroup", "safetensors",
    "sha", "siblings", "spaces", "tags", "transformersInfo", "trendingScore", "usedStorage", "widgetData", "xetEnabled",
)  # fmt: skip
"""Values of `expand` that model info accepts."""
LISTING_EXPANDS: Final = tuple(name for name in INFO_EXPANDS if name != "usedStorage")

_INFO_KEYS: Final = (
    "_id", "id", "private", "pipeline_tag", "library_name", "tags", "downloads", "likes", "modelId", "author", "sha",
    "lastModified", "gated", "disabled", "model-index", "config", "cardData", "transformersInfo", "gguf", "siblings",
    "spaces", "createdAt", "safetensors", "usedStorage",
)  # fmt: skip
_ITEM_KEYS: Final = (
    "_id", "id", "likes", "trendingScore", "private", "downloads", "tags", "pipeline_tag", "library_name", "createdAt",
    "modelId",
)  # fmt: skip
_FULL_ITEM_KEYS: Final = (*_ITEM_KEYS, "author", "sha", "lastModified", "gated", "disabled", "siblings")


def check_expand(expand: tuple[str, ...], valid: tuple[str, ...]) -> str | None:
    """The Hub's error text for the first invalid value of `expand`; None where all are valid."""
    for index, name in enumerate(expand):
        if name not in valid:
            expected = "|".join(f'"{option}"' for option in valid)
            return f"Invalid option: expected one of {expected} at expand[{index}]"
    return None


def choose_info_keys(expand: tuple[str, ...]) -> tuple[str, ...]:
    """The keys of a model info body: `_id`, `id` and the requested ones, or all."""
    return ("_id", "id", *expand) if expand else _INFO_KEYS


def choose_item_keys(expand: tuple[str, ...], *, full: bool, config: bool, card: bool) -> tuple[str, ...]:
    """The keys of the items of a listing."""
    if expand:
        return ("_id", "id", *expand)
    keys = _FULL_ITEM_KEYS if full else _ITEM_KEYS
    return (*keys, *(("config",) if config else ()), *(("cardData",) if card or full else ()))


def build_body(repo: HubRepo, commit_hash: str, keys: tuple[str, ...]) -> bytes:
    """The JSON object with these keys; properties without a value are left out."""
    body = {}
    for key in keys:
        value = _PROPERTIES[key](repo, commit_hash) if key in _PROPERTIES else _ABSENT
        if value is not _ABSENT:
            body[key] = value
    return msgspec.json.encode(body)


def build_siblings_with_blobs(files: Mapping[str, bytes], lfs_threshold_bytes: int) -> list[dict[str, Any]]:
    """The `siblings` for `blobs=true`: names, sizes and hashes."""
    siblings: list[dict[str, Any]] = []
    for path in list_paths(files):
        content = files[path]
        sibling: dict[str, Any] = {"rfilename": path, "size": len(content)}
        if is_lfs(path, len(content), lfs_threshold_bytes):
            pointer = build_lfs_pointer(content)
            sibling["blobId"] = hash_git_blob(pointer)
            sibling["lfs"] = {"sha256": hash_sha256(content), "size": len(content), "pointerSize": len(pointer)}
        else:
            sibling["blobId"] = hash_git_blob(content)
        siblings.append(sibling)
    return siblings


def derive_count(repo_id: str, statistic: str, limit: int) -> int:
    """A synthetic statistic below a limit; the same for each repo every time."""
    return zlib.crc32(f"{statistic}:{repo_id}".encode()) % limit


def derive_downloads(repo: HubRepo) -> int:
    """A synthetic number of downloads of the last 30 days."""
    return derive_count(repo.id, "downloads", 1_000_000)


def derive_likes(repo: HubRepo) -> int:
    """A synthetic number of likes."""
    return derive_count(repo.id, "likes", 5_000)


def derive_trending_score(repo: HubRepo) -> int:
    """A synthetic trending score."""
    return derive_count(repo.id, "trending", 100)


def format_time(moment: datetime) -> str:
    """A time as the Hub writes it, such as `2024-02-19T11:06:12.000Z`."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.000Z")


@lru_cache(maxsize=4096)
def _encode_siblings(paths: tuple[str, ...]) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode([{"rfilename": path} for path in paths]))


def _absent_if_none(value: object) -> object:
    return _ABSENT if value is None else value


def _get_extract(repo: HubRepo, commit_hash: str) -> Mapping[str, Any]:
    return repo.extract if repo.extract is not None else build_extract(repo.commits[commit_hash])


_PROPERTIES: Final[Mapping[str, Callable[[HubRepo, str], object]]] = {
    "_id": lambda repo, _: repo.object_id or derive_object_id(repo.id),
    "id": lambda repo, _: repo.id,
    "modelId": lambda repo, _: repo.id,
    "author": lambda repo, _: _absent_if_none(repo.owner),
    "cardData": lambda repo, _: _absent_if_none(repo.card),
    "config": _get_extract,
    "createdAt": lambda repo, _: format_time(repo.created_at),
    "disabled": lambda repo, _: repo.disabled,
    "downloads": lambda repo, _: derive_downloads(repo),
    "downloadsAllTime": lambda repo, _: derive_downloads(repo) * 12,
    "gated": lambda repo, _: repo.gated or False,
    "gguf": lambda repo, _: _absent_if_none(repo.gguf),
    "lastModified": lambda repo, _: format_time(repo.modified_at),
    "library_name": lambda repo, _: _absent_if_none(repo.library_name),
    "likes": lambda repo, _: derive_likes(repo),
    "model-index": lambda _repo, _: None,
    "pipeline_tag": lambda repo, _: _absent_if_none(repo.pipeline_tag),
    "private": lambda repo, _: repo.private,
    "safetensors": lambda repo, _: _absent_if_none(repo.safetensors),
    "sha": lambda _repo, commit_hash: commit_hash,
    "siblings": lambda repo, commit_hash: _encode_siblings(list_paths(repo.commits[commit_hash])),
    "spaces": lambda _repo, _: [],
    "tags": lambda repo, _: repo.tags,
    "transformersInfo": lambda repo, _: _absent_if_none(repo.transformers_info),
    "trendingScore": lambda repo, _: derive_trending_score(repo),
    "usedStorage": lambda repo, _: derive_count(repo.id, "storage", 10_000_000_000),
    "xetEnabled": lambda _repo, _: False,
}
"""Builds the value of each property; those of `INFO_EXPANDS` that are missing here never have a value."""
