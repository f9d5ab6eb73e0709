"""`PreparedModel`: a model whose files are all here, and what can be done with it. Blocking: call it in a thread."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from resolver.loading.damage import DamagedFile
from resolver.loading.download import Snapshot
from resolver.loading.instantiate import import_library, instantiate
from resolver.loading.loaded import ModelSize, measure_model
from resolver.loading.options import LoadOptions
from resolver.loading.plan import LoadPlan
from resolver.resolution import Resolution

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedModel:
    """A model whose files are all in `folder`: it loads without a request. `base` is what an adapter changes."""

    resolution: Resolution
    plan: LoadPlan
    folder: Path
    options: LoadOptions
    base: PreparedModel | None = None
    snapshot: Snapshot | None = None

    @property
    def file_bytes(self) -> int:
        """The size of its files on disk, base included: about the size of its weights in memory."""
        own_bytes = sum(self._get_size(name) for name in self.plan.filenames)
        return own_bytes + (self.base.file_bytes if self.base is not None else 0)

    @property
    def folders(self) -> tuple[Path, ...]:
        """Its folder, and those of its base."""
        return tuple(part.folder for part in self.parts)

    @property
    def parts(self) -> tuple[PreparedModel, ...]:
        """The model itself, and its base."""
        return (self, *(self.base.parts if self.base is not None else ()))

    def _get_size(self, name: str) -> int:
        file = self.folder / name
        return file.stat().st_size if file.is_file() else 0


def load_prepared(prepared: PreparedModel) -> tuple[Any, ModelSize, float]:
    """The model, its size, and the seconds it took to load. Blocks the calling thread; needs no event loop.

    Raises the same errors as `Loader.instantiate`.
    """
    started_s = time.monotonic()
    import_s = sum(import_library(part.plan, part.resolution) for part in prepared.parts)
    model = _instantiate(prepared)
    seconds, resolution = time.monotonic() - started_s, prepared.resolution
    logger.info(
        "loaded %s@%s in %.1f s, of which imports took %.1f s",
        resolution.repo_id,
        resolution.commit_hash,
        seconds,
        import_s,
    )
    return model, measure_model(model), seconds


def _instantiate(prepared: PreparedModel) -> Any:
    """The model, after the base that it changes, which may be an adapter on a base itself."""
    base = _instantiate(prepared.base) if prepared.base is not None else None
    folders = prepared.base.folders if prepared.base is not None else ()
    return instantiate(
        prepared.plan, prepared.folder, prepared.options, prepared.resolution, base=base, base_folders=folders
    )


def find_damaged(prepared: PreparedModel, reads_all: bool) -> list[DamagedFile]:
    """The damaged files in the cache of a model and its base; those of a local folder are the user's.

    `reads_all`: read large ones as a whole.
    """
    return [
        file
        for part in prepared.parts
        if part.snapshot is not None
        for file in part.snapshot.find_damaged(part.folder, part.plan.filenames, reads_all=reads_all)
    ]
