"""Which weight files of a folder to take: one format, all of its shards, the variant asked for. Pure.

File names as written by transformers 5.23 (`utils/__init__.py`, `modeling_utils._add_variant`), diffusers 0.42
(`utils/constants.py`, `models/model_loading_utils.py`) and peft 0.21 (`utils/constants.py`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

Kind = tuple[str, str]
"""(beginning, ending) of a weight file's name."""

TRANSFORMERS_KINDS: tuple[Kind, ...] = (("model", "safetensors"), ("pytorch_model", "bin"))
DIFFUSERS_KINDS: tuple[Kind, ...] = (
    ("diffusion_pytorch_model", "safetensors"),
    ("model", "safetensors"),
    ("diffusion_pytorch_model", "bin"),
    ("pytorch_model", "bin"),
)
ADAPTER_KINDS: tuple[Kind, ...] = (("adapter_model", "safetensors"), ("adapter_model", "bin"))
"""Each in the order of preference: files that cannot hold code before pickles."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightSet:
    """All files of one format that make up a model, its index included; `variant` is None for the plain one."""

    filenames: tuple[str, ...]
    ending: str
    variant: str | None = None


def choose_weights(names: Iterable[str], kinds: Iterable[Kind], variant: str | None = None) -> WeightSet | None:
    """The weights to take among the `names` of one folder, by the first of `kinds` that is complete.

    With `variant` only weights of that one count. Without, plain ones; where there are none, the only variant there is.
    """
    found = weight_sets(names, kinds)
    wanted = [item for item in found if item.variant == variant]
    if not wanted and variant is None and len({item.variant for item in found}) == 1:
        wanted = found
    return wanted[0] if wanted else None


def weight_sets(names: Iterable[str], kinds: Iterable[Kind]) -> list[WeightSet]:
    """Every complete set of weights among the `names` of one folder, in the order of `kinds`; one file comes first."""
    names = tuple(names)
    return [item for kind in kinds for item in _sets_of_kind(names, kind)]


def _sets_of_kind(names: tuple[str, ...], kind: Kind) -> list[WeightSet]:
    beginning, ending = kind
    # model[.fp16][-00001-of-00002][.fp16].safetensors[.index[.fp16].json]
    pattern = re.compile(
        rf"{beginning}(?:\.(?P<first>\w+))?(?:-\d+-of-(?P<count>\d+))?(?:\.(?P<second>\w+))?\.{ending}"
        r"(?P<index>\.index(?:\.(?P<third>\w+))?\.json)?"
    )
    single: dict[str | None, list[str]] = {}
    shards: dict[str | None, dict[int, list[str]]] = {}
    indexes: dict[str | None, list[str]] = {}
    for name in names:
        match = pattern.fullmatch(name)
        if match is None:
            continue
        variant = match["first"] or match["second"] or match["third"]
        if match["index"]:
            indexes.setdefault(variant, []).append(name)
        elif match["count"]:
            shards.setdefault(variant, {}).setdefault(int(match["count"]), []).append(name)
        else:
            single.setdefault(variant, []).append(name)
    sets = [WeightSet(filenames=(files[0],), ending=ending, variant=variant) for variant, files in single.items()]
    for variant, by_count in shards.items():
        # What was saved in fewer shards before may have been left; the index tells which are meant.
        complete = [name for count, files in by_count.items() if len(files) == count for name in sorted(files)]
        if complete and variant in indexes:
            sets.append(WeightSet(filenames=(*indexes[variant], *complete), ending=ending, variant=variant))
    return sets
