"""Parses what the Hub says of the size of a repo's weights. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_BYTES_BY_DTYPE: Mapping[str, int] = {
    **dict.fromkeys(("F64", "I64"), 8),
    "F32": 4,
    **dict.fromkeys(("F16", "BF16"), 2),
    **dict.fromkeys(("F8_E4M3", "F8_E5M2", "F8_E8M0", "BOOL"), 1),
}
"""Bytes of one value (safetensors 0.8, `tensor.rs`). Other types, the short integers, hold several packed values of a
quantised model each: the Hub counts the values before or after packing, so that their bytes are not known.
"""

_MAX_SIZE = 2**63


def parse_weight_size(payload: Mapping[str, Any]) -> tuple[int | None, int | None]:
    """The number of parameters and the bytes of the weights, from `safetensors` or `gguf` of model info; None for what
    is not known.

    The Hub counts the safetensors files at the root of a repo, which one model is loaded from. Of GGUF files, several
    of which are often one model each, it knows the parameters alone.
    """
    found, gguf = payload.get("safetensors"), payload.get("gguf")
    if not isinstance(found, dict):
        return (_as_size(gguf.get("total")) if isinstance(gguf, dict) else None), None
    counts = _as_counts(found.get("parameters"))
    total = _as_size(found.get("total"))
    return (total if total is not None else _as_size(sum(counts.values()))) or None, _compute_bytes(counts)


def _compute_bytes(counts: Mapping[str, int]) -> int | None:
    if not counts or not counts.keys() <= _BYTES_BY_DTYPE.keys():
        return None
    return _as_size(sum(count * _BYTES_BY_DTYPE[dtype] for dtype, count in counts.items()))


def _as_counts(value: Any) -> Mapping[str, int]:
    """How many values there are of each type; empty where one of them is no count."""
    if not isinstance(value, dict):
        return {}
    counts = {dtype: size for dtype, count in value.items() if (size := _as_size(count)) is not None}
    return counts if len(counts) == len(value) else {}


def _as_size(value: Any) -> int | None:
    # bool is a kind of int.
    return value if type(value) is int and 0 <= value < _MAX_SIZE else None
