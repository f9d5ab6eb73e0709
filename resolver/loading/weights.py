"""Chooses the weight files to load in a folder: one format, all of its shards, the requested variant. Pure.

File names as written by transformers 5.23 (`utils/__init__.py`, `modeling_utils._add_variant`), diffusers 0.42
(`utils/constants.py`, `models/model_loading_utils.py`) and peft 0.21 (`utils/constants.py`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

WeightName = tuple[str, str]
"""(stem, extension) of a library's weight file: ("model", "safetensors") for `model.safetensors` and its shards."""

TRANSFORMERS_WEIGHTS: tuple[WeightName, ...] = (("model", "safetensors"), ("pytorch_model", "bin"))
DIFFUSERS_WEIGHTS: tuple[WeightName, ...] = (
    ("diffusion_pytorch_model", "safetensors"),
    ("model", "safetensors"),
    ("diffusion_pytorch_model", "bin"),
    ("pytorch_model", "bin"),
)
ADAPTER_WEIGHTS: tuple[WeightName, ...] = (("adapter_model", "safetensors"), ("adapter_model", "bin"))
"""Each in order of preference: safetensors, which cannot hold code, before pickles."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightSet:
    """All files of one format that make up a model, with their index; `variant` is None for files without one."""

    filenames: tuple[str, ...]
    extension: str
    variant: str | None = None


def choose_weights(
    filenames: Iterable[str], weight_names: Iterable[WeightName], variant: str | None = None
) -> WeightSet | None:
    """The weights to load among the files of one folder: the first complete set in the order of `weight_names`.

    With `variant`, only weights of that variant. Without, those that have none, or else the only variant in the folder.
    None where there is no such set.
    """
    found = find_weight_sets(filenames, weight_names)
    matching = [item for item in found if item.variant == variant]
    if not matching and variant is None and len({item.variant for item in found}) == 1:
        matching = found
    return matching[0] if matching else None


def find_weight_sets(filenames: Iterable[str], weight_names: Iterable[WeightName]) -> list[WeightSet]:
    """Every complete set of weights in one folder, in the order of `weight_names`; a single file before shards."""
    filenames = tuple(filenames)
    return [item for weight_name in weight_names for item in _find_sets(filenames, weight_name)]


def _find_sets(filenames: tuple[str, ...], weight_name: WeightName) -> list[WeightSet]:
    stem, extension = weight_name
    # model[.fp16][-00001-of-00002][.fp16].safetensors[.index[.fp16].json]
    pattern = re.compile(
        rf"{stem}(?:\.(?P<first>\w+))?(?:-\d+-of-(?P<count>\d+))?(?:\.(?P<second>\w+))?\.{extension}"
        r"(?P<index>\.index(?:\.(?P<third>\w+))?\.json)?"
    )
    single: dict[str | None, list[str]] = {}
    shards: dict[str | None, dict[int, list[str]]] = {}
    indexes: dict[str | None, list[str]] = {}
    for filename in filenames:
        match = pattern.fullmatch(filename)
        if match is None:
            continue
        variant = match["first"] or match["second"] or match["third"]
        if match["index"]:
            indexes.setdefault(variant, []).append(filename)
        elif match["count"]:
            shards.setdefault(variant, {}).setdefault(int(match["count"]), []).append(filename)
        else:
            single.setdefault(variant, []).append(filename)
    sets = [WeightSet(filenames=(files[0],), extension=extension, variant=variant) for variant, files in single.items()]
    for variant, by_count in shards.items():
        # A repo may still hold the shards of an earlier, different split; the index names the ones to read.
        complete = [name for count, files in by_count.items() if len(files) == count for name in sorted(files)]
        if complete and variant in indexes:
            sets.append(WeightSet(filenames=(*indexes[variant], *complete), extension=extension, variant=variant))
    return sets
