"""Tokens that onnxruntime generates with the graphs of a folder are those of PyTorch.

In the loops here the next token is the most likely one that was not written before. The folders are used as optimum's
classes use them: the first step of a decoder that takes cached keys and values gets them with length 0.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy
import pytest

from resolver.exporting import export_onnx_folder
from resolver.exporting.merge import USE_CACHE_INPUT
from tests.resolver.exporting.checking import silence_libraries
from tests.resolver.exporting.lively import make_lively

Arrays = dict[str, Any]

NEW_TOKENS = 7
END_TOKEN = 1
LAYER = ("decoder.key", "decoder.value", "encoder.key", "encoder.value")

NAMES: dict[str, dict[str, tuple[set[str], set[str]]]] = {
    # Model -> file -> names of inputs, names of outputs, of a model with one layer; as optimum-onnx 0.1 writes them.
    "gpt2": {
        "model": (
            {
                "input_ids",
                "attention_mask",
                "position_ids",
                "past_key_values.0.key",
                "past_key_values.0.value",
            },
            {"logits", "present.0.key", "present.0.value"},
        ),
    },
    "t5": {
        "encoder_model": ({"input_ids", "attention_mask"}, {"last_hidden_state"}),
        "decoder_model": (
            {"input_ids", "encoder_hidden_states", "encoder_attention_mask"},
            {"logits", *(f"present.0.{part}" for part in LAYER)},
        ),
        "decoder_with_past_model": (
            {"input_ids", "encoder_attention_mask", *(f"past_key_values.0.{part}" for part in LAYER)},
            {"logits", *(f"present.0.{part}" for part in LAYER[:2])},
        ),
        "decoder_model_merged": (
            {
                "input_ids",
                "encoder_hidden_states",
                "encoder_attention_mask",
                "use_cache_branch",
                *(f"past_key_values.0.{part}" for part in LAYER),
            },
            {"logits", *(f"present.0.{part}" for part in LAYER)},
        ),
    },
}


class Folder:
    """A model, and its graphs in onnxruntime."""

    def __init__(self, model: Any, task: str, folder: Path) -> None:
        import onnxruntime

        self.model = model
        self.folder = folder
        with silence_libraries():
            self.paths = export_onnx_folder(model, task, folder, sequence_length=5)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 3
        self.sessions = {
            name: onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
            for name, path in self.paths.items()
        }

    def run(self, name: str, inputs: Mapping[str, Any]) -> Arrays:
        """The outputs by name; inputs that the graph does not have are left out."""
        session = self.sessions[name]
        wanted = {item.name for item in session.get_inputs()}
        outputs = session.run(None, {key: value for key, value in inputs.items() if key in wanted})
        return {item.name: value for item, value in zip(session.get_outputs(), outputs, strict=True)}

    def build_empty_past(self, name: str, batch_size: int) -> Arrays:
        """Cached keys and values of length 0."""
        return {
            item.name: numpy.zeros((batch_size, item.shape[1], 0, item.shape[3]), numpy.float32)
            for item in self.sessions[name].get_inputs()
            if item.name.startswith("past_key_values")
        }


@pytest.fixture(scope="module")
def gpt2(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    import torch
    import transformers

    torch.manual_seed(0)
    config = transformers.GPT2Config(
        n_embd=16,
        n_layer=1,
        n_head=2,
        vocab_size=60,
        n_positions=32,
        bos_token_id=2,
        eos_token_id=END_TOKEN,
        pad_token_id=0,
    )
    model = transformers.GPT2LMHeadModel(config).eval()
    return Folder(make_lively(model), "text-generation-with-past", tmp_path_factory.mktemp("gpt2"))


@pytest.fixture(scope="module")
def t5(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    import torch
    import transformers

    torch.manual_seed(0)
    config = transformers.T5Config(
        d_model=16, d_kv=8, d_ff=24, num_layers=1, num_heads=2, vocab_size=60, decoder_start_token_id=0
    )
    model = transformers.T5ForConditionalGeneration(config).eval()
    return Folder(make_lively(model), "text2text-generation-with-past", tmp_path_factory.mktemp("t5"))


def choose_tokens(batch_size: int, length: int) -> Any:
    return numpy.random.default_rng(3).integers(5, 60, (batch_size, length))


def generate_with_torch(model: Any, tokens: Any, mask: Any) -> Any:
    import torch

    with silence_libraries():
        return model.generate(
            input_ids=torch.from_numpy(tokens),
            attention_mask=torch.from_numpy(mask),
            max_new_tokens=NEW_TOKENS,
            min_new_tokens=NEW_TOKENS,
            do_sample=False,
            no_repeat_ngram_size=1,
        ).numpy()


def choose_next(logits: Any, written: Any) -> Any:
    """The most likely next tokens, as a column, without the end token and those that were written before."""
    last = logits[:, -1].copy()
    last[:, END_TOKEN] = -numpy.inf
    numpy.put_along_axis(last, written, -numpy.inf, axis=-1)
    return last.argmax(axis=-1)[:, None]


def generate_with_decoder(folder: Folder, tokens: Any, mask: Any) -> Any:
    """GPT-2's tokens: the graph gets the whole text first, then one token at a time."""
    cached = folder.build_empty_past("model", len(tokens))
    new = tokens
    for _ in range(NEW_TOKENS):
        positions = numpy.clip(mask.cumsum(axis=-1) - 1, 0, None)[:, -new.shape[1] :]
        outputs = folder.run("model", {"input_ids": new, "attention_mask": mask, "position_ids": positions, **cached})
        cached = {
            name.replace("present", "past_key_values"): value for name, value in outputs.items() if name != "logits"
        }
        new = choose_next(outputs["logits"], tokens)
        tokens, mask = numpy.hstack([tokens, new]), numpy.hstack([mask, numpy.ones_like(new)])
    return tokens


