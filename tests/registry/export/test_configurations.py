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


GRAPHS: list[tuple[str, str, Any, list[str]]] = [
    # Model type, task, the model's config, the names of the graphs.
    ("bert", "text-classification", BERT, ["model"]),
    ("gpt2", "text-generation", GPT2, ["model"]),
    ("gpt2", "text-generation-with-past", GPT2, ["model"]),
    ("t5", "feature-extraction", T5, ["model"]),
    ("t5", "feature-extraction-with-past", T5, ["encoder_model", "decoder_model", "decoder_with_past_model"]),
    ("t5", "text2text-generation", T5, ["encoder_model", "decoder_model"]),
    ("t5", "text2text-generation-with-past", T5, ["encoder_model", "decoder_model", "decoder_with_past_model"]),
    ("bart", "text-classification", T5, ["model"]),
    ("bart", "text-generation-with-past", T5, ["model"]),
    ("whisper", "audio-classification", T5, ["model"]),
    ("whisper", "automatic-speech-recognition", T5, ["encoder_model", "decoder_model"]),
]


@pytest.mark.parametrize(
    ("model_type", "task", "config", "names"), GRAPHS, ids=[f"{row[0]}-{row[1]}" for row in GRAPHS]
)
def test_a_model_has_the_graphs_that_optimum_writes(model_type: str, task: str, config: Any, names: list[str]) -> None:
    assert list(build_config(model_type, task, config).build_graph_configs()) == names


def test_the_graph_of_a_decoder_with_past_takes_what_it_returns() -> None:
    config = build_config("gpt2", "text-generation-with-past", GPT2)

    (graph,) = config.build_graph_configs().values()

    assert "past_key_values.0.key" in graph.inputs and "past_key_values.0.key" not in config.inputs


def test_whispers_decoder_takes_any_number_of_states_and_its_encoder_returns_a_fixed_one() -> None:
    sizes = {"max_source_positions": 50, "num_mel_bins": 8, "d_model": 32}
    whisper = SimpleNamespace(**{**vars(T5), **sizes, "decoder_layers": 1, "decoder_attention_heads": 4})
    graphs = build_config("whisper", "automatic-speech-recognition-with-past", whisper).build_graph_configs()

    assert graphs["encoder_model"].outputs == {"last_hidden_state": {0: "batch_size"}}
    cached = graphs["decoder_with_past_model"].inputs["past_key_values.0.encoder.key"]
    assert cached == {0: "batch_size", 2: "encoder_sequence_length"}


def test_the_names_of_sizes_are_those_of_the_inputs_and_those_that_imply_them() -> None:
    bert = build_config("bert", "fill-mask", BERT).list_size_names()
    clip = build_config("clip", "zero-shot-image-classification", CLIP).list_size_names()

    assert {"batch_size", "sequence_length"} <= bert and "height" not in bert
    assert {"batch_size", "image_batch_size", "text_batch_size", "sequence_length"} <= clip


CLIP = SimpleNamespace(text_config=BERT, vision_config=VIT)


def test_positions_that_are_learnt_for_a_square_image_are_interpolated() -> None:
    square = SimpleNamespace(image_size=32, num_channels=3)
    classes = build_config("vit", "image-classification", square)
    masked = build_config("vit", "masked-im", square)
    without_being_asked = build_config("dinov2", "image-classification", square)

    assert classes.inputs == {"pixel_values": {0: "batch_size", 2: "height", 3: "width"}}
    assert dict(classes.get_fixed_arguments()) == {"interpolate_pos_encoding": True}
    # A traced image of the learnt size would not be interpolated.
    assert classes.get_default_sizes() == {"height": 64, "width": 96}
    assert (masked.inputs, masked.get_fixed_arguments()) == ({"pixel_values": {0: "batch_size"}}, {})
    assert (without_being_asked.inputs, without_being_asked.get_fixed_arguments()) == (classes.inputs, {})


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
