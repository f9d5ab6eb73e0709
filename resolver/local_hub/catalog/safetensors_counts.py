"""Counts the parameters in a folder's safetensors files by type, as the Hub does for model info."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from contextlib import suppress
from pathlib import Path

_WEIGHTS = re.compile(r"model(-\d+-of-\d+)?\.safetensors")

_MAX_HEADER_BYTES = 100_000_000
"""The longest header that safetensors reads (safetensors 0.8, `tensor.rs`)."""


def count_parameters(folder: Path) -> dict[str, int]:
    """How many parameters of each type the model's files at the root of the folder hold; empty without any."""
    counts = Counter[str]()
    for file in sorted(folder.iterdir()):
        if _WEIGHTS.fullmatch(file.name):
            with suppress(ValueError, KeyError, TypeError, AttributeError):
                counts += _count_in_file(file)
    return dict(counts)


def _count_in_file(path: Path) -> Counter[str]:
    with path.open("rb") as file:
        header_bytes = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(min(header_bytes, _MAX_HEADER_BYTES)))
    counts = Counter[str]()
    for name, tensor in header.items():
        if name != "__metadata__":
            counts[tensor["dtype"]] += math.prod(tensor["shape"])
    return counts
