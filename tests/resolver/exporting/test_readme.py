"""Runs the README's example of an export."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

README = (Path(__file__).parents[3] / "README.md").read_text("utf-8")


@pytest.mark.slow
def test_the_example_exports_a_model_of_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.resolver.exporting.checking import silence_libraries
    from tests.resolver.exporting.tiny import build_tiny_model

    (example,) = (text for text in re.findall(r"```python\n(.*?)```", README, re.DOTALL) if "export_onnx" in text)
    monkeypatch.chdir(tmp_path)
    with silence_libraries():
        build_tiny_model("transformers", "bert", "text-classification").save_pretrained("my-model")
        exec(example, {})

    assert (tmp_path / "model.onnx").stat().st_size > 0
