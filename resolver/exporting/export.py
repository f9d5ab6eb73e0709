"""Exports a model by its export configuration, to a `torch.export` program or to ONNX. Imports torch when it is called.

transformers 5.23 has patches of its models and of torch for tracing (`transformers.exporters`). They are applied during
an export if they are installed.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from registry.export.config import ExportConfig
from registry.export.flat_call import call_with_flat_tensors, override_config as override_config
from resolver.exporting.checks import (
    check_axes,
    check_folder,
    check_head,
    check_opset,
    check_opset_of_graph,
    check_sizes,
)
from resolver.exporting.masked_values import pad_masked_values
from resolver.exporting.saving import save_model


def build_flat_module(model: Any, config: ExportConfig) -> Any:
    """A `torch.nn.Module` around `model` that takes and returns flat tensors, in the order of `config`."""
    torch = importlib.import_module("torch")

    class FlatModule(torch.nn.Module):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, *tensors: Any) -> tuple[Any, ...]:
            return call_with_flat_tensors(self.model, config, tensors)

    return FlatModule().eval()


def build_dynamic_shapes(config: ExportConfig, dim: Any = None) -> dict[str, Any]:
    """The dynamic axes of `build_flat_module`, as `torch.export` takes them; `dim` replaces their names."""
    axes = tuple(
        {axis: name if dim is None else dim for axis, name in spec.axes.items()} for spec in config.build_input_specs()
    )
    return {"tensors": axes}


def export_program(model: Any, config: ExportConfig, **sizes: int) -> Any:
    """The `torch.export.ExportedProgram` of the model; `sizes` are the sizes of the axes of the traced inputs.

    Raises:
        UnknownArgumentError: a name in `sizes` is no size of an axis of the inputs.
        WrongHeadError: the configuration is for another task than the model's head.
        FixedAxisError: an axis that the configuration names as dynamic came out fixed.
        torch.export's errors: the model cannot be traced.
    """
    check_head(model, config)
    check_sizes(config, sizes)
    return _trace(model, config, sizes)


def build_onnx_program(model: Any, config: ExportConfig, *, opset: int | None = None, **sizes: int) -> Any:
    """The `torch.onnx.ONNXProgram` of the model; inputs, outputs and axes have the names in `config`.

    `opset` is by default the configuration's. Raises the errors of `export_onnx`, except MissingFolderError.
    """
    torch = importlib.import_module("torch")
    requested = config.DEFAULT_ONNX_OPSET if opset is None else opset
    check_head(model, config)
    check_sizes(config, sizes)
    check_opset(requested)
    with _apply_patches("onnx"):
        program = _trace(model, config, sizes)
        _apply_node_fixes(program)
        onnx_program = torch.onnx.export(
            program,
            input_names=list(config.inputs),
            output_names=list(config.outputs),
            dynamic_shapes=build_dynamic_shapes(config),
            opset_version=requested,
            custom_translation_table=_get_translation_table(),
            optimize=config.OPTIMIZE,
            verbose=False,
        )
    check_opset_of_graph(requested, onnx_program.model.opset_imports.get(""))
    return onnx_program


def _trace(model: Any, config: ExportConfig, sizes: Mapping[str, int]) -> Any:
    torch = importlib.import_module("torch")
    tensors = tuple(config.generate_dummy_inputs("pt", **sizes).values())
    with torch.no_grad(), override_config(model, config), _apply_patches("dynamo"):
        program = torch.export.export(
            build_flat_module(model, config),
            tensors,
            dynamic_shapes=build_dynamic_shapes(config, torch.export.Dim.AUTO),
            strict=False,
        )
    check_axes(program, config)
    return program


def export_onnx(model: Any, config: ExportConfig, path: Path | str, *, opset: int | None = None, **sizes: int) -> Path:
    """The path of the ONNX file that was written; inputs, outputs and axes have the names in `config`.

    `opset` is by default the configuration's. `sizes` are the sizes of the axes of the traced inputs, such as
    `sequence_length=32`; the graph takes all others too. Weights of more than 2 GB are written to a file beside it.

    Raises:
        UnknownArgumentError: a name in `sizes` is no size of an axis of the inputs.
        WrongHeadError: the configuration is for another task than the model's head.
        MissingFolderError: the folder of `path` does not exist.
        FixedAxisError: an axis that the configuration names as dynamic came out fixed.
        OpsetError: the opset does not exist, or the graph could not be converted to it.
        torch.export's and torch.onnx's errors: the model cannot be traced, or ONNX lacks an operator.
    """
    path = Path(path)
    check_folder(path.parent)
    save_model(build_onnx_program(model, config, opset=opset, **sizes).model, path)
    return path


@contextlib.contextmanager
def _apply_patches(backend: str) -> Iterator[None]:
    """Apply the patches of transformers for "dynamo" or "onnx", if it has any."""
    apply_patches = _get_from_transformers("utils", "apply_patches")
    if apply_patches is None:
        yield
        return
    # Importing this module registers the patches.
    importlib.import_module(f"transformers.exporters.exporter_{backend}")
    with apply_patches(backend):
        yield


def _apply_node_fixes(program: Any) -> None:
    apply_fixes = _get_from_transformers("utils", "apply_fx_node_fixes")
    if apply_fixes is not None:
        apply_fixes("onnx", program.graph_module)
        pad_masked_values(program.graph_module)


def _get_translation_table() -> Any:
    """The ONNX translations in transformers of operators for which torch has none."""
    return _get_from_transformers("exporter_onnx", "_ONNX_TRANSLATION_TABLE")


def _get_from_transformers(module: str, name: str) -> Any:
    """The object of this name in a module of `transformers.exporters`; None if any of them is missing."""
    if importlib.util.find_spec("transformers") is None:
        return None
    if importlib.util.find_spec("transformers.exporters") is None:
        return None
    return getattr(importlib.import_module(f"transformers.exporters.{module}"), name, None)
