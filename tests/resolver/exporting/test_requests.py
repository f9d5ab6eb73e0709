"""Exports that would not be what was asked for: each is refused, with the names, and nothing is written."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from registry.export import ExportConfig, InputSpec, OutputSpec
from resolver.errors import (
    ExportError,
    FixedAxisError,
    HubresolveError,
    MissingFolderError,
    OpsetError,
    UnknownArgumentError,
    WrongHeadError,
)
from resolver.exporting import export_onnx, export_onnx_folder, export_program
from resolver.exporting.checks import check_head
from tests.resolver.exporting.checking import silence_libraries
from tests.resolver.exporting.pairs import list_checked_pairs, read_outcomes


class RowsConfig(ExportConfig):
    """Rows of four numbers, and how many of them there are: both axes are declared dynamic."""

    def build_input_specs(self) -> tuple[InputSpec, ...]:
        return (InputSpec(name="rows", shape=("batch_size", "sequence_length", 4), kind="float"),)

    def build_output_specs(self) -> tuple[OutputSpec, ...]:
        return (OutputSpec(name="sums", axes={0: "batch_size", 1: "sequence_length"}, source=""),)


def build_model(kind: str) -> Any:
    """A model of one layer: "normalized", or one that makes an axis of its input or output fixed."""
    import torch

    class Model(torch.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.config = SimpleNamespace()
            self.norm = torch.nn.LayerNorm(4)

        def forward(self, rows: Any) -> Any:
            if kind == "fixed input":
                return self.norm(rows).reshape(2, -1, 4)
            return self.norm(rows)[:, :3] if kind == "fixed output" else self.norm(rows)

    return Model().eval()


def export(folder: Path, kind: str = "normalized", **arguments: Any) -> Path:
    model = build_model(kind)
    return export_onnx(model, RowsConfig(model.config), folder / "model.onnx", **arguments)


def get_opset(path: Path) -> int:
    import onnx

    return next(int(item.version) for item in onnx.load(path).opset_import if not item.domain)


REFUSED: list[tuple[str, dict[str, Any], type[ExportError], type[Exception], str]] = [
    # Case, arguments, error, the built-in error that it is too, what its message says.
    ("unknown", {"batch_sise": 3}, UnknownArgumentError, TypeError, "unknown arguments: batch_sise;.*batch_size"),
    (
        "two unknown",
        {"a": 1, "seed": 2},
        UnknownArgumentError,
        TypeError,
        "unknown arguments: a, seed;.*sequence_length",
    ),
    ("size of another model", {"height": 8}, UnknownArgumentError, TypeError, "height"),
    ("batch of one", {"batch_size": 1}, FixedAxisError, ValueError, r"axis 0 of rows \(batch_size\)"),
    ("length of one", {"sequence_length": 1}, FixedAxisError, ValueError, r"axis 1 of rows \(sequence_length\)"),
    ("opset too old", {"opset": 3}, OpsetError, ValueError, "opset 3 does not exist"),
    ("opset too new", {"opset": 99}, OpsetError, ValueError, "opset 99 does not exist"),
    ("opset of the wrong kind", {"opset": "18"}, OpsetError, ValueError, "'18'"),
]
REFUSED_AFTER_TRACING: list[tuple[str, dict[str, Any], type[ExportError], type[Exception], str]] = [
    ("opset without the operator", {"opset": 14}, OpsetError, ValueError, "not be converted to opset 14.*opset 18"),
    ("fixed input", {"kind": "fixed input"}, FixedAxisError, ValueError, r"axis 0 of rows \(batch_size\) is 2"),
    ("fixed output", {"kind": "fixed output"}, FixedAxisError, ValueError, r"axis 1 of sums \(sequence_length\) is 3"),
]


@pytest.mark.parametrize(
    ("arguments", "error", "built_in", "message", "is_traced"),
    [*((*row[1:], False) for row in REFUSED), *((*row[1:], True) for row in REFUSED_AFTER_TRACING)],
    ids=[row[0] for row in (*REFUSED, *REFUSED_AFTER_TRACING)],
)
def test_a_request_that_cannot_be_met_is_refused_with_the_names(
    tmp_path: Path,
    arguments: dict[str, Any],
    error: type[ExportError],
    built_in: type[Exception],
    message: str,
    is_traced: bool,
) -> None:
    with (
        pytest.raises(error, match=re.compile(message, re.DOTALL)) as raised,
        silence_libraries() if is_traced else contextlib.nullcontext(),
    ):
        export(tmp_path, **arguments)

    assert isinstance(raised.value, built_in) and isinstance(raised.value, HubresolveError)
    assert not list(tmp_path.iterdir())


def test_the_graph_has_the_requested_opset(tmp_path: Path) -> None:
    with silence_libraries():
        assert get_opset(export(tmp_path, opset=17)) == 17


def test_a_missing_folder_is_found_before_the_model_is_touched(tmp_path: Path) -> None:
    missing = tmp_path / "none" / "model.onnx"

    with pytest.raises(MissingFolderError, match=re.escape(str(missing.parent))) as raised:
        export_onnx(None, RowsConfig(None), missing)

    assert isinstance(raised.value, FileNotFoundError)


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(MissingFolderError):
        export_onnx(None, RowsConfig(None), tmp_path / "file" / "model.onnx")


def test_a_size_of_one_is_refused_for_a_program_too() -> None:
    model = build_model("normalized")

    with pytest.raises(FixedAxisError):
        export_program(model, RowsConfig(model.config), sequence_length=1)


def build_head(name: str) -> Any:
    """A model of this class of transformers, without weights: only its class is looked at."""
    import transformers

    head = getattr(transformers, name)
    return head.__new__(head)


HEADS = [
    # Class, task of the configuration, whether that is accepted.
    ("GPT2LMHeadModel", "text-generation", True),
    ("GPT2LMHeadModel", "text-classification", False),
    ("GPT2LMHeadModel", "feature-extraction", False),
    ("GPT2Model", "feature-extraction", True),
    ("GPT2Model", "text-generation", False),
    ("BertForTokenClassification", "token-classification", True),
    ("BertForTokenClassification", "text-classification", False),
    ("BertForSequenceClassification", "zero-shot-classification", True),
    ("T5ForConditionalGeneration", "translation", True),
    ("T5ForConditionalGeneration", "feature-extraction", False),
]


@pytest.mark.parametrize(("name", "task", "accepted"), HEADS, ids=[f"{name}-{task}" for name, task, _ in HEADS])
def test_a_configuration_for_another_head_is_refused(name: str, task: str, accepted: bool) -> None:
    model, config = build_head(name), RowsConfig(None, task=task)

    if accepted:
        check_head(model, config)
        return
    with pytest.raises(WrongHeadError, match=f"(?s){name}.*{task}"):
        check_head(model, config)


def test_a_model_of_own_code_is_accepted_for_every_task() -> None:
    check_head(build_model("normalized"), RowsConfig(None, task="text-generation"))


@pytest.mark.slow
def test_the_model_of_every_pair_has_the_head_for_its_task() -> None:
    from tests.resolver.exporting.tiny import choose_model_class

    with silence_libraries():
        for library, model_type, task in list_checked_pairs(read_outcomes()):
            base = task.removesuffix("-with-past")
            if library == "transformers":
                model_class = choose_model_class(model_type, base)
                check_head(model_class.__new__(model_class), RowsConfig(None, task=base))


@pytest.fixture(scope="module")
def bert() -> Any:
    from tests.resolver.exporting.tiny import build_tiny_model

    return build_tiny_model("transformers", "bert", "text-classification")


def test_a_folder_is_refused_before_tracing_too(bert: Any, tmp_path: Path) -> None:
    with pytest.raises(UnknownArgumentError, match=r"unknown arguments: with_past;.*sequence_length"):
        export_onnx_folder(bert, "text-classification", tmp_path, with_past=True)
    with pytest.raises(WrongHeadError):
        export_onnx_folder(bert, "fill-mask", tmp_path)
    with pytest.raises(MissingFolderError):
        export_onnx_folder(bert, "text-classification", tmp_path / "a" / "b")
    with pytest.raises(OpsetError):
        export_onnx_folder(bert, "text-classification", tmp_path, opset=3)
    assert not list(tmp_path.iterdir())
