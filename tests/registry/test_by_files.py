"""What the model card and one file of its library settle, as a table."""

from __future__ import annotations

from typing import Any

import pytest

from registry.defaults import shipped_registry
from registry.facts import ABSENT_FILE, ALL_FILES, CommitFacts, FileState, HubHints, RepoFacts, SmallFile
from registry.rules.by_files import is_settled_by_files, list_telling_files
from registry.rules.decide import decide

pytestmark = pytest.mark.pure

REGISTRY = shipped_registry()
BERT = {"architectures": ["BertForMaskedLM"], "model_type": "bert"}
CONFIG, ABSENT = "config.json", None
UNREADABLE = SmallFile(state=FileState.UNREADABLE, problem="not JSON")
GATED = SmallFile(state=FileState.INACCESSIBLE, problem="gated")


def card(library: str | None, *tags: str, task: str | None = None) -> HubHints:
    return HubHints(library_name=library, pipeline_tag=task, tags=tags)


def build(files: dict[str, Any]) -> CommitFacts:
    small = {
        path: content
        if isinstance(content, SmallFile)
        else ABSENT_FILE
        if content is ABSENT
        else SmallFile(state=FileState.READ, content=content)
        for path, content in files.items()
    }
    names = tuple(path for path, item in small.items() if item.state is FileState.READ)
    return CommitFacts(filenames=("README.md", *names), files=small, unseen=(ALL_FILES,))


ASKED = {
    "transformers": (card("transformers"), (CONFIG,)),
    "by its tag": (card(None, "transformers"), (CONFIG,)),
    "timm": (card("timm"), (CONFIG,)),
    "diffusers": (card("diffusers"), ("model_index.json",)),
    "peft": (card("peft"), ("adapter_config.json",)),
    "sentence-transformers": (
        card("sentence-transformers"),
        ("config_sentence_transformers.json", "modules.json"),
    ),
    "no library": (card(None, "text-generation"), ()),
    "a library of nobody's": (card("my-own-thing"), ()),
    "gguf": (card("gguf"), ()),
    "transformers.js": (card("transformers.js"), ()),
}


@pytest.mark.parametrize(("hints", "files"), ASKED.values(), ids=ASKED)
def test_a_card_says_which_files_tell_the_rest(hints: HubHints, files: tuple[str, ...]) -> None:
    assert list_telling_files(hints, REGISTRY) == files


SETTLED: dict[str, tuple[HubHints, dict[str, Any], tuple[str, str | None, str | None] | None]] = {
    "a known class": (
        card("transformers"),
        {CONFIG: BERT},
        ("transformers", "fill-mask", "AutoModelForMaskedLM"),
    ),
    "an unknown class": (card("transformers"), {CONFIG: {"architectures": ["OwnModel"], "model_type": "own"}}, None),
    "code of its own": (
        card("transformers"),
        {CONFIG: {"architectures": ["OwnModel"], "model_type": "own", "auto_map": {"AutoModel": "own.OwnModel"}}},
        None,
    ),
    "no config": (card("transformers"), {CONFIG: ABSENT}, None),
    "a config that cannot be read": (card("transformers"), {CONFIG: UNREADABLE}, None),
    "a gated config": (card("transformers"), {CONFIG: GATED}, None),
    "a conversion": (card("transformers", "base_model:quantized:org/model"), {CONFIG: BERT}, None),
    "weights that are quantised in place": (
        card("transformers", "base_model:quantized:org/model"),
        {CONFIG: {**BERT, "quantization_config": {"quant_method": "awq"}}},
        ("transformers", "fill-mask", "AutoModelForMaskedLM"),
    ),
    "another library than the files show": (card("adapter-transformers"), {CONFIG: BERT}, None),
    "timm": (
        card("timm", task="image-classification"),
        {CONFIG: {"architecture": "resnet50", "num_classes": 1000, "pretrained_cfg": {"num_classes": 1000}}},
        ("timm", "image-classification", "create_model"),
    ),
    "a pipeline": (
        card("diffusers", task="text-to-image"),
        {"model_index.json": {"_class_name": "StableDiffusionPipeline"}},
        ("diffusers", "text-to-image", "AutoPipelineForText2Image"),
    ),
    "a part of a pipeline": (card("diffusers"), {"model_index.json": ABSENT}, None),
    "an adapter": (
        card("peft"),
        {"adapter_config.json": {"peft_type": "LORA", "task_type": "CAUSAL_LM", "base_model_name_or_path": "org/b"}},
        ("peft", "text-generation", "AutoPeftModelForCausalLM"),
    ),
    "sentence-transformers": (
        card("sentence-transformers", task="sentence-similarity"),
        {"config_sentence_transformers.json": {"model_type": "SentenceTransformer"}},
        ("sentence_transformers", "sentence-similarity", "SentenceTransformer"),
    ),
    "sentence-transformers without a file of its own": (
        card("sentence-transformers"),
        {"config_sentence_transformers.json": ABSENT, "modules.json": ABSENT},
        None,
    ),
}


@pytest.mark.parametrize(("hints", "files", "expected"), SETTLED.values(), ids=SETTLED)
def test_files_alone_settle_what_the_list_of_files_would_not_change(
    hints: HubHints, files: dict[str, Any], expected: tuple[str, str | None, str | None] | None
) -> None:
    commit = build(files)
    assert is_settled_by_files(commit, hints, REGISTRY) is (expected is not None)
    if expected is not None:
        decision = decide(RepoFacts(commit=commit, hints=hints), REGISTRY)
        assert (decision.library, decision.task, decision.model_class) == expected
        assert decision.partial == (ALL_FILES,) and decision.weights == ()
