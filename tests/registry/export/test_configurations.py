"""Tests inputs, outputs and dummy inputs of the configurations; a model's config is enough for them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from registry import shipped_registry
from registry.export import ExportConfig, shipped_export_registry
from registry.export.dummy_inputs import generate_dummy_input
from registry.export.tensors import InputSpec, OutputSpec, evaluate_dim

EXPORTS = shipped_export_registry(shipped_registry())

BERT = SimpleNamespace(vocab_size=100, type_vocab_size=2, pad_token_id=0, bos_token_id=None)
GPT2 = SimpleNamespace(
    vocab_size=100, num_hidden_layers=2, num_attention_heads=4, hidden_size=32, eos_token_id=99, use_cache=True
)
T5 = SimpleNamespace(
    vocab_size=100, num_layers=3, num_decoder_layers=1, num_heads=4, d_model=32, d_kv=5, pad_token_id=0, use_cache=True
)
VIT = SimpleNamespace(image_size=[32, 48], num_channels=1)
WAVE = SimpleNamespace(conv_kernel=(10, 3), conv_stride=(5, 2))


def build_config(model_type: str, task: str, config: Any, library: str = "transformers", **keywords: Any) -> Any:
    constructor = EXPORTS.get_exporter_config_constructor(
        "onnx", model_type=model_type, task=task, library_name=library, exporter_config_kwargs=keywords
    )
    return constructor(config)


def test_a_choice_is_an_axis_of_its_own() -> None:
    config = build_config("bert", "multiple-choice", BERT)

    assert config.inputs["input_ids"] == {0: "batch_size", 1: "num_choices", 2: "sequence_length"}
    assert config.outputs == {"logits": {0: "batch_size", 1: "num_choices"}}
    assert config.generate_dummy_inputs("np", num_choices=3)["attention_mask"].shape == (2, 3, 16)


def test_a_decoder_with_past_gives_what_it_caches_and_takes_it_when_asked() -> None:
    without = build_config("gpt2", "text-generation", GPT2)
    giving = build_config("gpt2", "text-generation-with-past", GPT2)
    taking = build_config("gpt2", "text-generation-with-past", GPT2, use_past_in_inputs=True)

    assert list(without.outputs) == ["logits"]
    assert list(giving.inputs) == list(without.inputs) == ["input_ids", "attention_mask", "position_ids"]
    assert giving.outputs["present.1.value"] == {0: "batch_size", 2: "sequence_length"}
    assert taking.inputs["past_key_values.0.key"] == {0: "batch_size", 2: "past_sequence_length"}
    assert taking.outputs["present.0.key"] == {0: "batch_size", 2: "past_sequence_length + sequence_length"}
    assert (without.values_override, giving.values_override) == ({"use_cache": False}, {"use_cache": True})
    inputs = taking.generate_dummy_inputs("np", sequence_length=2, past_sequence_length=5)
    assert inputs["attention_mask"].shape == (2, 7)
    assert inputs["position_ids"].tolist() == [[5, 6], [5, 6]]
    assert inputs["past_key_values.1.key"].shape == (2, 4, 5, 8)


def test_an_encoder_and_a_decoder_are_exported_whole_or_in_parts() -> None:
    whole = build_config("t5", "text2text-generation-with-past", T5)
    encoder, decoder, with_past = whole.build_part_configs().values()

    assert list(whole.inputs) == ["input_ids", "attention_mask", "decoder_input_ids"]
    assert list(encoder.outputs) == ["last_hidden_state"]
    assert list(decoder.inputs) == ["input_ids", "encoder_hidden_states", "encoder_attention_mask"]
    assert list(decoder.outputs) == ["logits", *(f"present.0.{name}" for name in PARTS)]
    assert list(with_past.inputs)[3:] == [f"past_key_values.0.{name}" for name in PARTS]
    assert list(with_past.outputs) == ["logits", "present.0.decoder.key", "present.0.decoder.value"]
    assert with_past.torch_to_onnx_input_map == {
        "decoder_input_ids": "input_ids",
        "encoder_outputs.last_hidden_state": "encoder_hidden_states",
        "attention_mask": "encoder_attention_mask",
    }


PARTS = ("decoder.key", "decoder.value", "encoder.key", "encoder.value")


def test_an_image_has_the_size_in_the_config_if_positions_are_learnt() -> None:
    fixed = build_config("vit", "image-classification", VIT)
    free = build_config("resnet", "image-classification", VIT)

    assert fixed.build_input_specs()[0].shape == ("batch_size", 1, 32, 48)
    assert fixed.inputs == {"pixel_values": {0: "batch_size"}}
    assert free.inputs == {"pixel_values": {0: "batch_size", 2: "height", 3: "width"}}
    assert free.generate_dummy_inputs("np", height=64)["pixel_values"].shape == (2, 1, 64, 48)


def test_the_number_of_audio_states_follows_from_the_convolutions() -> None:
    config = build_config("wav2vec2", "automatic-speech-recognition", WAVE)

    length = config.outputs["logits"][1]

    assert config.generate_dummy_inputs("np", audio_sequence_length=100)["input_values"].shape == (2, 100)
    assert evaluate_dim(length, {"sequence_length": 100}) == ((100 - 10) // 5 + 1 - 3) // 2 + 1


def test_nested_configs_are_read() -> None:
    clip = SimpleNamespace(text_config=BERT, vision_config=VIT)

    config = build_config("clip", "zero-shot-image-classification", clip)

    assert config.inputs == {
        "pixel_values": {0: "image_batch_size"},
        "input_ids": {0: "text_batch_size", 1: "sequence_length"},
        "attention_mask": {0: "text_batch_size", 1: "sequence_length"},
    }
    assert config.merge_sizes(batch_size=5)["image_batch_size"] == 5


@pytest.mark.parametrize(
    ("dim", "length"),
    [
        (7, 7),
        ("batch_size", 2),
        ("past_sequence_length + sequence_length", 9),
        ("(sequence_length - 1) // 2 + 1", 2),
        ("3 * batch_size", 6),
    ],
)
def test_a_length_is_a_number_a_name_or_an_expression(dim: int | str, length: int) -> None:
    assert evaluate_dim(dim, {"batch_size": 2, "sequence_length": 3, "past_sequence_length": 6}) == length


@pytest.mark.parametrize("text", ["__import__('os')", "batch_size ** 2", "batch_size.real", "'a'"])
def test_only_arithmetic_is_evaluated(text: str) -> None:
    with pytest.raises(ValueError, match="is not a valid axis size"):
        evaluate_dim(text, {"batch_size": 2})


def test_a_name_without_a_size_is_an_error() -> None:
    with pytest.raises(KeyError, match="unheard_of"):
        evaluate_dim("unheard_of + 1", {})


def test_dummy_inputs_are_in_their_range_the_same_each_time_and_have_fixed_values() -> None:
    spec = InputSpec(name="input_ids", shape=("batch_size", 50), low=3, high=9, fixed=((-1, 42),))
    first, again = (generate_dummy_input(spec, {"batch_size": 4}, "np") for _ in range(2))

    assert (first == again).all()
    assert set(first[:, :-1].flatten().tolist()) == set(range(3, 9))
    assert (first[:, -1] == 42).all()
    assert first.dtype.name == "int64"
    assert generate_dummy_input(spec, {"batch_size": 1}, "np", int_dtype="int32").dtype.name == "int32"


def test_boxes_have_their_right_bottom_corner_last() -> None:
    spec = InputSpec(name="bbox", shape=(5, 7, 4), fill="boxes", high=100)

    boxes = generate_dummy_input(spec, {}, "np")

    assert (boxes[..., 2:] >= boxes[..., :2]).all()
    assert 0 <= boxes.min() <= boxes.max() < 100


@pytest.mark.parametrize(
    ("framework", "float_dtype", "message"),
    [("tf", "fp32", "'pt' and 'np'"), ("np", "bf16", "bfloat16"), ("np", "fp64", "fp64")],
)
def test_a_dummy_input_that_cannot_be_generated_is_refused(framework: str, float_dtype: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        generate_dummy_input(InputSpec(name="x", shape=(1,), kind="float"), {}, framework, float_dtype=float_dtype)


def test_a_configuration_of_ones_own_defines_inputs_and_the_task_defines_outputs() -> None:
    class OwnConfig(ExportConfig):
        def build_input_specs(self) -> tuple[InputSpec, ...]:
            return (InputSpec(name="x", shape=("batch_size", 3), kind="float", argument="hidden"),)

    config = OwnConfig(SimpleNamespace(), task="image-classification")

    assert config.outputs == {"logits": {0: "batch_size"}}
    assert config.torch_to_onnx_input_map == {"hidden": "x"}
    assert OutputSpec(name="out", source="sample").path == "sample"
    assert config.values_override is None
