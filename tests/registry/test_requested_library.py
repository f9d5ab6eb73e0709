"""A requested library: accepted where it can load the repo's files, else refused with the reason."""

from __future__ import annotations

import pytest

from registry.defaults import shipped_registry
from registry.errors import ContradictionError
from registry.facts import RepoFacts
from registry.rules.decide import decide
from tests.registry.repo_facts import PT, repo

pytestmark = pytest.mark.pure

LLAMA = repo("LlamaForCausalLM", "llama")
MLX = repo("LlamaForCausalLM", "llama", config={"quantization": {"group_size": 64, "bits": 4}})
TIMM = repo(config={"architecture": "resnet50", "pretrained_cfg": {"num_classes": 10}})
BOTH = repo("CLIPModel", "clip", library_name="transformers", names=(PT, "open_clip_config.json"))
FLUX = repo(files={"model_index.json": {"_class_name": "FluxPipeline"}})


@pytest.mark.parametrize(
    ("facts", "library", "model_class"),
    [
        (LLAMA, "transformers", "AutoModelForCausalLM"),
        (LLAMA, "sentence_transformers", "SentenceTransformer"),
        (LLAMA, "mlx", "load"),
        (BOTH, "open_clip", "create_model_from_pretrained"),
        (repo("LlamaForCausalLM", "llama", names=("a.gguf",)), "transformers", "AutoModelForCausalLM"),
        (repo("LlamaForCausalLM", "llama", names=("a.gguf", PT)), "gguf", None),
    ],
)
def test_a_library_that_can_load_the_files_is_accepted(facts: RepoFacts, library: str, model_class: str | None) -> None:
    decision = decide(facts, shipped_registry(), library=library)

    assert (decision.library, decision.model_class) == (library, model_class)


@pytest.mark.parametrize(
    ("facts", "library"),
    [
        (LLAMA, "timm"),
        (LLAMA, "diffusers"),
        (LLAMA, "open_clip"),
        (LLAMA, "peft"),
        (LLAMA, "gguf"),
        (MLX, "transformers"),
        (TIMM, "sentence_transformers"),
        (FLUX, "transformers"),
        (FLUX, "sentence_transformers"),
    ],
)
def test_a_library_that_cannot_is_refused_with_the_reason(facts: RepoFacts, library: str) -> None:
    with pytest.raises(ContradictionError, match=f"{library} was asked for, but the repo is one of"):
        decide(facts, shipped_registry(), library=library)
