"""Presents the registered export configurations as the private tables that optimum's exporters read."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, ClassVar

from registry.export.constructor import ConfigConstructor
from resolver.tasks_manager.state import STATE

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


class SupportedModelTypes(Mapping[str, Mapping[str, Mapping[str, ConfigConstructor]]]):
    """Live read-only view of some libraries: model type -> backend -> task -> constructor, without `excluded` ones."""

    def __init__(self, *libraries: str, excluded: Collection[str] = ()) -> None:
        self._libraries = libraries
        self._excluded = excluded

    def __getitem__(self, model_type: str) -> Mapping[str, Mapping[str, ConfigConstructor]]:
        exports = STATE.exports
        for library in self._libraries:
            backends = [
                name for name in exports.list_backends() if model_type in exports.list_model_types(name, library)
            ]
            if backends and model_type not in self._excluded:
                return {
                    name: exports.get_supported_tasks_for_model_type(model_type, name, library_name=library)
                    for name in backends
                }
        raise KeyError(model_type)

    def __iter__(self) -> Iterator[str]:
        exports = STATE.exports
        names = (
            name
            for library in self._libraries
            for backend in exports.list_backends()
            for name in exports.list_model_types(backend, library)
        )
        return iter(dict.fromkeys(name for name in names if name not in self._excluded))

    def __len__(self) -> int:
        return sum(1 for _ in self)


class ExporterTables:
    """Private class attributes of TasksManager that optimum's own exporters read (optimum 2.3, optimum-onnx 0.1)."""

    _ENCODER_DECODER_TASKS: ClassVar[tuple[str, ...]] = (
        "automatic-speech-recognition",
        "document-question-answering",
        "feature-extraction-with-past",
        "image-to-text",
        "text2text-generation",
        "visual-question-answering",
    )
    _UNSUPPORTED_CLI_MODEL_TYPE: ClassVar[Collection[str]] = PIPELINE_PART_MODEL_TYPES
    _SUPPORTED_CLI_MODEL_TYPE: ClassVar[Mapping[str, Any]] = SupportedModelTypes(
        "transformers", "diffusers", "timm", "sentence_transformers", excluded=PIPELINE_PART_MODEL_TYPES
    )
    _SUPPORTED_MODEL_TYPE: ClassVar[Mapping[str, Any]] = SupportedModelTypes("transformers")
    _DIFFUSERS_SUPPORTED_MODEL_TYPE: ClassVar[Mapping[str, Any]] = SupportedModelTypes("diffusers")
    _TIMM_SUPPORTED_MODEL_TYPE: ClassVar[Mapping[str, Any]] = SupportedModelTypes("timm")
    _SENTENCE_TRANSFORMERS_SUPPORTED_MODEL_TYPE: ClassVar[Mapping[str, Any]] = SupportedModelTypes(
        "sentence_transformers"
    )
