"""`ExportConfig`: the base class of all export configurations. Pure.

`registry.export.dummy_inputs` generates the tensors of `generate_dummy_inputs`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from registry.export.optimum_interface import OptimumInterface, drop_default_sizes
from registry.export.outputs import OUTPUTS_BY_TASK
from registry.export.tensors import InputSpec, OutputSpec, list_names

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
"""The sizes of the dynamic axes of dummy inputs, unless the configuration or the caller sets others."""

MODEL_GRAPH = "model"
"""The name of the graph of a model that is exported as one graph; optimum-onnx calls its file so."""

_IMPLIED_SIZES = {
    # An axis that the caller sets -> the other axes that get the same size, unless the caller sets them too.
    "batch_size": ("text_batch_size", "image_batch_size"),
    "sequence_length": ("encoder_sequence_length", "decoder_sequence_length"),
    "audio_sequence_length": ("sequence_length", "encoder_sequence_length"),
}


class ExportConfig(OptimumInterface):
    """The inputs, outputs and dynamic axes of a model's graph for one task; inputs and outputs are in order.

    A subclass overrides `build_input_specs`, and `build_output_specs` if its outputs differ from the usual ones of the
    task. `config` is the model's config, an object with attributes. The other parameters are those of optimum's
    `ExporterConfig`.
    """

    SUPPORTS_PAST: ClassVar[bool] = False
    METHOD: ClassVar[str] = "forward"
    """The method of the model that is exported."""
    ATTENTION: ClassVar[str | None] = None
    """The attention implementation of transformers that is set while the model is traced; None: the model's own."""
    OPTIMIZE: ClassVar[bool] = True
    """Whether onnxscript may optimize the ONNX graph. It rounds very small constants to zero."""
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

    def build_input_specs(self) -> tuple[InputSpec, ...]:
        """The inputs of the exported graph, in order."""
        raise NotImplementedError(f"{type(self).__name__} does not define its inputs: override build_input_specs")

    def build_output_specs(self) -> tuple[OutputSpec, ...]:
        """The outputs of the exported graph, in order.

        Raises:
            KeyError: no outputs are defined for this task.
        """
        return OUTPUTS_BY_TASK[self.task]

    def get_default_sizes(self) -> Mapping[str, int]:
        """The sizes of axes for this model, in addition to `DEFAULT_SIZES`."""
        return {}

    def get_exported_module(self, model: Any) -> Any:
        """The part of `model` that is exported; the whole model by default."""
        return model

    def get_fixed_arguments(self) -> Mapping[str, Any]:
        """Arguments that the model is always called with, and that are no inputs of the graph."""
        return {}

    def build_graph_configs(self) -> dict[str, ExportConfig]:
        """Graph name -> configuration, of all graphs that are needed to run the model: one, unless it generates."""
        return {MODEL_GRAPH: self}

    @property
    def use_past(self) -> bool:
        """Whether the graph returns cached keys and values."""
        return False

    @property
    def inputs(self) -> dict[str, dict[int, str]]:
        """Name of each input -> its dynamic axes, with the names of their sizes; in order."""
        return {spec.name: spec.axes for spec in self.build_input_specs()}

    @property
    def outputs(self) -> dict[str, dict[int, str]]:
        """Name of each output -> its dynamic axes, with the names of their sizes; in order."""
        return {spec.name: dict(spec.axes) for spec in self.build_output_specs()}

    @property
    def torch_to_onnx_input_map(self) -> dict[str, str]:
        """Argument of the model -> name in the graph, for those whose names differ."""
        return {spec.path: spec.name for spec in self.build_input_specs() if spec.path != spec.name}

    @property
    def torch_to_onnx_output_map(self) -> dict[str, str]:
        """Field of the model's output -> name in the graph, for those whose names differ."""
        return {spec.path: spec.name for spec in self.build_output_specs() if spec.path != spec.name}

    @property
    def values_override(self) -> dict[str, Any] | None:
        """Fields of the model's config that are set while it is exported; None if there are none."""
        return {"use_cache": self.use_past} if hasattr(self.config, "use_cache") else None

    def merge_sizes(self, **requested: int) -> dict[str, int]:
        """The sizes of all axes by name: as `requested`, else from the configuration, else the default ones."""
        sizes = {**DEFAULT_SIZES, **self.get_default_sizes()}
        for name, implied in _IMPLIED_SIZES.items():
            if name in requested:
                sizes.update(dict.fromkeys(implied, requested[name]))
        return {**sizes, **requested}

    def list_size_names(self) -> frozenset[str]:
        """The names of sizes that `merge_sizes` uses for these inputs."""
        names = {name for spec in self.build_input_specs() for dim in spec.shape for name in list_names(dim)}
        return frozenset(names | {name for name, implied in _IMPLIED_SIZES.items() if not names.isdisjoint(implied)})

    def generate_dummy_inputs(self, framework: str = "pt", **sizes: int) -> dict[str, Any]:
        """A dummy tensor for each input, by its name in the graph; `framework` is "pt" (torch) or "np" (numpy).

        `sizes` are sizes of axes by name, such as `batch_size=4`.
        """
        from registry.export.dummy_inputs import generate_dummy_input

        all_sizes = self.merge_sizes(**drop_default_sizes(sizes))
        return {
            spec.name: generate_dummy_input(
                spec, all_sizes, framework, int_dtype=self.int_dtype, float_dtype=self.float_dtype
            )
            for spec in self.build_input_specs()
        }
