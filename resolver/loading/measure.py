"""What a model in memory takes up: its tensors, wherever they hang. No model library is imported."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """`parameters` are counted, `resident_bytes` are those of all tensors, shared ones once; `dtype` is that of most
    of the parameters, as torch calls it, None where there are none.
    """

    parameters: int
    resident_bytes: int
    dtype: str | None


def measure(model: Any) -> Size:
    """The size of a PyTorch model, or of a pipeline of several."""
    parameters, by_dtype = 0, dict[str, int]()
    storages: dict[tuple[str, int], int] = {}
    seen: set[int] = set()
    for module in _modules(model):
        for tensor in module.parameters():
            if id(tensor) not in seen:
                seen.add(id(tensor))
                parameters += tensor.numel()
                name = str(tensor.dtype).removeprefix("torch.")
                by_dtype[name] = by_dtype.get(name, 0) + tensor.numel()
            _add_storage(tensor, storages)
        for tensor in module.buffers():
            _add_storage(tensor, storages)
    dtype = max(by_dtype, key=by_dtype.__getitem__) if by_dtype else None
    return Size(parameters=parameters, resident_bytes=sum(storages.values()), dtype=dtype)


def _add_storage(tensor: Any, storages: dict[tuple[str, int], int]) -> None:
    storage = tensor.untyped_storage()
    if tensor.device.type != "meta":
        storages[(str(tensor.device), storage.data_ptr())] = storage.nbytes()


def _modules(model: Any) -> Iterator[Any]:
    """The model itself, or the components of a pipeline."""
    if callable(getattr(model, "parameters", None)):
        yield model
        return
    components = getattr(model, "components", None)
    if isinstance(components, dict):
        yield from (item for item in components.values() if callable(getattr(item, "parameters", None)))
