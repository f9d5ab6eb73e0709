"""Builds the export registry of the shipped configurations: the same rows for ONNX and for `torch.export`."""

from __future__ import annotations

from registry.export.export_registry import ExportRegistry
from registry.export.support_table import SUPPORT_ROWS
from registry.registry import Registry

BACKENDS = ("onnx", "torch_export")

_FAMILIES = "registry.export.families"


def shipped_export_registry(registry: Registry) -> ExportRegistry:
    """A new registry of the shipped configurations, none of them imported. Task names are checked in `registry`."""
    exports = ExportRegistry(registry)
    for backend in BACKENDS:
        register = exports.create_register(backend)
        for library_name, rows in SUPPORT_ROWS.items():
            for model_type, class_path, tasks in rows:
                register(model_type, *tasks, library_name=library_name)(f"{_FAMILIES}.{class_path}")
    return exports
