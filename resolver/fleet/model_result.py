"""`ModelResult`: what comes back from a worker for one model. Pure data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from resolver.resolution import Resolution


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelResult:
    """What the caller's function returned for one model, as `value`. `parameters`, `resident_bytes`, `dtype` and
    `elapsed_s` are those of `Loaded`, on the worker; `call_s` is the time in seconds that the function took.
    """

    resolution: Resolution
    value: Any
    parameters: int
    resident_bytes: int
    dtype: str | None
    elapsed_s: float
    call_s: float

    @property
    def repo_id(self) -> str:
        return self.resolution.repo_id
