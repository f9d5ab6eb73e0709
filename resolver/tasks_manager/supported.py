"""Presents the tables in use as the private class attributes that optimum's exporters read and write."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping, Set
from typing import Any, ClassVar

from registry.export.export_registry import DEFAULT_MODEL_TYPES, LIBRARIES as EXPORT_LIBRARIES, ExportRegistry
from resolver.tasks_manager.live_views import ExportTableView, ModelTypesView
from resolver.tasks_manager.state import STATE

Table = MutableMapping[str, Any]

PIPELINE_PART_MODEL_TYPES = frozenset(
    {
        "clip-text",
        "clip-text-with-projection",
        "flux-transformer-2d",
        "sd3-transformer-2d",
        "siglip-text",
        "siglip-text-with-projection",
        "t5-encoder",
        "unet-2d-condition",
        "vae-decoder",
        "vae-encoder",
    }
)
"""Model types of the components of diffusers pipelines, which are exported only with their pipeline.
Source: optimum 2.3, exporters/tasks.py."""


def _read_exports() -> ExportRegistry:
    return STATE.exports


class ExporterTables:
    """Private class attributes of TasksManager that optimum's own exporters read and write, as live views.

    Source: optimum 2.3, exporters/tasks.py; optimum-onnx 0.1 and optimum-intel 2.2 use them. A write counts for
    TasksManager alone.
    """

    _ENCODER_DECODER_TASKS: ClassVar[tuple[str, ...]] = (
        "automatic-speech-recognition",
        "document-question-answering",
        "feature-extraction-with-past",
        "image-to-text",
        "text2text-generation",
        "visual-question-answering",
    )
    _UNSUPPORTED_CLI_MODEL_TYPE: ClassVar[Set[str]] = PIPELINE_PART_MODEL_TYPES
    _SUPPORTED_CLI_MODEL_TYPE: ClassVar[Set[str]] = ModelTypesView(
        _read_exports, EXPORT_LIBRARIES, excluded=PIPELINE_PART_MODEL_TYPES
    )
    _LIBRARY_TO_SUPPORTED_MODEL_TYPES: ClassVar[Table] = ExportTableView(_read_exports)
    _SUPPORTED_MODEL_TYPE: ClassVar[Table] = ExportTableView(_read_exports, "transformers")
    _DIFFUSERS_SUPPORTED_MODEL_TYPE: ClassVar[Table] = ExportTableView(_read_exports, "diffusers")
    _TIMM_SUPPORTED_MODEL_TYPE: ClassVar[Table] = ExportTableView(_read_exports, "timm")
    _SENTENCE_TRANSFORMERS_SUPPORTED_MODEL_TYPE: ClassVar[Table] = ExportTableView(
        _read_exports, "sentence_transformers"
    )
    _MODEL_TYPE_FOR_DEFAULT_CONFIG: ClassVar[Mapping[str, str]] = DEFAULT_MODEL_TYPES

    _LIBRARY_TO_TASKS_TO_MODEL_LOADER_MAP: ClassVar[Table] = STATE.tables.loaders
    _TRANSFORMERS_TASKS_TO_MODEL_LOADERS: ClassVar[Table] = STATE.tables.loaders.get_view("transformers")
    _DIFFUSERS_TASKS_TO_MODEL_LOADERS: ClassVar[Table] = STATE.tables.loaders.get_view("diffusers")
    _TIMM_TASKS_TO_MODEL_LOADERS: ClassVar[Table] = STATE.tables.loaders.get_view("timm")
    _SENTENCE_TRANSFORMERS_TASKS_TO_MODEL_LOADERS: ClassVar[Table] = STATE.tables.loaders.get_view(
        "sentence_transformers"
    )
    _TRANSFORMERS_TASKS_TO_MODEL_MAPPINGS: ClassVar[Table] = STATE.tables.model_mappings
    _DIFFUSERS_TASKS_TO_MODEL_MAPPINGS: ClassVar[Table] = STATE.tables.pipeline_mappings
    _CUSTOM_CLASSES: ClassVar[MutableMapping[tuple[str, str, str], tuple[str, str]]] = STATE.tables.custom_classes
    _SYNONYM_TASK_MAP: ClassVar[MutableMapping[str, str]] = STATE.tables.synonyms
