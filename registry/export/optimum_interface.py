"""`OptimumInterface`: what only optimum's exporters read of an export configuration and call on it.

With it, optimum's `main_export` exports models by the configurations here. During a trace the model's `forward` is
replaced: it takes the flat tensors of the configuration and returns its flat outputs. Names: optimum-onnx 0.1,
exporters/onnx/base.py. torch, onnx and onnxruntime are imported when they are needed; optimum has them.
"""

from __future__ import annotations

import contextlib
import importlib
import inspect
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from registry.export.dummy_inputs import generate_dummy_input
from registry.export.flat_call import call_with_flat_tensors, override_config
from registry.export.model_config import get_first

OPTIMUM_DEFAULT_SIZES = {
    # optimum 2.3, utils/input_generators.py DEFAULT_DUMMY_SHAPES: its exporters pass all of them, asked for or not.
    "batch_size": 2,
    "sequence_length": 16,
    "num_choices": 4,
    "width": 64,
    "height": 64,
    "num_channels": 3,
    "point_batch_size": 3,
    "nb_points_per_image": 2,
    "visual_seq_length": 16,
    "feature_size": 80,
    "nb_max_frames": 3000,
    "audio_sequence_length": 16000,
}

_PATCHER_MODULE = "optimum.exporters.onnx.model_patcher"
"""Its ModelPatcher makes transformers traceable by torch's older ONNX exporter, which optimum-onnx uses."""


def drop_default_sizes(requested: Mapping[str, int]) -> dict[str, int]:
    """The sizes without those of optimum's defaults, where all of the defaults' names are given."""
    if not OPTIMUM_DEFAULT_SIZES.keys() <= requested.keys():
        return dict(requested)
    return {name: size for name, size in requested.items() if OPTIMUM_DEFAULT_SIZES.get(name) != size}


class NormalizedConfig:
    """A model's config, whose fields have the same names for all model types; other attributes are the config's."""

    _NAMES: ClassVar[dict[str, tuple[str, ...]]] = {
        "hidden_size": ("hidden_size", "d_model", "n_embd", "dim", "emb_dim"),
        "num_layers": ("num_hidden_layers", "n_layer", "n_layers", "num_layers", "encoder_layers"),
        "num_attention_heads": ("num_attention_heads", "n_head", "n_heads", "num_heads", "encoder_attention_heads"),
        "num_key_value_heads": ("num_key_value_heads", "num_attention_heads", "n_head", "n_heads", "num_heads"),
        "encoder_num_layers": ("encoder_layers", "num_encoder_layers", "num_layers"),
        "decoder_num_layers": ("decoder_layers", "num_decoder_layers", "num_layers"),
        "encoder_num_attention_heads": ("encoder_attention_heads", "num_heads"),
        "decoder_num_attention_heads": ("decoder_attention_heads", "num_heads"),
        "eos_token_id": ("eos_token_id",),
        "vocab_size": ("vocab_size",),
    }

    def __init__(self, config: Any, export_config: Any = None) -> None:
        self.config = config
        self.export_config = export_config

    def __getattr__(self, name: str) -> Any:
        names = self._NAMES.get(name, (name,))
        value = get_first(self.config, *names)
        if value is None and "text_config" not in (name, *names):
            value = get_first(get_first(self.config, "text_config"), *names)
        if value is None and not hasattr(self.config, name):
            raise AttributeError(f"the config {type(self.config).__name__} has none of {', '.join(names)}")
        return value

    def has_attribute(self, name: str) -> bool:
        """Whether the config has this field."""
        return hasattr(self, name)


class DummyInputGenerator:
    """Generates the dummy inputs of the configuration that made `normalized_config`, one by one."""

    def __init__(self, task: str, normalized_config: NormalizedConfig, **sizes: int) -> None:
        if normalized_config.export_config is None:
            raise ValueError("dummy inputs are generated for the config of an export configuration only")
        self.task = task
        self._config = normalized_config.export_config
        self._sizes = self._config.merge_sizes(**sizes)

    def supports_input(self, input_name: str) -> bool:
        """Whether the configuration has this input."""
        return input_name in self._config.inputs

    def generate(
        self, input_name: str, framework: str = "pt", int_dtype: str = "int64", float_dtype: str = "fp32"
    ) -> Any:
        """A dummy tensor for the input.

        Raises:
            KeyError: the configuration has no such input.
        """
        specs = {spec.name: spec for spec in self._config.build_input_specs()}
        return generate_dummy_input(
            specs[input_name], self._sizes, framework, int_dtype=int_dtype, float_dtype=float_dtype
        )


