"""What is known about the ecosystem: the vocabulary, the rules and the tables that decisions are made by.

The public names are imported when they are first used, so that `import registry` alone costs next to nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from registry.class_lookup import find_class
    from registry.class_ref import ClassRef, parse_class_ref
    from registry.deciding import decide
    from registry.decision import Candidate, Decision, Evidence
    from registry.default import default_registry, shipped_registry
    from registry.errors import (
        ContradictionError,
        ExtensionError,
        RegistryError,
        UnknownModelError,
        UnknownNameError,
        UnsupportedModelTypeError,
        UnsupportedTaskError,
    )
    from registry.export.adopt import adopt
    from registry.export.config import ExportConfig
    from registry.export.export_registry import ExportRegistry
    from registry.export.shipped import shipped_export_registry
    from registry.export.tensors import InputSpec, OutputSpec
    from registry.export.tracing import export_onnx, export_program
    from registry.extension import ArchitectureRow, Extension
    from registry.facts import CommitFacts, CommitHash, FileState, HubHints, RepoFacts, SmallFile
    from registry.library import Library
    from registry.of_model import framework_of_model, library_of_model, task_of_class, task_of_model
    from registry.registry import Registry

__all__ = [
    "ArchitectureRow",
    "Candidate",
    "ClassRef",
    "CommitFacts",
    "CommitHash",
    "ContradictionError",
    "Decision",
    "Evidence",
    "ExportConfig",
    "ExportRegistry",
    "Extension",
    "ExtensionError",
    "FileState",
    "HubHints",
    "InputSpec",
    "Library",
    "OutputSpec",
    "Registry",
    "RegistryError",
    "RepoFacts",
    "SmallFile",
    "UnknownModelError",
    "UnknownNameError",
    "UnsupportedModelTypeError",
    "UnsupportedTaskError",
    "adopt",
    "decide",
    "default_registry",
    "export_onnx",
    "export_program",
    "find_class",
    "framework_of_model",
    "library_of_model",
    "parse_class_ref",
    "shipped_export_registry",
    "shipped_registry",
    "task_of_class",
    "task_of_model",
]

_HOMES = {
    "registry.class_lookup": ("find_class",),
    "registry.class_ref": ("ClassRef", "parse_class_ref"),
    "registry.deciding": ("decide",),
    "registry.decision": ("Candidate", "Decision", "Evidence"),
    "registry.errors": (
        "ContradictionError",
        "ExtensionError",
        "RegistryError",
        "UnknownModelError",
        "UnknownNameError",
        "UnsupportedModelTypeError",
        "UnsupportedTaskError",
    ),
    "registry.export.adopt": ("adopt",),
    "registry.export.config": ("ExportConfig",),
    "registry.export.export_registry": ("ExportRegistry",),
    "registry.export.shipped": ("shipped_export_registry",),
    "registry.export.tensors": ("InputSpec", "OutputSpec"),
    "registry.export.tracing": ("export_onnx", "export_program"),
    "registry.extension": ("ArchitectureRow", "Extension"),
    "registry.facts": ("CommitFacts", "CommitHash", "FileState", "HubHints", "RepoFacts", "SmallFile"),
    "registry.library": ("Library",),
    "registry.of_model": ("framework_of_model", "library_of_model", "task_of_class", "task_of_model"),
    "registry.default": ("default_registry", "shipped_registry"),
    "registry.registry": ("Registry",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOME_OF[name]), name)
    globals()[name] = value
    return value
