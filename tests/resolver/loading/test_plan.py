"""The load plan as a table: the repo and the options, the class to call and the files that it reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from registry.defaults import default_registry
from registry.facts import RepoFacts
from registry.rules.decide import decide
from resolver.errors import NotLoadableError, RemoteCodeError, ResolveError
from resolver.loading.options import LoadOptions
from resolver.loading.plan import LoadPlan, check_loadable, find_missing_manifests, plan_load
from resolver.resolution import Resolution, Source
from tests.registry.repo_facts import repo

pytestmark = pytest.mark.pure

BERT = ("BertForMaskedLM", "bert")
PIPELINE = {
    "_class_name": "FluxPipeline",
    "vae": ["diffusers", "AutoencoderKL"],
    "tokenizer": ["transformers", "CLIPTokenizer"],
}
LORA = {"peft_type": "LORA", "task_type": "CAUSAL_LM", "base_model_name_or_path": "org/base"}
LLAMA_CODE = {"AutoModelForCausalLM": "modeling.Net"}


def resolution_of(facts: RepoFacts, options: LoadOptions) -> Resolution:
    return Resolution(
        repo_id="acme/m",
        canonical_id="acme/m",
        revision="main",
        commit_hash="a" * 40,
        pipeline_tag=facts.hints.pipeline_tag,
        library_name=facts.hints.library_name,
        source=Source.HUB,
        decision=decide(facts, default_registry(), library=options.library),
    )


def plan(facts: RepoFacts, options: LoadOptions) -> LoadPlan:
    resolution = resolution_of(facts, options)
    check_loadable(resolution, options)
    return plan_load(resolution, facts.commit, options, default_registry())


@dataclass(frozen=True)
class Row:
    """`files` is exactly what is fetched; None: not looked at."""

    id: str
    facts: RepoFacts
    class_name: str
    files: tuple[str, ...] | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    attributes: Mapping[str, Any] = field(default_factory=dict)


PLANS = (
    Row("weights of two formats", repo(*BERT, names=("model.safetensors", "pytorch_model.bin", "README.md")),
        "AutoModelForMaskedLM", ("config.json", "model.safetensors"), attributes={"safetensors": True}),
    Row("only a pickle", repo(*BERT, names=("pytorch_model.bin",)), "AutoModelForMaskedLM",
        ("config.json", "pytorch_model.bin"), attributes={"safetensors": False}),
    Row("shards", repo(*BERT, names=("model.safetensors.index.json", "model-00001-of-00002.safetensors",
        "model-00002-of-00002.safetensors")), "AutoModelForMaskedLM",
        ("config.json", "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors",
         "model.safetensors.index.json")),
    Row("a variant", repo(*BERT, names=("model.safetensors", "model.fp16.safetensors")), "AutoModelForMaskedLM",
        ("config.json", "model.fp16.safetensors"), {"variant": "fp16"}, {"variant": "fp16"}),
    Row("an auto class that may not take the config has a fallback", repo(*BERT), "AutoModelForMaskedLM",
        attributes={"fallback_class": "BertForMaskedLM"}),
    Row("remote code that is allowed", repo("Net", "own", auto_map=LLAMA_CODE, names=("model.safetensors",
        "modeling.py", "sub/util.py", "train.sh")), "AutoModelForCausalLM", None, {"trust_remote_code": True}),
    Row("a pipeline", repo(files={"model_index.json": PIPELINE}, names=("vae/config.json",
        "vae/diffusion_pytorch_model.safetensors", "vae/diffusion_pytorch_model.bin", "tokenizer/vocab.json",
        "other/model.safetensors", "one_file.safetensors")), "AutoPipelineForText2Image",
        ("model_index.json", "tokenizer/vocab.json", "vae/config.json", "vae/diffusion_pytorch_model.safetensors")),
    Row("a quantization of its own choice", repo(names=("m-Q2_K.gguf", "m-Q4_K_M.gguf", "m-Q8_0.gguf"),
        gguf_architecture="llama"), "AutoModelForCausalLM", ("m-Q4_K_M.gguf",),
        attributes={"gguf_file": "m-Q4_K_M.gguf", "safetensors": False}),
    Row("the quantization that was asked for", repo(names=("m-Q2_K.gguf", "m-Q4_K_M.gguf"),
        gguf_architecture="llama"), "AutoModelForCausalLM", ("m-Q2_K.gguf",), {"gguf_file": "m-Q2_K.gguf"}),
    Row("an adapter", repo(files={"adapter_config.json": LORA}, names=("adapter_model.safetensors",)),
        "AutoPeftModelForCausalLM", ("adapter_config.json", "adapter_model.safetensors")),
)  # fmt: skip


@pytest.mark.parametrize("row", PLANS, ids=[row.id for row in PLANS])
def test_a_plan_names_the_class_and_the_files(row: Row) -> None:
    made = plan(row.facts, LoadOptions(**row.options))
    assert made.class_ref.name == row.class_name
    if row.files is not None:
        assert sorted(made.filenames) == sorted(row.files)
    for name, value in row.attributes.items():
        found = getattr(made, name)
        assert (found.name if name == "fallback_class" else found) == value


def test_python_files_are_fetched_only_with_permission() -> None:
    facts = repo("Net", "own", auto_map=LLAMA_CODE, names=("model.safetensors", "modeling.py", "sub/util.py"))
    allowed = plan(facts, LoadOptions(trust_remote_code=True)).filenames
    assert {"modeling.py", "sub/util.py"} <= set(allowed)
    harmless = repo(*BERT, names=("model.safetensors", "train.py"))
    assert "train.py" not in plan(harmless, LoadOptions()).filenames


@dataclass(frozen=True)
class Refused:
    """A repo that cannot be loaded so, and a part of the message."""

    id: str
    facts: RepoFacts
    error: type[ResolveError]
    message: str
    options: Mapping[str, Any] = field(default_factory=dict)


REFUSED = (
    Refused("remote code", repo("Net", "own", auto_map=LLAMA_CODE), RemoteCodeError, "trust_remote_code=True"),
    Refused("no weights", repo(*BERT, names=()), NotLoadableError, "no weights"),
    Refused("weights of TensorFlow alone", repo(*BERT, names=("tf_model.h5",)), NotLoadableError, "tf only"),
    Refused("weights of ONNX alone", repo(*BERT, names=("model.onnx",)), NotLoadableError, "ONNX Runtime"),
    Refused("a variant that is not there", repo(*BERT), NotLoadableError, "'fp16'", {"variant": "fp16"}),
    Refused("another framework", repo(*BERT), NotLoadableError, "PyTorch only", {"framework": "tf"}),
    Refused("nothing that names a library", repo(names=("notes.txt",)), NotLoadableError, "library="),
    Refused("a GGUF file that is not there", repo(names=("m-Q2_K.gguf",), gguf_architecture="llama"), NotLoadableError,
            "m-Q2_K.gguf", {"gguf_file": "m-Q9.gguf"}),
    Refused("a library that is not loaded", repo(names=("model.keras",), library_name="keras"), NotLoadableError,
            "keras"),
)  # fmt: skip


@pytest.mark.parametrize("row", REFUSED, ids=[row.id for row in REFUSED])
def test_what_cannot_be_loaded_is_refused_with_its_reason(row: Refused) -> None:
    with pytest.raises(row.error) as caught:
        plan(row.facts, LoadOptions(**row.options))
    assert row.message in str(caught.value) and "acme/m@" in str(caught.value)


@pytest.mark.parametrize(
    ("facts", "missing"),
    [
        (repo(*BERT), ()),
        (repo(names=("model_index.json", "vae/config.json"), library_name="diffusers"), ("model_index.json",)),
        (repo(files={"model_index.json": PIPELINE}), ()),
        (repo(names=("modules.json",), library_name="sentence-transformers"), ("modules.json",)),
        (repo(names=("adapter_config.json",), library_name="peft"), ("adapter_config.json",)),
    ],
    ids=["a config", "a pipeline", "a pipeline that was read", "sentence-transformers", "an adapter"],
)
def test_manifests_that_were_not_fetched_yet_are_missing(facts: RepoFacts, missing: tuple[str, ...]) -> None:
    decision = decide(facts, default_registry())
    assert find_missing_manifests(decision, facts.commit) == missing