class OptimumInterface:
    """A base of `ExportConfig`: the attributes and methods that only optimum's exporters use."""

    NORMALIZED_CONFIG_CLASS: ClassVar[Any] = NormalizedConfig
    DUMMY_INPUT_GENERATOR_CLASSES: ClassVar[tuple[Any, ...]] = (DummyInputGenerator,)
    PATCHING_SPECS: ClassVar[Any] = None
    VARIANTS: ClassVar[dict[str, str]] = {"default": "The only variant."}
    DEFAULT_VARIANT: ClassVar[str] = "default"
    PAD_ATTENTION_MASK_TO_PAST: ClassVar[bool] = False
    is_transformers_support_available: ClassVar[bool] = True
    is_torch_support_available: ClassVar[bool] = True
    is_merged: ClassVar[bool] = False
    use_cache_branch: ClassVar[bool | None] = None

    variant = "default"

    @property
    def _config(self: Any) -> Any:
        return self.config

    @property
    def _preprocessors(self: Any) -> Any:
        return self.preprocessors

    @property
    def _normalized_config(self: Any) -> Any:
        normalized = self.NORMALIZED_CONFIG_CLASS(self.config)
        if isinstance(normalized, NormalizedConfig):
            normalized.export_config = self
        return normalized

    def rename_ambiguous_inputs(self: Any, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """The inputs under the names of the replaced `forward`'s parameters, which may have no dots."""
        return {_as_parameter(name): value for name, value in inputs.items()}

    def ordered_inputs(self: Any, model: Any) -> dict[str, dict[int, str]]:
        """The inputs with their dynamic axes, in the order of the replaced `forward`'s parameters."""
        inputs: dict[str, dict[int, str]] = self.inputs
        return inputs

    def generate_dummy_inputs_for_validation(
        self: Any, reference_model_inputs: Mapping[str, Any], onnx_input_names: list[str]
    ) -> dict[str, Any]:
        """The inputs that the graph has: a trace drops those that do not change the outputs."""
        return {name: value for name, value in reference_model_inputs.items() if name in onnx_input_names}

    @classmethod
    def flatten_output_collection_property(cls, name: str, field: Any) -> dict[str, Any]:
        """The tensors of a nested list by name and position."""
        flat = [item for part in field for item in (part if isinstance(part, (list, tuple)) else (part,))]
        return {f"{name}.{index}": item for index, item in enumerate(flat)}

    def post_process_exported_models(
        self, path: Any, models_and_onnx_configs: Any, onnx_files_subpaths: Any
    ) -> tuple[Any, Any]:
        """The exported graphs as they are: decoders with and without past are not merged."""
        return models_and_onnx_configs, onnx_files_subpaths

    @contextlib.contextmanager
    def patch_model_for_export(self: Any, model: Any, model_kwargs: Mapping[str, Any] | None = None) -> Iterator[Any]:
        """A context in which `model.forward` takes the flat tensors of this configuration and returns its flat outputs.

        `model_kwargs` are arguments that optimum's command adds; the configuration fixes all of them.
        """
        with contextlib.ExitStack() as stack:
            stack.enter_context(override_config(model, self))
            original = model.forward
            patcher_class = _find_patcher_class()
            if patcher_class is not None:
                patcher = patcher_class(self, model, model_kwargs={})
                stack.enter_context(_entered(patcher))
                original = patcher.orig_forward
            replaced = model.forward
            model.forward = self._build_flat_forward(model, original)
            stack.callback(setattr, model, "forward", replaced)
            yield model

    def _build_flat_forward(self: Any, model: Any, original: Any) -> Any:
        specs = self.build_input_specs()
        names = [_as_parameter(spec.name) for spec in specs]

        def forward(*args: Any, **keywords: Any) -> dict[str, Any]:
            given = {**dict(zip(names, args, strict=False)), **keywords}
            flat = model.forward
            model.forward = original
            try:
                outputs = call_with_flat_tensors(model, self, [given[name] for name in names])
            finally:
                model.forward = flat
            return {spec.path: output for spec, output in zip(self.build_output_specs(), outputs, strict=True)}

        parameters = [inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD, default=None) for name in names]
        forward.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # torch's tracer reads it
        return forward

    def fix_dynamic_axes(
        self: Any, model_path: Any, device: str = "cpu", dtype: str | None = None, input_shapes: Any = None
    ) -> None:
        """Replace axes of the outputs of an ONNX file that a trace made dynamic, and that are not, by their sizes.

        The sizes are those of a run with dummy inputs.
        """
        onnx = importlib.import_module("onnx")
        graph = onnx.load(str(model_path), load_external_data=False)
        known = {axis for axes in (*self.inputs.values(), *self.outputs.values()) for axis in axes.values()}
        unknown = [
            (position, axis)
            for position, output in enumerate(graph.graph.output)
            for axis, dim in enumerate(output.type.tensor_type.shape.dim)
            if dim.HasField("dim_param") and dim.dim_param not in known
        ]
        if not unknown:
            return
        session = importlib.import_module("onnxruntime").InferenceSession(
            str(model_path), providers=["CPUExecutionProvider"]
        )
        names = [item.name for item in session.get_inputs()]
        dummies = self.generate_dummy_inputs(framework="np", **(input_shapes or {}))
        outputs = session.run(None, self.generate_dummy_inputs_for_validation(dummies, names))
        for position, axis in unknown:
            graph.graph.output[position].type.tensor_type.shape.dim[axis].dim_value = outputs[position].shape[axis]
        onnx.save(graph, str(model_path))


@contextlib.contextmanager
def _entered(patcher: Any) -> Iterator[None]:
    patcher.__enter__()
    try:
        yield
    finally:
        patcher.__exit__(None, None, None)


def _find_patcher_class() -> Any:
    """The ModelPatcher of optimum-onnx; None if that is not installed."""
    try:
        return importlib.import_module(_PATCHER_MODULE).ModelPatcher
    except ModuleNotFoundError:
        return None


def _as_parameter(name: str) -> str:
    return name.replace(".", "__")
