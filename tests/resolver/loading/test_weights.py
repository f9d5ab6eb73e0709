"""The files to load: one format, all shards, the requested variant, nothing else."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, strategies as st

from resolver.loading import files
from resolver.loading.weights import ADAPTER_WEIGHTS, DIFFUSERS_WEIGHTS, TRANSFORMERS_WEIGHTS, choose_weights

pytestmark = pytest.mark.pure

SHARDS = ("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors")
INDEX = "model.safetensors.index.json"
BIN_SHARDS = ("pytorch_model-00001-of-00002.bin", "pytorch_model-00002-of-00002.bin")
BIN_INDEX = "pytorch_model.bin.index.json"

ROWS: tuple[tuple[str, tuple[str, ...], str | None, set[str] | None], ...] = (
    # (id, file names, requested variant, chosen weights: None where there are none)
    ("safetensors before pickles", ("model.safetensors", "pytorch_model.bin"), None, {"model.safetensors"}),
    ("a pickle where there is no safetensors", ("pytorch_model.bin", "tf_model.h5"), None, {"pytorch_model.bin"}),
    ("all shards and their index", (*SHARDS, INDEX, *BIN_SHARDS, BIN_INDEX), None, {*SHARDS, INDEX}),
    ("one file before shards", ("model.safetensors", *SHARDS, INDEX), None, {"model.safetensors"}),
    ("no set that lacks a shard", (SHARDS[0], INDEX, *BIN_SHARDS, BIN_INDEX), None, {*BIN_SHARDS, BIN_INDEX}),
    ("no shards without an index", SHARDS, None, None),
    ("the variant", ("model.safetensors", "model.fp16.safetensors"), "fp16", {"model.fp16.safetensors"}),
    ("not another variant", ("model.fp16.safetensors",), "bf16", None),
    ("weights without a variant", ("model.safetensors", "model.fp16.safetensors"), None, {"model.safetensors"}),
    ("the only variant", ("model.fp16.safetensors",), None, {"model.fp16.safetensors"}),
    ("none where there are two variants", ("model.fp16.safetensors", "model.int8.safetensors"), None, None),
    (
        "shards of a variant as transformers and diffusers write them",
        (
            "model.fp16-00001-of-00002.safetensors",
            "model.fp16-00002-of-00002.safetensors",
            "model.safetensors.index.fp16.json",
            "model.safetensors",
        ),
        "fp16",
        {
            "model.fp16-00001-of-00002.safetensors",
            "model.fp16-00002-of-00002.safetensors",
            "model.safetensors.index.fp16.json",
        },
    ),
    (
        "shards of a variant as diffusers wrote them",
        ("model-00001-of-00001.fp16.safetensors", "model.safetensors.index.fp16.json"),
        "fp16",
        {"model-00001-of-00001.fp16.safetensors", "model.safetensors.index.fp16.json"},
    ),
    (
        "no files by other names",
        ("consolidated.safetensors", "adapter_model.safetensors", "training_args.bin"),
        None,
        None,
    ),
    ("nothing in an empty folder", (), None, None),
)


@pytest.mark.parametrize(("names", "variant", "expected"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_weights_of_transformers(names: tuple[str, ...], variant: str | None, expected: set[str] | None) -> None:
    found = choose_weights(names, TRANSFORMERS_WEIGHTS, variant)
    assert (set(found.filenames) if found is not None else None) == expected


@given(
    st.lists(st.sampled_from([*SHARDS, INDEX, *BIN_SHARDS, BIN_INDEX, "model.safetensors", "model.fp16.safetensors"]))
)
def test_only_names_that_are_there_are_chosen_and_of_one_format(names: list[str]) -> None:
    found = choose_weights(names, TRANSFORMERS_WEIGHTS)
    if found is not None:
        assert set(found.filenames) <= set(names)
        assert {name.removesuffix(".index.json").rpartition(".")[2] for name in found.filenames} == {found.extension}


def test_other_libraries_have_names_of_their_own() -> None:
    both = ("diffusion_pytorch_model.safetensors", "diffusion_pytorch_model.bin")
    found = choose_weights(both, DIFFUSERS_WEIGHTS)
    assert found is not None and found.filenames == both[:1]
    found = choose_weights(("adapter_model.bin", "model.safetensors"), ADAPTER_WEIGHTS)
    assert found is not None and found.filenames == ("adapter_model.bin",)


PIPELINE_INDEX: dict[str, Any] = {
    "_class_name": "StableDiffusionPipeline",
    "unet": ["diffusers", "UNet2DConditionModel"],
    "vae": ["diffusers", "AutoencoderKL"],
    "scheduler": ["diffusers", "DDIMScheduler"],
    "safety_checker": [None, None],
    "requires_safety_checker": False,
}
PIPELINE = (
    "model_index.json",
    "scheduler/scheduler_config.json",
    "unet/config.json",
    "unet/diffusion_pytorch_model.fp16.safetensors",
    "unet/diffusion_pytorch_model.safetensors",
    "vae/config.json",
    "vae/diffusion_pytorch_model.safetensors",
    "vae/diffusion_pytorch_model.bin",
    "safety_checker/model.safetensors",
    "vae_encoder/model.onnx",
    "v1-5-pruned.safetensors",
)


@pytest.mark.parametrize("variant", [None, "fp16"])
def test_a_pipeline_has_the_components_in_its_index(variant: str | None) -> None:
    names, weights = files.choose_pipeline_files(PIPELINE, PIPELINE_INDEX, variant)
    unet = "unet/diffusion_pytorch_model.fp16.safetensors" if variant else "unet/diffusion_pytorch_model.safetensors"
    assert set(names) == {
        "model_index.json",
        "scheduler/scheduler_config.json",
        "unet/config.json",
        unet,
        "vae/config.json",
        "vae/diffusion_pytorch_model.safetensors",
    }
    assert weights is not None and (weights.extension, weights.variant) == ("safetensors", variant)


def test_a_sentence_transformer_has_every_module_in_one_format() -> None:
    names, _ = files.choose_sentence_transformers_files(
        (
            "1_Pooling/config.json",
            "2_Dense/config.json",
            "2_Dense/model.safetensors",
            "2_Dense/pytorch_model.bin",
            "README.md",
            "config.json",
            "model.safetensors",
            "modules.json",
            "onnx/config.json",
            "onnx/model.onnx",
            "openvino/openvino_model.bin",
            "pytorch_model.bin",
            "rust_model.ot",
            "tf_model.h5",
            "tokenizer.json",
            "vocab.txt",
        )
    )
    assert set(names) == {
        "1_Pooling/config.json",
        "2_Dense/config.json",
        "2_Dense/model.safetensors",
        "config.json",
        "model.safetensors",
        "modules.json",
        "tokenizer.json",
        "vocab.txt",
    }


def test_gguf_files_are_those_that_hold_a_whole_model() -> None:
    names = ("a-Q8_0.gguf", "mmproj-F16.gguf", "b-00001-of-00002.gguf", "a.imatrix.gguf", "README.md", "sub/c-F16.gguf")
    assert files.find_gguf_files(names) == ("a-Q8_0.gguf", "sub/c-F16.gguf")
