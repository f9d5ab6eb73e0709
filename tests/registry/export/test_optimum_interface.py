"""What optimum's exporters read of a configuration: on tiny models, without optimum."""

from __future__ import annotations

import inspect
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from registry.defaults import default_registry
from registry.export import ExportConfig, shipped_export_registry
from registry.export.optimum_interface import OPTIMUM_DEFAULT_SIZES, DummyInputGenerator, NormalizedConfig
from registry.export.tensors import InputSpec

BERT: dict[str, Any] = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
GPT2: dict[str, Any] = {"n_embd": 16, "n_layer": 1, "n_head": 2, "vocab_size": 32}


def build_config(model_type: str, task: str, config: Any, **more: Any) -> Any:
    exports = shipped_export_registry(default_registry())
    return exports.get_exporter_config_constructor("onnx", model_type=model_type, task=task)(config, **more)


def test_the_attributes_that_exporters_read() -> None:
    model_config = SimpleNamespace(model_type="gpt2", **GPT2)
    config = build_config("gpt2", "text-generation-with-past", model_config)
    assert config._config is model_config
    normalized = config._normalized_config
    assert isinstance(normalized, NormalizedConfig) and config.NORMALIZED_CONFIG_CLASS is NormalizedConfig
    assert (normalized.hidden_size, normalized.num_layers, normalized.num_attention_heads) == (16, 1, 2)
    assert normalized.vocab_size == 32 and normalized.n_embd == 16
    assert normalized.has_attribute("num_layers") and not normalized.has_attribute("no_such_field")
    with pytest.raises(AttributeError, match="no_such_field"):
        normalized.no_such_field  # noqa: B018  # reading it raises
    assert config.variant in config.VARIANTS
    assert config.is_transformers_support_available and config.is_torch_support_available
    assert config.flatten_output_collection_property("past", [[1, 2], [3]]) == {"past.0": 1, "past.1": 2, "past.2": 3}
    assert config.post_process_exported_models("out", {"model": 1}, ["model.onnx"]) == ({"model": 1}, ["model.onnx"])


def test_dummy_inputs_one_by_one() -> None:
    pytest.importorskip("numpy")
    config = build_config("bert", "fill-mask", SimpleNamespace(vocab_size=32))
    (generator_class,) = config.DUMMY_INPUT_GENERATOR_CLASSES
    generator: DummyInputGenerator = generator_class(config.task, config._normalized_config, batch_size=3)
    assert generator.supports_input("input_ids") and not generator.supports_input("pixel_values")
    ids = generator.generate("input_ids", framework="np", int_dtype="int32")
    assert (ids.shape, str(ids.dtype)) == ((3, 16), "int32")
    with pytest.raises(ValueError, match="an export configuration only"):
        generator_class("fill-mask", NormalizedConfig(SimpleNamespace()))


class ImageConfig(ExportConfig):
    """A configuration whose images are larger than optimum's default."""

    def build_input_specs(self) -> tuple[InputSpec, ...]:
        return (InputSpec(name="pixel_values", shape=("batch_size", 3, "height", "width"), kind="float"),)

    def get_default_sizes(self) -> dict[str, int]:
        return {"height": 8, "width": 8}


@pytest.mark.parametrize(
    ("sizes", "shape"),
    [
        ({}, (2, 3, 8, 8)),
        ({"height": 64}, (2, 3, 64, 8)),
        # optimum's exporters pass all of its defaults: only what differs from them was asked for.
        (OPTIMUM_DEFAULT_SIZES, (2, 3, 8, 8)),
        ({**OPTIMUM_DEFAULT_SIZES, "batch_size": 5, "width": 32}, (5, 3, 8, 32)),
    ],
)
def test_the_defaults_of_optimum_do_not_count_as_requested(sizes: dict[str, int], shape: tuple[int, ...]) -> None:
    pytest.importorskip("numpy")
    assert ImageConfig(None).generate_dummy_inputs(framework="np", **sizes)["pixel_values"].shape == shape


def test_a_patched_model_takes_and_returns_flat_tensors() -> None:
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    model = transformers.GPT2LMHeadModel(transformers.GPT2Config(**GPT2)).eval()
    config = build_config("gpt2", "text-generation-with-past", model.config, use_past_in_inputs=True)
    dummies = config.generate_dummy_inputs(batch_size=2, sequence_length=1)
    assert "past_key_values.0.key" in dummies
    original = model.forward
    with torch.no_grad(), config.patch_model_for_export(model, model_kwargs={"logits_to_keep": 0}):
        assert [*inspect.signature(model.forward).parameters] == [*config.rename_ambiguous_inputs(dummies)]
        assert list(config.ordered_inputs(model)) == list(config.inputs)
        named = model(**config.rename_ambiguous_inputs(dummies))
        positional = model(*dummies.values())
        assert list(named) == ["logits", "past_key_values.0.key", "past_key_values.0.value"]
        assert all(torch.equal(named[name], positional[name]) for name in named)
    assert model.forward == original
    assert {config.torch_to_onnx_output_map.get(name, name) for name in named} == set(config.outputs)
    cache = transformers.DynamicCache([(dummies["past_key_values.0.key"], dummies["past_key_values.0.value"])])
    with torch.no_grad():
        inputs = {name: dummies[name] for name in ("input_ids", "attention_mask", "position_ids")}
        # transformers 5.24 renamed the argument.
        name = "cache" if "cache" in inspect.signature(model.forward).parameters else "past_key_values"
        expected = model(**inputs, **{name: cache}).logits
    assert torch.allclose(named["logits"], expected)


def test_axes_that_only_the_trace_made_dynamic_are_fixed(tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    pytest.importorskip("numpy")
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    inputs = [
        helper.make_tensor_value_info("pixel_values", kind, ["batch_size", 3, "height", "width"]),
        helper.make_tensor_value_info("unused", kind, [1]),
    ]
    output = helper.make_tensor_value_info("last_hidden_state", kind, ["batch_size", "Squeezed_1", "height", "width"])
    node = helper.make_node("Relu", ["pixel_values"], ["last_hidden_state"])
    graph = helper.make_graph([node], "graph", inputs[:1], [output])
    path = tmp_path / "model.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8), str(path))
    config = ImageConfig(None)
    config.fix_dynamic_axes(path)
    dims = onnx.load(str(path)).graph.output[0].type.tensor_type.shape.dim
    assert [dim.dim_param or dim.dim_value for dim in dims] == ["batch_size", 3, "height", "width"]
    before = path.read_bytes()
    config.fix_dynamic_axes(path)
    assert path.read_bytes() == before
    assert config.generate_dummy_inputs_for_validation({"pixel_values": 1, "unused": 2}, ["pixel_values"]) == {
        "pixel_values": 1
    }
