"""Parses rows of a snapshot of model infos: as the Hub's API gives them, as `dataclasses.asdict` makes them of
huggingface_hub's `ModelInfo`, or with columns that hold JSON text. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from registry.facts import ALL_FILES, COMMIT, TAGS, derive_unknown_commit
from resolver.errors import HubResponseError
from resolver.hub.lenient_json import UnusableJsonError, parse_json
from resolver.hub.payloads import MAX_FIELD_BYTES, MAX_FILES, MAX_INFO_BYTES, ModelInfo, build_model_info

COLUMNS = (
    *("id", "modelId", "sha", "pipeline_tag", "library_name", "tags", "siblings", "config", "gguf", "gated", "private"),
    *("disabled", "transformersInfo", "transformers_info", "cardData", "card_data", "safetensors"),
)
"""The columns that are read; all but one of the first two may be missing."""

_API_NAMES = {"transformers_info": "transformersInfo", "card_data": "cardData"}
"""Field of huggingface_hub's `ModelInfo` -> the API's name of it."""

_NESTED = frozenset(("tags", "siblings", "config", "gguf", "transformersInfo", "cardData", "safetensors"))
"""Columns that may hold JSON text in place of nested values."""

_FLAGS = frozenset(("gated", "private", "disabled"))
_FLAG_TEXTS = {"true": True, "false": False, "": False}


class UnusableRowError(ValueError):
    """A row that says nothing about a repo; the message says why in a few words."""


class SnapshotInfo(Struct, frozen=True, kw_only=True, gc=False):
    """Model info of a row, and what the row does not have of it, as in `CommitFacts.unseen`."""

    info: ModelInfo
    unseen: tuple[str, ...] = ()


def parse_snapshot_row(row: Mapping[str, Any]) -> SnapshotInfo:
    """The model info of a row, as far as it goes; a value that cannot be used counts as missing.

    Raises:
        UnusableRowError: the row names no repo, or a commit that cannot be one.
    """
    payload = {name: value for key, value in row.items() if (name := _API_NAMES.get(key, key)) in COLUMNS}
    for name in _NESTED & payload.keys():
        payload[name] = _unfold(payload[name], MAX_INFO_BYTES if name == "siblings" else MAX_FIELD_BYTES)
    for name in _FLAGS & payload.keys():
        value = payload[name]
        payload[name] = _FLAG_TEXTS.get(value.lower(), value) if isinstance(value, str) else value
    unseen = []
    if payload.get("sha") is None:
        payload["sha"] = derive_unknown_commit(repr(sorted(payload.items())).encode("utf-8", "replace"))
        unseen.append(COMMIT)
    siblings = payload.get("siblings")
    if not isinstance(siblings, list):
        unseen.append(ALL_FILES)
    elif len(siblings) > MAX_FILES:
        raise UnusableRowError(f"it names more than {MAX_FILES:,} files")
    elif siblings and isinstance(siblings[0], str):
        payload["siblings"] = [{"rfilename": name} for name in siblings]
    if not isinstance(payload.get("tags"), list):
        unseen.append(TAGS)
    try:
        return SnapshotInfo(info=build_model_info(payload), unseen=tuple(unseen))
    except HubResponseError as error:
        raise UnusableRowError(str(error).removeprefix("model info ")) from None


def _unfold(value: Any, max_bytes: int) -> Any:
    """A nested value without the nulls that a table has for what a row lacks; parsed where it is JSON text."""
    if isinstance(value, str):
        if len(value) > max_bytes:
            return None
        try:
            value = parse_json(value.encode("utf-8", "replace"))
        except UnusableJsonError:
            return None
    return _drop_nulls(value) if isinstance(value, dict) else value


def _drop_nulls(value: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: _drop_nulls(item) if isinstance(item, dict) else item for key, item in value.items() if item is not None
    }
