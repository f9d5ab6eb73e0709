"""Builds the model card, `README.md`, that a repo's metadata amounts to. Pure.

On the Hub metadata comes from the card: its `library_name`, `pipeline_tag` and tags. What the Hub adds itself (formats
of the files, the model type, licences, languages as "key:value") is no part of a card's tags.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import yaml  # type: ignore[import-untyped, unused-ignore]

CARD: Final = "README.md"

_ADDED_TAGS: Final = frozenset({
    "pytorch", "tf", "jax", "safetensors", "onnx", "gguf", "openvino", "coreml", "tflite", "rust", "keras", "joblib",
    "tensorboard", "custom_code", "endpoints_compatible", "autotrain_compatible", "text-generation-inference",
    "text-embeddings-inference", "conversational",
})  # fmt: skip
"""Tags that the Hub adds to those of the card."""

_BASE_MODEL: Final = "base_model:"


def find_own_tags(tags: Sequence[str], *added: str | None) -> list[str]:
    """The tags that stand in the card itself; `added` are others that the Hub adds: library, task, model type."""
    return [tag for tag in tags if tag not in _ADDED_TAGS and tag not in added and ":" not in tag]


def find_base_models(tags: Sequence[str]) -> list[str]:
    """The base models that the card names, by the tags that the Hub makes of them."""
    names = (tag.removeprefix(_BASE_MODEL) for tag in tags if tag.startswith(_BASE_MODEL))
    return [name for name in names if ":" not in name]


def build_metadata(
    library_name: str | None, pipeline_tag: str | None, tags: Sequence[str], added: Sequence[str | None]
) -> dict[str, Any]:
    """The front matter of a card that these values of the Hub come from; `added` as in `find_own_tags`."""
    values = {
        "library_name": library_name,
        "pipeline_tag": pipeline_tag,
        "tags": find_own_tags(tags, *added),
        "base_model": find_base_models(tags),
    }
    return {name: value for name, value in values.items() if value}


def render_header(metadata: Mapping[str, Any]) -> bytes:
    """The front matter of a card; empty where there is no metadata."""
    if not metadata:
        return b""
    text = yaml.safe_dump(dict(metadata), sort_keys=False, allow_unicode=True)
    return f"---\n{text}---\n".encode()
