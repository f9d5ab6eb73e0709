"""Exports tiny models by their configurations, and runs the graphs.

With `HUBRESOLVE_EXPORTS=K/N` that part of all pairs is checked, instead of a small sample.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from registry.export.support_table import SUPPORT_ROWS
from tests.resolver.exporting.pairs import (
    CHECKED,
    SAMPLE,
    TABLE,
    Pair,
    choose_part,
    get_outcome,
    list_checked_pairs,
    read_outcomes,
    render_table,
)

OUTCOMES = read_outcomes()
PAIRS = choose_part(list_checked_pairs(OUTCOMES), os.environ.get("HUBRESOLVE_EXPORTS"))


@pytest.mark.slow
@pytest.mark.independent
@pytest.mark.parametrize("pair", PAIRS, ids="-".join)
def test_the_exported_graph_gives_what_the_model_does_for_another_batch(pair: Pair, tmp_path: Path) -> None:
    from tests.resolver.exporting.checking import check_onnx

    assert check_onnx(*pair, tmp_path).count > 0


@pytest.mark.slow
@pytest.mark.parametrize("model_type", ["vit", "clip_vision_model"])
def test_an_image_of_the_learnt_size_is_not_changed_by_the_interpolation(model_type: str, tmp_path: Path) -> None:
    import numpy
    import onnxruntime
    import torch

    from resolver.exporting import export_onnx
    from tests.resolver.exporting.checking import build_config, silence_libraries
    from tests.resolver.exporting.tiny import build_tiny_model

    with silence_libraries():
        model = build_tiny_model("transformers", model_type, "feature-extraction")
        config = build_config("transformers", model_type, "feature-extraction", model)
        path = export_onnx(model, config, tmp_path / "model.onnx")
    size = model.config.image_size
    inputs = config.generate_dummy_inputs("np", batch_size=1, height=size, width=size)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    with torch.no_grad():
        expected = model(torch.from_numpy(inputs["pixel_values"])).last_hidden_state.numpy()

    assert numpy.abs(session.run(["last_hidden_state"], inputs)[0] - expected).max() < 1e-5


@pytest.mark.slow
def test_a_program_of_torch_export_takes_another_batch_too() -> None:
    from tests.resolver.exporting.checking import check_program

    assert check_program("transformers", "distilbert", "feature-extraction").count > 0


def test_the_page_lists_the_outcomes_of_the_last_run() -> None:
    assert TABLE.read_text("utf-8") == render_table(OUTCOMES)


def test_enough_pairs_are_checked_and_every_family_has_some() -> None:
    checked = list_checked_pairs(OUTCOMES)
    families = {
        (library, model_type): class_path.partition(":")[0]
        for library, rows in SUPPORT_ROWS.items()
        for model_type, class_path, _ in rows
    }

    assert len(checked) >= 200
    assert set(SAMPLE) <= set(checked)
    assert {families[library, model_type] for library, model_type, _ in checked} == {*families.values()}


def test_the_parts_are_all_pairs_and_no_pair_twice() -> None:
    checked = list_checked_pairs(OUTCOMES)
    parts = [pair for number in range(7) for pair in choose_part(checked, f"{number}/7")]

    assert sorted(parts) == sorted(checked)
    assert {get_outcome(pair, OUTCOMES) for pair in parts} == {CHECKED}
