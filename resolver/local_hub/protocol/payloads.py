"""Bodies of model info and listings as the Hub writes them. Pure.

Source of the property names: `ExpandModelProperty_T` of huggingface_hub 2.4 and the Hub's own error text; of the key
sets without `expand`: recorded answers.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

import msgspec

from resolver.local_hub.catalog.catalog import HubRepo, default_object_id
from resolver.local_hub.catalog.contents import git_sha1, is_lfs, lfs_pointer, paths_of, sha256
from resolver.local_hub.protocol.extract import derive_extract

_ABSENT: Final = object()

INFO_EXPANDS: Final = (
    "author", "baseModels", "cardData", "childrenModelCount", "config", "createdAt", "disabled", "downloads",
    "downloadsAllTime", "evalResults", "gated", "gguf", "inference", "inferenceProviderMapping", "lastModified",
    "library_name", "likes", "mask_token", "model-index", "pipeline_tag", "private", "resourceGroup", "safetensors",
    "sha", "siblings", "spaces", "tags", "transformersInfo", "trendingScore", "usedStorage", "widgetData", "xetEnabled",
)  # fmt: skip
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


def expand_problem(asked: tuple[str, ...], known: tuple[str, ...]) -> str | None:
    """The Hub's complaint about the first value of `expand` that it does not know, None where all are known."""
    for index, name in enumerate(asked):
        if name not in known:
            expected = "|".join(f'"{option}"' for option in known)
            return f"Invalid option: expected one of {expected} at expand[{index}]"
    return None


def info_keys(expand: tuple[str, ...]) -> tuple[str, ...]:
    """The keys of a model info body: those asked for after `_id` and `id`, or all."""
    return ("_id", "id", *expand) if expand else _INFO_KEYS


def item_keys(expand: tuple[str, ...], *, full: bool, config: bool, card: bool) -> tuple[str, ...]:
    """The keys of a listing's items."""
    if expand:
        return ("_id", "id", *expand)
    keys = _FULL_ITEM_KEYS if full else _ITEM_KEYS
    return (*keys, *(("config",) if config else ()), *(("cardData",) if card or full else ()))


def build_body(repo: HubRepo, commit_hash: str, keys: tuple[str, ...]) -> bytes:
    """The JSON object of these keys; properties without a value are left out."""
    body = {}
    for key in keys:
        value = _PROPERTIES[key](repo, commit_hash) if key in _PROPERTIES else _ABSENT
        if value is not _ABSENT:
            body[key] = value
    return msgspec.json.encode(body)


def siblings_with_blobs(files: Mapping[str, bytes], lfs_threshold_bytes: int) -> list[dict[str, Any]]:
    """The `siblings` of `blobs=true`: sizes and hashes beside the names."""
    siblings: list[dict[str, Any]] = []
    for path in paths_of(files):
        content = files[path]
        sibling: dict[str, Any] = {"rfilename": path, "size": len(content)}
        if is_lfs(path, len(content), lfs_threshold_bytes):
            pointer = lfs_pointer(content)
            sibling["blobId"] = git_sha1(pointer)
            sibling["lfs"] = {"sha256": sha256(content), "size": len(content), "pointerSize": len(pointer)}
        else:
            sibling["blobId"] = git_sha1(content)
        siblings.append(sibling)
    return siblings


def count_for(repo_id: str, what: str, below: int) -> int:
    """A number that looks like a statistic and is the same every time."""
    return zlib.crc32(f"{what}:{repo_id}".encode()) % below


def downloads(repo: HubRepo) -> int:
    """Made-up downloads of the last 30 days."""
    return count_for(repo.id, "downloads", 1_000_000)


def likes(repo: HubRepo) -> int:
    """Made-up likes."""
    return count_for(repo.id, "likes", 5_000)


def trending_score(repo: HubRepo) -> int:
    """A made-up trending score."""
    return count_for(repo.id, "trending", 100)


def format_time(moment: datetime) -> str:
    """A time as the Hub writes it, such as `2024-02-19T11:06:12.000Z`."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.000Z")


@lru_cache(maxsize=4096)
def _siblings(paths: tuple[str, ...]) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode([{"rfilename": path} for path in paths]))


def _or_absent(value: object) -> object:
    return _ABSENT if value is None else value


def _extract(repo: HubRepo, commit_hash: str) -> Mapping[str, Any]:
    return repo.extract if repo.extract is not None else derive_extract(repo.commits[commit_hash])


_PROPERTIES: Final[Mapping[str, Callable[[HubRepo, str], object]]] = {
    "_id": lambda repo, _: repo.object_id or default_object_id(repo.id),
    "id": lambda repo, _: repo.id,
    "modelId": lambda repo, _: repo.id,
    "author": lambda repo, _: _or_absent(repo.owner),
    "cardData": lambda repo, _: _or_absent(repo.card),
    "config": _extract,
    "createdAt": lambda repo, _: format_time(repo.created_at),
    "disabled": lambda repo, _: repo.disabled,
    "downloads": lambda repo, _: downloads(repo),
    "downloadsAllTime": lambda repo, _: downloads(repo) * 12,
    "gated": lambda repo, _: repo.gated or False,
    "gguf": lambda repo, _: _or_absent(repo.gguf),
    "lastModified": lambda repo, _: format_time(repo.modified_at),
    "library_name": lambda repo, _: _or_absent(repo.library_name),
    "likes": lambda repo, _: likes(repo),
    "model-index": lambda _repo, _: None,
    "pipeline_tag": lambda repo, _: _or_absent(repo.pipeline_tag),
    "private": lambda repo, _: repo.private,
    "safetensors": lambda repo, _: _or_absent(repo.safetensors),
    "sha": lambda _repo, commit_hash: commit_hash,
    "siblings": lambda repo, commit_hash: _siblings(paths_of(repo.commits[commit_hash])),
    "spaces": lambda _repo, _: [],
    "tags": lambda repo, _: repo.tags,
    "transformersInfo": lambda repo, _: _or_absent(repo.transformers_info),
    "trendingScore": lambda repo, _: trending_score(repo),
    "usedStorage": lambda repo, _: count_for(repo.id, "storage", 10_000_000_000),
    "xetEnabled": lambda _repo, _: False,
}
"""Properties that `INFO_EXPANDS` names and that are missing here never have a value."""
