"""Exports a model by its configuration, to a program of `torch.export` or to ONNX. torch is imported when it is called.

transformers 5.23 ships changes to its models and to torch that hold while a graph is traced (`transformers.exporters`);
they are made use of where they are installed.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from registry.export.config import ExportConfig
from resolver.exporting.flat_call import call


def exportable(model: Any, config: ExportConfig) -> Any:
    """A `torch.nn.Module` around `model` that takes and gives flat tensors, in the order of `config`."""
    torch = importlib.import_module("torch")

    class Exportable(torch.nn.Module):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, *tensors: Any) -> tuple[Any, ...]:
            return call(self.model, config, tensors)

    return Exportable().eval()


def dynamic_shapes(config: ExportConfig, dim: Any = None) -> dict[str, Any]:
    """The axes that vary, as `torch.export` takes them for what `exportable` makes; `dim` in place of their names."""
    axes = tuple(
        {axis: name if dim is None else dim for axis, name in spec.axes.items()} for spec in config.input_specs()
    )
    return {"tensors": axes}


def export_program(model: Any, config: ExportConfig, **sizes: int) -> Any:
    """The `torch.export.ExportedProgram` of `exportable(model, config)`; `sizes` are lengths of axes at its tracing.

    Raises:
        torch.export's errors: the model cannot be traced, or an axis cannot vary.
    """
    torch = importlib.import_module("torch")
    tensors = tuple(config.generate_dummy_inputs("pt", **sizes).values())
    with torch.no_grad(), overridden(model, config), _patched("dynamo"):
        return torch.export.export(
            exportable(model, config),
            tensors,
            dynamic_shapes=dynamic_shapes(config, torch.export.Dim.AUTO),
            strict=False,
        )


def export_onnx(model: Any, config: ExportConfig, path: Path | str, **sizes: int) -> Path:
    """The file that the ONNX graph of the model was written to: its inputs, outputs and axes are called as `config`
    says.

    Raises:
        torch.export's and torch.onnx's errors: the model cannot be traced, or an operator is not known to ONNX.
    """
    torch = importlib.import_module("torch")
    with _patched("onnx"):
        program = export_program(model, config, **sizes)
        _fix_nodes(program)
        made = torch.onnx.export(
            program,
            input_names=list(config.inputs),
            output_names=list(config.outputs),
            dynamic_shapes=dynamic_shapes(config),
            opset_version=config.DEFAULT_ONNX_OPSET,
            custom_translation_table=_translations(),
            optimize=config.OPTIMIZE,
            verbose=False,
        )
    made.save(str(path), external_data=False)
    return Path(path)


@contextlib.contextmanager
def overridden(model: Any, config: ExportConfig) -> Iterator[None]:
    """While it lasts, the model's config says what `config.values_override` does, and its attention is
    `config.ATTENTION`."""
    changed = config.values_override or {}
    own = getattr(model, "config", None)
    before = {name: getattr(own, name) for name in changed if hasattr(own, name)}
    attention = getattr(own, "_attn_implementation", None) if config.ATTENTION is not None else None
    for name in before:
        setattr(own, name, changed[name])
    if attention is not None:
        model.set_attn_implementation(config.ATTENTION)
    try:
        yield
    finally:
        for name, value in before.items():
            setattr(own, name, value)
        if attention is not None:
            model.set_attn_implementation(attention)


@contextlib.contextmanager
def _patched(backend: str) -> Iterator[None]:
    apply_patches = _of_transformers("utils", "apply_patches")
    if apply_patches is None:
        yield
        return
    # The patches are registered by this module.
    importlib.import_module(f"transformers.exporters.exporter_{backend}")
    with apply_patches(backend):
        yield


def _fix_nodes(program: Any) -> None:
    apply_fixes = _of_transformers("utils", "apply_fx_node_fixes")
    if apply_fixes is not None:
        apply_fixes("onnx", program.graph_module)


def _translations() -> Any:
    """Operators that torch has no ONNX of, and transformers has."""
    return _of_transformers("exporter_onnx", "_ONNX_TRANSLATION_TABLE")


def _of_transformers(module: str, name: str) -> Any:
    """What `transformers.exporters` has by this name; None where it, or all of that, is not there."""
    if importlib.util.find_spec("transformers") is None:
        return None
    if importlib.util.find_spec("transformers.exporters") is None:
        return None
    return getattr(importlib.import_module(f"transformers.exporters.{module}"), name, None)
