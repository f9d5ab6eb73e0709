"""Lets `import torchvision` work beside a CPU build of torch, for which its wheel has no compiled operators.

torchvision describes what its operators would return (`_meta_registrations.py`) when it is imported, and torch refuses
that for operators nobody declared. Here they are declared, when torchvision is first looked for. No test runs one.
"""

from __future__ import annotations

import importlib.machinery
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from types import ModuleType
from typing import Any

SCHEMAS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)
_kept: list[Any] = []


class DeclareOperators(MetaPathFinder):
    """Finds nothing; it is asked before torchvision is found."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname == "torchvision" and not _kept:
            try:
                import torch.library
            except ImportError:
                return None
            # Operators are declared for as long as the library object lives.
            library = torch.library.Library("torchvision", "DEF")
            _kept.append(library)
            for schema in SCHEMAS:
                library.define(schema)
        return None


def install() -> None:
    """Declare them when torchvision is first looked for; once for each process."""
    if not any(type(finder).__name__ == DeclareOperators.__name__ for finder in sys.meta_path):
        sys.meta_path.insert(0, DeclareOperators())
