"""Reads values from a model's config; the names of its fields differ between model types. Pure."""

from __future__ import annotations

from typing import Any


def get_first(config: object, *names: str, default: Any = None) -> Any:
    """The first of these attributes that the config has and that is not None, else `default`; a name may be dotted."""
    for name in names:
        value: Any = config
        for part in name.split("."):
            value = value.get(part) if isinstance(value, dict) else getattr(value, part, None)
            if value is None:
                break
        if value is not None:
            return value
    return default


def get_number(config: object, *names: str, default: int | None = None) -> int:
    """The same as `get_first`, as an integer.

    Raises:
        AttributeError: the config has none of the attributes, and there is no default.
    """
    value = get_first(config, *names, default=default)
    if value is None:
        raise AttributeError(f"the config {type(config).__name__} has none of {', '.join(names)}")
    return int(value)


def get_image_size(config: object, *names: str, default: int) -> tuple[int, int]:
    """Height and width of an image. The field is one number, a pair, or {"height", "width"}."""
    value = get_first(config, *names, default=default)
    if isinstance(value, dict):
        return int(value["height"]), int(value["width"])
    if isinstance(value, (list, tuple)):
        return (int(value[0]), int(value[1])) if len(value) > 1 else (int(value[0]), int(value[0]))
    return int(value), int(value)


def choose_token_range(config: object) -> tuple[int, int]:
    """(low, high) of a range of token ids without special tokens; `high` is not included."""
    vocab_size = get_number(config, "vocab_size", default=32)
    names = ("pad_token_id", "bos_token_id", "eos_token_id", "decoder_start_token_id", "sep_token_id", "cls_token_id")
    special: set[int] = set()
    for name in (*names, "mask_token_id", "image_token_id", "image_token_index"):
        value = get_first(config, name)
        special.update(item for item in (value if isinstance(value, (list, tuple)) else (value,)) if _is_token_id(item))
    low = max((item + 1 for item in special if item < vocab_size // 2), default=0)
    high = min((item for item in special if vocab_size // 2 <= item < vocab_size), default=vocab_size)
    return (low, high) if low < high else (0, vocab_size)


def _is_token_id(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
