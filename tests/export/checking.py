"""Exports a tiny model by its configuration, and compares what ONNX Runtime and PyTorch make of a second batch.

The second batch differs in every length that the configuration lets vary. Checked are: the names and the axes of the
graph's inputs and outputs, that no axis of an output varies beside those that the configuration names, and the values.
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
from registry.export.tensors import length_of
from resolver.exporting.export import export_onnx, export_program, exportable, overridden
from tests.export.check_rows import SIZES, TOLERANCES
from tests.export.tiny import tiny_model

SIDE = 64
"""Height and width of the images that a model of images of any size is traced with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """How far ONNX Runtime's outputs are from PyTorch's at most, in parts of an output's largest value, and how many
    values were compared."""

    difference: float
    count: int


def configuration(library: str, model_type: str, task: str, model: Any) -> ExportConfig:
    """The shipped configuration of a pair; with a past, of the graph that takes one: of two models the decoder."""
    exports = shipped_export_registry(shipped_registry())
    constructor = exports.get_exporter_config_constructor(
        "onnx", model_type=model_type, task=task, library_name=library
    )
    config: ExportConfig = constructor(config_of(model, library))
    if not config.use_past:
        return config
    if hasattr(config, "with_behavior") and getattr(config, "alone", None) is None:
        decoder: ExportConfig = config.with_behavior("decoder", use_past=True, use_past_in_inputs=True)
        return decoder
    return constructor(model.config, use_past_in_inputs=True)  # type: ignore[no-any-return]


def config_of(model: Any, library: str) -> Any:
    """The config that the model's configuration is made from."""
    if library == "timm":
        return SimpleNamespace(pretrained_cfg=model.pretrained_cfg)
    return model[0].model.config if library == "sentence_transformers" else model.config


def check(library: str, model_type: str, task: str, folder: Path) -> Compared:
    """Export a tiny model of the pair into `folder`, and compare.

    Raises:
        NotBuiltError: no tiny model can be had.
        AssertionError: the graph is not what the configuration says, or its outputs are others.
    """
    with quiet():
        return _check(library, model_type, task, folder)


def check_program(library: str, model_type: str, task: str) -> Compared:
    """As `check`, of a program of `torch.export`, which is called and not run in ONNX Runtime."""
    import torch

    with quiet(), torch.no_grad():
        model = tiny_model(library, model_type, task)
        config = configuration(library, model_type, task, model)
        with overridden(model, config):
            program = export_program(model, config).module()
            given = tuple(config.generate_dummy_inputs("pt", **second_sizes(config, {})).values())
            found, wanted = program(*given), exportable(model, config)(*given)
    difference = max(
        float((got - want).abs().max() / want.abs().max()) for got, want in zip(found, wanted, strict=True)
    )
    assert difference <= 1e-4
    return Compared(difference=difference, count=sum(item.numel() for item in found))


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """What libraries say on the way is of no use here; nor is a look for garbage, which takes a sixth of a tracing."""
    gc.collect()
    gc.disable()
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        gc.enable()
        logging.disable(before)


def _check(library: str, model_type: str, task: str, folder: Path) -> Compared:
    import numpy
    import onnxruntime
    import torch

    torch.set_num_threads(1)
    model = tiny_model(library, model_type, task)
    config = configuration(library, model_type, task, model)
    sizes = SIZES.get(model_type, ({}, {}))
    sizes = ({**{name: SIDE for name in ("height", "width") if name in config.default_sizes()}, **sizes[0]}, sizes[1])
    path = export_onnx(model, config, folder / "model.onnx", **sizes[0])
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    check_names(config, session)

    second = {**second_sizes(config, sizes[0]), **sizes[1]}
    given = config.generate_dummy_inputs("np", **second)
    found = session.run(None, given)
    with torch.no_grad(), overridden(model, config):
        run = exportable(model, config)
        torch.manual_seed(0)
        first_wanted = run(*config.generate_dummy_inputs("pt", **sizes[0]).values())
        torch.manual_seed(0)
        wanted = run(*config.generate_dummy_inputs("pt", **second).values())
    difference, count = 0.0, 0
    for spec, got, want, before in zip(config.output_specs(), found, wanted, first_wanted, strict=True):
        assert got.shape == tuple(want.shape), f"{spec.name} is {got.shape}, not {tuple(want.shape)}"
        varied = {axis for axis in range(want.ndim) if want.shape[axis] != before.shape[axis]}
        assert varied <= set(spec.axes), f"{spec.name} varies along {varied}, not only {spec.axes}"
        check_lengths(spec.axes, want.shape, config.sizes(**second), spec.name)
        assert got.size > 0
        finite = numpy.isfinite(want.numpy())
        assert (finite == numpy.isfinite(got)).all() and finite.any(), f"{spec.name} is not finite where it should be"
        scale = numpy.abs(want.numpy()[finite]).max()
        assert scale > 0, f"{spec.name} is zero everywhere: nothing can be compared"
        gap = numpy.abs(got[finite].astype(numpy.float64) - want.numpy()[finite]).max()
        difference, count = max(difference, float(gap / scale)), count + got.size
    allowed = TOLERANCES.get(model_type, 1e-4)
    assert difference <= allowed, f"outputs differ by {difference:.2e} of the largest value, more than {allowed:.0e}"
    return Compared(difference=difference, count=count)


def check_names(config: ExportConfig, session: Any) -> None:
    """The graph's inputs and outputs are called as the configuration says, and its inputs vary where it says."""
    inputs = {item.name: item.shape for item in session.get_inputs()}
    assert list(inputs) == list(config.inputs), f"the graph takes {list(inputs)}"
    assert [item.name for item in session.get_outputs()] == list(config.outputs)
    for name, axes in config.inputs.items():
        fixed = {axis: label for axis, label in axes.items() if isinstance(inputs[name][axis], int)}
        assert not fixed, f"{name} does not vary along {fixed} in the graph"


def check_lengths(axes: Any, shape: Any, sizes: dict[str, int], name: str) -> None:
    """Where an axis' length can be told from those of the inputs, it is that."""
    for axis, dim in axes.items():
        try:
            length = length_of(dim, sizes)
        except KeyError:
            continue
        assert shape[axis] == length, f"axis {axis} of {name} is {shape[axis]}, but {dim} is {length}"


def second_sizes(config: ExportConfig, first: dict[str, int]) -> dict[str, int]:
    """Other lengths for all names that the axes of the inputs have."""
    names = {name for spec in config.input_specs() for name in spec.axes.values()}
    sizes = config.sizes(**first)
    larger = {name: value + (1 if "batch" in name else 3) for name, value in sizes.items()}
    larger.update({name: value + 32 for name, value in sizes.items() if name.endswith(("height", "width"))})
    assert names, "nothing varies"
    return larger
