"""Exports a tiny model by its configuration, and compares the outputs of ONNX Runtime and PyTorch for a second batch.

The second batch has another size on every dynamic axis. The checks cover the names and axes of the graph's inputs and
outputs, the values, and that no other axis of an output changes its size than those that the configuration names.
"""

from __future__ import annotations

import contextlib
import gc
import logging
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from registry import shipped_registry
from registry.export import shipped_export_registry
from registry.export.config import ExportConfig
from registry.export.tensors import evaluate_dim
from resolver.exporting.export import build_flat_module, export_onnx, export_program, override_config
from tests.resolver.exporting.check_rows import SIZES, TOLERANCES
from tests.resolver.exporting.tiny import build_tiny_model

IMAGE_SIZE = 64
"""Height and width of the images in the traced inputs of a model that takes any image size."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The result of a comparison of two runtimes."""

    difference: float
    """The largest difference, relative to the largest value of the output."""
    count: int
    """The number of values that were compared."""


def build_config(library: str, model_type: str, task: str, model: Any) -> ExportConfig:
    """The shipped configuration of a pair; for a task with past, of the graph that takes cached keys and values."""
    exports = shipped_export_registry(shipped_registry())
    constructor = exports.get_exporter_config_constructor(
        "onnx", model_type=model_type, task=task, library_name=library
    )
    config: ExportConfig = constructor(get_model_config(model, library))
    if not config.use_past:
        return config
    if hasattr(config, "with_behavior") and getattr(config, "decoder_only_config", None) is None:
        decoder: ExportConfig = config.with_behavior("decoder", use_past=True, use_past_in_inputs=True)
        return decoder
    return constructor(model.config, use_past_in_inputs=True)  # type: ignore[no-any-return]


def get_model_config(model: Any, library: str) -> Any:
    """The model's config, as the constructor of an export configuration takes it."""
    if library == "timm":
        return SimpleNamespace(pretrained_cfg=model.pretrained_cfg)
    return model[0].model.config if library == "sentence_transformers" else model.config


def check_onnx(library: str, model_type: str, task: str, folder: Path) -> Comparison:
    """Export a tiny model of the pair to ONNX in `folder`, and compare the outputs.

    Raises:
        NotBuiltError: no tiny model can be built.
        AssertionError: the graph contradicts the configuration, or the outputs differ.
    """
    with silence_libraries():
        return _check_onnx(library, model_type, task, folder)


def check_program(library: str, model_type: str, task: str) -> Comparison:
    """Export a tiny model of the pair with `torch.export`, call the program, and compare the outputs."""
    import torch

    with silence_libraries(), torch.no_grad():
        model = build_tiny_model(library, model_type, task)
        config = build_config(library, model_type, task, model)
        with override_config(model, config):
            program = export_program(model, config).module()
            inputs = tuple(config.generate_dummy_inputs("pt", **choose_second_sizes(config, {})).values())
            outputs, expected_outputs = program(*inputs), build_flat_module(model, config)(*inputs)
    difference = max(
        float((actual - expected).abs().max() / expected.abs().max())
        for actual, expected in zip(outputs, expected_outputs, strict=True)
    )
    assert difference <= 1e-4
    return Comparison(difference=difference, count=sum(item.numel() for item in outputs))


@contextlib.contextmanager
def silence_libraries() -> Iterator[None]:
    """Disable logging, warnings and the garbage collector, which takes a sixth of the time of a tracing."""
    gc.collect()
    gc.disable()
    previous = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        gc.enable()
        logging.disable(previous)


def _check_onnx(library: str, model_type: str, task: str, folder: Path) -> Comparison:
    import numpy
    import onnxruntime
    import torch

    torch.set_num_threads(1)
    model = build_tiny_model(library, model_type, task)
    config = build_config(library, model_type, task, model)
    own_traced, own_second = SIZES.get(model_type, ({}, {}))
    image_sizes = {name: IMAGE_SIZE for name in ("height", "width") if name in config.get_default_sizes()}
    traced_sizes = {**image_sizes, **own_traced}
    path = export_onnx(model, config, folder / "model.onnx", **traced_sizes)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    check_graph_names(config, session)

    second_sizes = {**choose_second_sizes(config, traced_sizes), **own_second}
    outputs = session.run(None, config.generate_dummy_inputs("np", **second_sizes))
    with torch.no_grad(), override_config(model, config):
        call_model = build_flat_module(model, config)
        torch.manual_seed(0)
        first_outputs = call_model(*config.generate_dummy_inputs("pt", **traced_sizes).values())
        torch.manual_seed(0)
        expected_outputs = call_model(*config.generate_dummy_inputs("pt", **second_sizes).values())
    difference, count = 0.0, 0
    for spec, actual, tensor, first in zip(
        config.build_output_specs(), outputs, expected_outputs, first_outputs, strict=True
    ):
        expected = tensor.numpy()
        assert actual.shape == expected.shape, f"{spec.name} has the shape {actual.shape}, not {expected.shape}"
        varied = {axis for axis in range(expected.ndim) if expected.shape[axis] != first.shape[axis]}
        assert varied <= set(spec.axes), f"{spec.name} varies along {varied}, not only {spec.axes}"
        check_axis_sizes(spec.axes, expected.shape, config.merge_sizes(**second_sizes), spec.name)
        assert actual.size > 0
        finite = numpy.isfinite(expected)
        same_finite = (finite == numpy.isfinite(actual)).all()
        assert same_finite and finite.any(), f"{spec.name} is not finite at the expected places"
        scale = numpy.abs(expected[finite]).max()
        assert scale > 0, f"{spec.name} is zero everywhere: nothing can be compared"
        gap = numpy.abs(actual[finite].astype(numpy.float64) - expected[finite]).max()
        difference, count = max(difference, float(gap / scale)), count + actual.size
    allowed = TOLERANCES.get(model_type, 1e-4)
    assert difference <= allowed, f"outputs differ by {difference:.2e} of the largest value, more than {allowed:.0e}"
    return Comparison(difference=difference, count=count)


def check_graph_names(config: ExportConfig, session: Any) -> None:
    """Check that the graph's inputs and outputs have the configured names, and its inputs the dynamic axes."""
    inputs = {item.name: item.shape for item in session.get_inputs()}
    assert list(inputs) == list(config.inputs), f"the graph's inputs are {list(inputs)}"
    assert [item.name for item in session.get_outputs()] == list(config.outputs)
    for name, axes in config.inputs.items():
        fixed = {axis: label for axis, label in axes.items() if isinstance(inputs[name][axis], int)}
        assert not fixed, f"the axes {fixed} of {name} are fixed in the graph"


def check_axis_sizes(axes: Any, shape: Any, sizes: dict[str, int], name: str) -> None:
    """Check the size of each axis that follows from the sizes of the inputs."""
    for axis, dim in axes.items():
        try:
            expected = evaluate_dim(dim, sizes)
        except KeyError:
            continue
        assert shape[axis] == expected, f"axis {axis} of {name} has size {shape[axis]}, but {dim} is {expected}"


def choose_second_sizes(config: ExportConfig, first: dict[str, int]) -> dict[str, int]:
    """The sizes of all dynamic axes of the second batch, all different from the first."""
    names = {name for spec in config.build_input_specs() for name in spec.axes.values()}
    sizes = config.merge_sizes(**first)
    larger = {name: value + (1 if "batch" in name else 3) for name, value in sizes.items()}
    larger.update({name: value + 32 for name, value in sizes.items() if name.endswith("height")})
    larger.update({name: value + 64 for name, value in sizes.items() if name.endswith("width")})
    assert names, "there is no dynamic axis"
    return larger
