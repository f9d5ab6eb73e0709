"""Builds the rows of `hubresolve load`, one for each model. Pure."""

from __future__ import annotations

from typing import Any

from resolver.answer import Failure
from resolver.fleet.model_result import ModelResult
from resolver.loading.loaded import Loaded

LOAD_KEYS = (
    "repo_id",
    "canonical_id",
    "revision",
    "commit_hash",
    "library",
    "task",
    "model_class",
    "parameters",
    "dtype",
    "resident_bytes",
    "elapsed_s",
    "error",
)
"""The keys of every row, in order."""


def build_load_row(item: Loaded | ModelResult | Failure) -> dict[str, Any]:
    """The row of a model: every key is present, with None where nothing is known."""
    row: dict[str, Any] = dict.fromkeys(LOAD_KEYS)
    if isinstance(item, Failure):
        resolution = getattr(item.error, "resolution", None)
        row.update(
            repo_id=item.repo_id,
            revision=item.revision,
            error={"code": item.error.code, "message": str(item.error)},
        )
    else:
        resolution = item.resolution
        row.update(
            repo_id=item.repo_id,
            parameters=item.parameters,
            dtype=item.dtype,
            resident_bytes=item.resident_bytes,
            elapsed_s=round(item.elapsed_s, 3),
        )
    if resolution is not None:
        row.update(
            canonical_id=resolution.canonical_id,
            revision=resolution.revision,
            commit_hash=resolution.commit_hash,
            library=resolution.library,
            task=resolution.task,
            model_class=type(item.model).__name__ if isinstance(item, Loaded) else resolution.model_class,
        )
    return row
