"""Runs the README's example of an export."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

README = (Path(__file__).parents[3] / "README.md").read_text("utf-8")


def find_example(name: str) -> str:
    """The README's only example that calls this function."""
    examples = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    example: str
    (example,) = (text for text in examples if re.search(rf"\b{name}\(", text))
    return example


@pytest.mark.slow
def test_the_example_exports_a_model_of_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.resolver.exporting.checking import silence_libraries
    from tests.resolver.exporting.tiny import build_tiny_model

    monkeypatch.chdir(tmp_path)
    with silence_libraries():
        build_tiny_model("transformers", "bert", "text-classification").save_pretrained("my-model")
        exec(find_example("export_onnx"), {})

    assert (tmp_path / "model.onnx").stat().st_size > 0


@pytest.mark.slow
def test_the_example_exports_all_that_a_model_needs_to_generate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import onnxruntime
    import tokenizers
    import transformers

    from tests.resolver.exporting.checking import silence_libraries
    from tests.resolver.exporting.tiny import build_tiny_model

    monkeypatch.chdir(tmp_path)
    words = tokenizers.Tokenizer(tokenizers.models.WordLevel({"[UNK]": 0, "word": 1}, unk_token="[UNK]"))
    with silence_libraries():
        build_tiny_model("transformers", "gpt2", "text-generation").save_pretrained("my-model")
        transformers.PreTrainedTokenizerFast(tokenizer_object=words).save_pretrained("my-model")
        exec(find_example("export_onnx_folder"), {})

    names = {path.name for path in (tmp_path / "my-model-onnx").iterdir()}
    assert {"model.onnx", "config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json"} <= names
    session = onnxruntime.InferenceSession("my-model-onnx/model.onnx", providers=["CPUExecutionProvider"])
    assert "past_key_values.0.key" in {item.name for item in session.get_inputs()}
