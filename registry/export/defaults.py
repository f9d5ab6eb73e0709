"""The export configurations that are there without being registered: the same rows for ONNX and for `torch.export`."""

from __future__ import annotations

from registry.export.export_registry import ExportRegistry
from registry.export.support_table import ROWS
from registry.registry import Registry

BACKENDS = ("onnx", "torch_export")

_FAMILIES = "registry.export.families"


def shipped_export_registry(registry: Registry) -> ExportRegistry:
    """A new registry with the shipped configurations, none of them imported; `registry` knows the task names."""
    made = ExportRegistry(registry)
    for backend in BACKENDS:
        register = made.create_register(backend)
        for library_name, rows in ROWS.items():
            for model_type, place, tasks in rows:
                register(model_type, *tasks, library_name=library_name)(f"{_FAMILIES}.{place}")
    return made