def generate_with_two_decoders(folder: Folder, tokens: Any, mask: Any) -> Any:
    """T5's tokens: the first by the decoder, the others by the decoder with past."""
    return _generate_with_encoder(
        folder, tokens, mask, lambda step: "decoder_with_past_model" if step else "decoder_model"
    )


def generate_with_merged_decoder(folder: Folder, tokens: Any, mask: Any) -> Any:
    """T5's tokens by the merged decoder alone."""
    return _generate_with_encoder(folder, tokens, mask, lambda _: "decoder_model_merged")


def _generate_with_encoder(folder: Folder, tokens: Any, mask: Any, choose_graph: Callable[[int], str]) -> Any:
    states = folder.run("encoder_model", {"input_ids": tokens, "attention_mask": mask})["last_hidden_state"]
    cached = folder.build_empty_past("decoder_model_merged", len(tokens))
    new = written = numpy.zeros((len(tokens), 1), numpy.int64)
    for step in range(NEW_TOKENS):
        inputs = {
            "input_ids": new,
            "encoder_hidden_states": states,
            "encoder_attention_mask": mask,
            USE_CACHE_INPUT: numpy.array([step > 0]),
        }
        outputs = folder.run(choose_graph(step), {**inputs, **cached})
        cached |= {
            name.replace("present", "past_key_values"): value for name, value in outputs.items() if name != "logits"
        }
        new = choose_next(outputs["logits"], written)
        written = numpy.hstack([written, new])
    return written


@pytest.mark.parametrize("batch_size", [1, 3])
def test_a_decoder_with_past_generates_what_pytorch_does(gpt2: Folder, batch_size: int) -> None:
    tokens = choose_tokens(batch_size, 6)
    mask = numpy.ones_like(tokens)
    # The first text is shorter: it is padded on the left.
    mask[0, :2] = 0

    generated = generate_with_decoder(gpt2, tokens, mask)

    assert generated.tolist() == generate_with_torch(gpt2.model, tokens, mask).tolist()


