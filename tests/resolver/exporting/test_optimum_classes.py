"""optimum-onnx's classes generate from exported folders, with cached keys and values, the tokens that PyTorch does.

They need transformers 4, so pip installs them into a separate environment, which takes minutes. `OPTIMUM_PYTHON` may
name a Python that already has torch, optimum-onnx and onnxruntime. The models are made and exported here, with the
installed transformers.
"""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from resolver.exporting import export_onnx_folder
from tests.resolver.exporting.checking import silence_libraries
from tests.resolver.exporting.lively import make_lively
from tests.resolver.support import environment

pytestmark = pytest.mark.slow

VOCABULARY = 90


@dataclass(frozen=True)
class Case:
    """A tiny model, and the classes that load and consume it."""

    model_class: str
    config_class: str
    config: dict[str, Any]
    task: str
    consumer: str
    loads: tuple[dict[str, bool], ...] = ({},)
    shapes: dict[str, tuple[int, ...]] = field(default_factory=dict)
    """Inputs that hold numbers; the others are a text and its mask."""


DECODER = ("text-generation-with-past", "ORTModelForCausalLM")
MERGED_OR_NOT = ({"use_merged": True}, {"use_merged": False})
TOKENS = {"bos_token_id": 2, "eos_token_id": 1, "pad_token_id": 0}

CASES: dict[str, Case] = {
    "gpt2": Case(
        "GPT2LMHeadModel",
        "GPT2Config",
        {"n_embd": 32, "n_layer": 2, "n_head": 2, "n_positions": 64, **TOKENS},
        *DECODER,
    ),
    "llama": Case(
        "LlamaForCausalLM",
        "LlamaConfig",
        {
            "hidden_size": 32,
            "intermediate_size": 48,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "num_key_value_heads": 2,
            **TOKENS,
        },
        *DECODER,
    ),
    "t5": Case(
        "T5ForConditionalGeneration",
        "T5Config",
        {"d_model": 32, "d_kv": 16, "d_ff": 48, "num_layers": 2, "num_heads": 2, "decoder_start_token_id": 0},
        "text2text-generation-with-past",
        "ORTModelForSeq2SeqLM",
        MERGED_OR_NOT,
    ),
    "whisper": Case(
        "WhisperForConditionalGeneration",
        "WhisperConfig",
        {
            "d_model": 32,
            "encoder_layers": 1,
            "decoder_layers": 2,
            "encoder_attention_heads": 2,
            "decoder_attention_heads": 2,
            "encoder_ffn_dim": 48,
            "decoder_ffn_dim": 48,
            "num_mel_bins": 16,
            "max_source_positions": 64,
            "max_target_positions": 64,
            "decoder_start_token_id": 3,
            "suppress_tokens": None,
            "begin_suppress_tokens": None,
            **TOKENS,
        },
        "automatic-speech-recognition-with-past",
        "ORTModelForSpeechSeq2Seq",
        MERGED_OR_NOT,
        shapes={"input_features": (2, 16, 128)},
    ),
}

GENERATIONS = (
    {"max_new_tokens": 9, "do_sample": False, "no_repeat_ngram_size": 1},
    # The cache is put in another order after each step.
    {"max_new_tokens": 6, "do_sample": False, "num_beams": 3, "no_repeat_ngram_size": 1},
)


@pytest.mark.parametrize("name", CASES)
def test_the_consumer_generates_what_pytorch_does(optimum_python: Path, tmp_path: Path, name: str) -> None:
    case = CASES[name]
    model = build_model(case)
    inputs = build_inputs(case)
    with silence_libraries():
        export_onnx_folder(model, case.task, tmp_path)
        expected = [model.generate(**inputs, **options).tolist() for options in GENERATIONS]
    request = {
        "class": case.consumer,
        "loads": case.loads,
        "inputs": {key: value.tolist() for key, value in inputs.items()},
        "generations": GENERATIONS,
    }
    (tmp_path / "request.json").write_text(json.dumps(request), "utf-8")

    line = [str(optimum_python), str(Path(__file__).with_name("optimum_consumer.py")), str(tmp_path)]
    offline = environment(HF_HUB_OFFLINE="1", OMP_NUM_THREADS="1")
    done = subprocess.run(line, env=offline, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr[-4_000:]
    assert json.loads(done.stdout.splitlines()[-1]) == [expected] * len(case.loads)
    assert len(set(expected[0][0])) > 5


def build_model(case: Case) -> Any:
    """The model with seeded random weights."""
    import torch
    import transformers

    torch.manual_seed(0)
    config = getattr(transformers, case.config_class)(vocab_size=VOCABULARY, **case.config)
    return make_lively(getattr(transformers, case.model_class)(config).eval())


def build_inputs(case: Case) -> dict[str, Any]:
    """Seeded random inputs; the second of the texts is shorter, and padded on the left."""
    import torch

    random = torch.Generator().manual_seed(1)
    if case.shapes:
        return {name: torch.randn(shape, generator=random) for name, shape in case.shapes.items()}
    tokens = torch.randint(4, VOCABULARY, (3, 7), generator=random)
    mask = torch.ones_like(tokens)
    mask[1, :3] = 0
    return {"input_ids": tokens, "attention_mask": mask}
