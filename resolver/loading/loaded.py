"""`Loaded`: a model in memory with its resolution. `measure_model`: counts its parameters and resident bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from resolver.resolution import Resolution


@dataclass(kw_only=True, eq=False)
class Loaded:
    """One model of `Resolver.load_many`.

    `parameters` is their count; `resident_bytes` is the size of its tensors; `dtype` is the dtype of most parameters,
    None where there are none; `elapsed_s` is the time that its library took to load it. `model` is None after a
    release: by `release`, or, unless `keep` was called, by a request for the next model.
    """

    resolution: Resolution
    model: Any
    parameters: int
    resident_bytes: int
    dtype: str | None
    elapsed_s: float
    is_kept: bool = False
    on_release: Callable[[], None] | None = field(default=None, repr=False)

    @property
    def repo_id(self) -> str:
        return self.resolution.repo_id

    def keep(self) -> Any:
        """The model; it now stays until `release` is called, however many others are requested."""
        self.is_kept = True
        return self.model

    def release(self) -> None:
        """Drop the reference to the model, to free its memory; the caller's own references still hold it."""
        self.model = None
        if self.on_release is not None:
            on_release, self.on_release = self.on_release, None
            on_release()


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSize:
    """`parameters` is their count, `resident_bytes` the size of all tensors with shared storage counted once, `dtype`
    torch's name for the dtype of most parameters, None where there are none.
    """

    parameters: int
    resident_bytes: int
    dtype: str | None


def measure_model(model: Any) -> ModelSize:
    """The size of a PyTorch model, or of a diffusers pipeline."""
    parameters, by_dtype = 0, dict[str, int]()
    storages: dict[tuple[str, int], int] = {}
    seen: set[int] = set()
    for module in _find_modules(model):
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
    return ModelSize(parameters=parameters, resident_bytes=sum(storages.values()), dtype=dtype)


def _add_storage(tensor: Any, storages: dict[tuple[str, int], int]) -> None:
    storage = tensor.untyped_storage()
    if tensor.device.type != "meta":
        storages[(str(tensor.device), storage.data_ptr())] = storage.nbytes()


def _find_modules(model: Any) -> Iterator[Any]:
    """The model itself, or the components of a pipeline."""
    if callable(getattr(model, "parameters", None)):
        yield model
        return
    components = getattr(model, "components", None)
    if isinstance(components, dict):
        yield from (item for item in components.values() if callable(getattr(item, "parameters", None)))