@pytest.mark.slow
@pytest.mark.parametrize("batch_size", [1, 3])
@pytest.mark.parametrize("generate", [generate_with_two_decoders, generate_with_merged_decoder])
def test_an_encoder_and_its_decoders_generate_what_pytorch_does(
    t5: Folder, generate: Callable[[Folder, Any, Any], Any], batch_size: int
) -> None:
    tokens = choose_tokens(batch_size, 6)
    mask = numpy.ones_like(tokens)
    mask[0, 4:] = 0

    generated = generate(t5, tokens, mask)

    assert generated.tolist() == generate_with_torch(t5.model, tokens, mask).tolist()


@pytest.mark.parametrize("name", NAMES)
def test_files_inputs_and_outputs_have_the_names_of_optimum(name: str, request: pytest.FixtureRequest) -> None:
    folder: Folder = request.getfixturevalue(name)

    found = {
        graph: ({item.name for item in session.get_inputs()}, {item.name for item in session.get_outputs()})
        for graph, session in folder.sessions.items()
    }
    assert found == NAMES[name]
    assert {path.name for path in folder.folder.iterdir()} == {
        *(f"{graph}.onnx" for graph in NAMES[name]),
        "config.json",
        "generation_config.json",
    }


def test_the_merged_decoder_is_one_choice_and_has_each_weight_once(t5: Folder) -> None:
    import onnx
    from onnx import numpy_helper

    merged = onnx.load(t5.paths["decoder_model_merged"])
    (node,) = merged.graph.node
    weights = [numpy_helper.to_array(item) for item in merged.graph.initializer]

    assert (node.op_type, list(node.input)) == ("If", ["use_cache_branch"])
    assert {item.name for item in node.attribute} == {"then_branch", "else_branch"}
    assert len({(item.shape, item.tobytes()) for item in weights}) == len(weights) > 5
    assert all(
        item.g.initializer and max(numpy_helper.to_array(x).size for x in item.g.initializer) <= 64
        for item in node.attribute
    )


def test_the_merged_decoder_returns_the_cached_states_of_the_encoder_in_both_branches(t5: Folder) -> None:
    tokens = choose_tokens(2, 6)
    mask = numpy.ones_like(tokens)
    states = t5.run("encoder_model", {"input_ids": tokens, "attention_mask": mask})["last_hidden_state"]
    inputs = {"input_ids": tokens[:, :1], "encoder_hidden_states": states, "encoder_attention_mask": mask}
    empty = t5.build_empty_past("decoder_model_merged", 2)

    first = t5.run("decoder_model_merged", {**inputs, **empty, USE_CACHE_INPUT: numpy.array([False])})
    cached = {name.replace("present", "past_key_values"): value for name, value in first.items()}
    later = t5.run("decoder_model_merged", {**inputs, **cached, USE_CACHE_INPUT: numpy.array([True])})

    assert (later["present.0.encoder.key"] == first["present.0.encoder.key"]).all()
    assert later["present.0.decoder.key"].shape[2] == 2


def test_a_file_tells_no_path_of_the_machine_that_made_it(t5: Folder) -> None:
    for path in t5.paths.values():
        assert b".py" not in path.read_bytes()


def test_weights_that_are_too_large_for_one_file_are_written_beside_it(t5: Folder, tmp_path: Path) -> None:
    import onnx_ir
    import onnxruntime

    from resolver.exporting.saving import save_model

    path = tmp_path / "encoder_model.onnx"
    save_model(onnx_ir.load(t5.paths["encoder_model"]), path, largest_file_bytes=1_000)

    assert sorted(item.name for item in tmp_path.iterdir()) == ["encoder_model.onnx", "encoder_model.onnx_data"]
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    tokens = choose_tokens(2, 6)
    inputs = {"input_ids": tokens, "attention_mask": numpy.ones_like(tokens)}
    assert (session.run(None, inputs)[0] == t5.run("encoder_model", inputs)["last_hidden_state"]).all()
