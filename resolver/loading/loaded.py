"""`Loaded`: a model in memory, with what it is and takes up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from resolver.resolution import Resolution


@dataclass(kw_only=True, eq=False)
class Loaded:
    """One model of `Resolver.load_many`.

    `parameters` are counted; `resident_bytes` are those of its tensors; `dtype` is that of most parameters;
    `elapsed_s` is the time its library took. `model` is None once it was let go: by `release`, or, unless `keep` was
    called, by asking for the next one.
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
        """The model, which stays until `release` is called, however many others are asked for."""
        self.is_kept = True
        return self.model

    def release(self) -> None:
        """Let the model go, so that there is room for another; references that the caller has still hold it."""
        self.model = None
        if self.on_release is not None:
            on_release, self.on_release = self.on_release, None
            on_release()
