"""Views of the registered export configurations, shaped as the tables that optimum's exporters look into."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, ClassVar

from registry.export.constructor import ConfigConstructor
from resolver.tasks_manager.state import STATE

PARTS = frozenset(
    {
        # Model types of a pipeline's parts, which are exported with the pipeline: optimum 2.3, exporters/tasks.py.
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


class SupportedModelTypes(Mapping[str, Mapping[str, Mapping[str, ConfigConstructor]]]):
    """Model type -> backend -> task -> constructor, of these libraries: what is registered by now. Read only."""

    def __init__(self, *libraries: str, but: Collection[str] = ()) -> None:
        self._libraries = libraries
        self._but = but

    def __getitem__(self, model_type: str) -> Mapping[str, Mapping[str, ConfigConstructor]]:
        exports = STATE.exports
        for library in self._libraries:
            backends = [name for name in exports.backends() if model_type in exports.model_types(name, library)]
            if backends and model_type not in self._but:
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
            for backend in exports.backends()
            for name in exports.model_types(backend, library)
        )
        return iter(dict.fromkeys(name for name in names if name not in self._but))

    def __len__(self) -> int:
        return sum(1 for _ in self)


class ExportersTables:
    """What optimum's own exporters read of its TasksManager beside the public methods (2.3; optimum-onnx 0.1)."""

    _ENCODER_DECODER_TASKS: ClassVar[tuple[str, ...]] = (
        "automatic-speech-recognition",
        "document-question-answering",
        "feature-extraction-with-past",
        "image-to-text",
        "text2text-generation",
        "visual-question-answering",
    )
    _UNSUPPORTED_CLI_MODEL_TYPE: ClassVar[Collection[str]] = PARTS
    _SUPPORTED_CLI_MODEL_TYPE: ClassVar[Mapping[str, Any]] = SupportedModelTypes(
        "transformers", "diffusers", "timm", "sentence_transformers", but=PARTS
    )
    _SUPPORTED_MODEL_TYPE: ClassVar[Mapping[str, Any]] = SupportedModelTypes("transformers")
    _DIFFUSERS_SUPPORTED_MODEL_TYPE: ClassVar[Mapping[str, Any]] = SupportedModelTypes("diffusers")
    _TIMM_SUPPORTED_MODEL_TYPE: ClassVar[Mapping[str, Any]] = SupportedModelTypes("timm")
    _SENTENCE_TRANSFORMERS_SUPPORTED_MODEL_TYPE: ClassVar[Mapping[str, Any]] = SupportedModelTypes(
        "sentence_transformers"
    )
