"""A graph that assigns values at the places of a mask runs when the mask selects some, all or none of them."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from registry.export import ExportConfig, InputSpec, OutputSpec
from resolver.exporting import export_onnx
from tests.resolver.exporting.checking import silence_libraries


class RowsConfig(ExportConfig):
    """Rows of four numbers in, as many out."""

    def build_input_specs(self) -> tuple[InputSpec, ...]:
        return (InputSpec(name="rows", shape=("batch_size", "sequence_length", 4), kind="float"),)

    def build_output_specs(self) -> tuple[OutputSpec, ...]:
        return (OutputSpec(name="changed", axes={0: "batch_size", 1: "sequence_length"}, source=""),)


def build_model(selects_rows: bool) -> Any:
    """A model that doubles the positive numbers, or the rows that begin with one."""
    import torch

    class Model(torch.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.config = SimpleNamespace()

        def forward(self, rows: Any) -> Any:
            mask = (rows[:, :, 0] if selects_rows else rows) > 0
            changed = rows.clone()
            changed[mask] = rows[mask] * 2
            return changed

    return Model().eval()


@pytest.mark.parametrize("selects_rows", [False, True])
def test_a_mask_may_select_any_number_of_values(tmp_path: Path, selects_rows: bool) -> None:
    numpy = pytest.importorskip("numpy")
    onnxruntime = pytest.importorskip("onnxruntime")
    torch = pytest.importorskip("torch")
    model = build_model(selects_rows)
    with silence_libraries():
        path = export_onnx(model, RowsConfig(model.config), tmp_path / "model.onnx")
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    some = numpy.random.default_rng(0).standard_normal((3, 5, 4)).astype("float32")
    for rows in (some, abs(some), -abs(some)):
        expected = model(torch.from_numpy(rows)).numpy()
        assert numpy.array_equal(session.run(None, {"rows": rows})[0], expected)
