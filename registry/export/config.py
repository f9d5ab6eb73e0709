"""`ExportConfig`: what every export configuration has. Pure.

Example inputs are made by `registry.export.dummy_inputs`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from registry.export.outputs import OUTPUTS
from registry.export.tensors import InputSpec, OutputSpec

DEFAULT_SIZES: dict[str, int] = {
    "batch_size": 2,
    "text_batch_size": 2,
    "image_batch_size": 2,
    "sequence_length": 16,
    "encoder_sequence_length": 16,
    "decoder_sequence_length": 8,
    "past_sequence_length": 6,
    "past_decoder_sequence_length": 6,
    "num_choices": 4,
    "point_batch_size": 3,
    "nb_points_per_image": 2,
}
"""The lengths that examples of inputs have, where neither the configuration nor the caller says another."""

_ALSO = {
    # A size that a caller names -> the other lengths that it stands for, unless those are named as well.
    "batch_size": ("text_batch_size", "image_batch_size"),
    "sequence_length": ("encoder_sequence_length", "decoder_sequence_length"),
    "audio_sequence_length": ("sequence_length", "encoder_sequence_length"),
}


class ExportConfig:
    """How a model is exported for a task: its inputs and outputs, in order, with the axes that vary.

    A family overrides `input_specs` and, where its outputs are not the task's usual ones, `output_specs`. `config` is
    the model's config, an object with attributes. The other parameters are those of optimum's `ExporterConfig`.
    """

    SUPPORTS_PAST: ClassVar[bool] = False
    METHOD: ClassVar[str] = "forward"
    """The method of the model that is exported."""
    ATTENTION: ClassVar[str | None] = None
    """The attention implementation of transformers that the model must have while it is traced; None: its own."""
    OPTIMIZE: ClassVar[bool] = True
    """Whether the ONNX graph may be simplified (by onnxscript, which takes very small numbers for zero)."""
    DEFAULT_ONNX_OPSET: ClassVar[int] = 18
    ATOL_FOR_VALIDATION: ClassVar[float] = 1e-4

    def __init__(
        self,
        config: Any,
        task: str = "feature-extraction",
        int_dtype: str = "int64",
        float_dtype: str = "fp32",
        preprocessors: list[Any] | None = None,
    ) -> None:
        self.config = config
        self.task = task
        self.int_dtype = int_dtype
        self.float_dtype = float_dtype
        self.preprocessors = preprocessors

    def input_specs(self) -> tuple[InputSpec, ...]:
        """What the exported graph takes, in order."""
        raise NotImplementedError(f"{type(self).__name__} does not say what goes in")

    def output_specs(self) -> tuple[OutputSpec, ...]:
        """What the exported graph gives, in order.

        Raises:
            KeyError: the family names no outputs for this task.
        """
        return OUTPUTS[self.task]

    def default_sizes(self) -> Mapping[str, int]:
        """The lengths that examples have for this model, beside `DEFAULT_SIZES`."""
        return {}

    def part_of(self, model: Any) -> Any:
        """The part of the model that is exported: all of it, unless a family says otherwise."""
        return model

    @property
    def use_past(self) -> bool:
        """Whether the graph gives cached keys and values."""
        return False

    @property
    def inputs(self) -> dict[str, dict[int, str]]:
        """Name of each input -> the axes that vary, with the names of their lengths; in order."""
        return {spec.name: spec.axes for spec in self.input_specs()}

    @property
    def outputs(self) -> dict[str, dict[int, str]]:
        """Name of each output -> the axes that vary, with the names of their lengths; in order."""
        return {spec.name: dict(spec.axes) for spec in self.output_specs()}

    @property
    def torch_to_onnx_input_map(self) -> dict[str, str]:
        """Argument of the model -> name in the graph, where they differ."""
        return {spec.path: spec.name for spec in self.input_specs() if spec.path != spec.name}

    @property
    def torch_to_onnx_output_map(self) -> dict[str, str]:
        """Field that the model returns -> name in the graph, where they differ."""
        return {spec.path: spec.name for spec in self.output_specs() if spec.path != spec.name}

    @property
    def values_override(self) -> dict[str, Any] | None:
        """What the model's config must say while it is exported; None: nothing."""
        return {"use_cache": self.use_past} if hasattr(self.config, "use_cache") else None

    def sizes(self, **asked: int) -> dict[str, int]:
        """Every length's size: `asked`, else the configuration's, else the default one."""
        sizes = {**DEFAULT_SIZES, **self.default_sizes()}
        for name, others in _ALSO.items():
            if name in asked:
                sizes.update(dict.fromkeys(others, asked[name]))
        return {**sizes, **asked}

    def generate_dummy_inputs(self, framework: str = "pt", **sizes: int) -> dict[str, Any]:
        """An example of each input, by the name it has in the graph; `framework` is "pt" (torch) or "np" (numpy).

        `sizes` are lengths of axes, by name (`batch_size=4`).
        """
        from registry.export.dummy_inputs import example_of

        found = self.sizes(**sizes)
        return {
            spec.name: example_of(spec, found, framework, int_dtype=self.int_dtype, float_dtype=self.float_dtype)
            for spec in self.input_specs()
        }
