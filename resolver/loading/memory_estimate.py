"""Estimates from an answer how much memory a model's weights will take, before anything is fetched. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from resolver.loading.options import LoadOptions
from resolver.loading.plan import LoadPlan
from resolver.resolution import Resolution

_BYTES_BY_DTYPE: Mapping[str, int] = {
    **dict.fromkeys(("float64", "double"), 8),
    **dict.fromkeys(("float32", "float"), 4),
    **dict.fromkeys(("float16", "half", "bfloat16"), 2),
}
"""Bytes of one value of torch's types, by their names."""

_WEIGHT_SUFFIXES = (".safetensors", ".bin", ".pt", ".pth")


def estimate_weight_bytes(resolution: Resolution, plan: LoadPlan, options: LoadOptions) -> int | None:
    """The bytes of the weights in the requested dtype; None where the answer's size is not that of the planned files.

    The Hub counts the safetensors files at the root of a repo.
    """
    weights = [name for name in plan.filenames if name.endswith(_WEIGHT_SUFFIXES)]
    is_counted = all("/" not in name and name.endswith(".safetensors") for name in weights)
    if not weights or not is_counted or options.subfolder or plan.variant or plan.library == "peft":
        return None
    if resolution.weight_bytes is None or options.dtype is None:
        return resolution.weight_bytes
    value_bytes = _BYTES_BY_DTYPE.get(str(options.dtype).removeprefix("torch."))
    if value_bytes is None or resolution.parameters is None:
        return resolution.weight_bytes
    return resolution.parameters * value_bytes
