"""Architectures in no table: what their name and config tell, and that the answer says so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from registry.defaults import shipped_registry
from registry.queries.load_class import find_load_class
from registry.rules.decide import decide
from registry.table_rows import AutoMapping
from tests.registry.repo_facts import repo

pytestmark = pytest.mark.pure

WORDS: Mapping[str, Any] = {"vocab_size": 100}
IMAGES: Mapping[str, Any] = {"image_size": 224, "num_channels": 3, "patch_size": 16}
SOUND: Mapping[str, Any] = {"num_mel_bins": 80}
BOTH: Mapping[str, Any] = {"vision_config": {}, "text_config": {}}

ROWS: tuple[tuple[str, Mapping[str, Any], str | None, str | None], ...] = (
    # (architecture, config, task, class)
    ("ZyxForCausalLM", WORDS, "text-generation", "AutoModelForCausalLM"),
    ("ZyxLMHeadModel", WORDS, "text-generation", "AutoModelForCausalLM"),
    ("ZyxForCausalLM", BOTH, "image-text-to-text", "AutoModelForImageTextToText"),
    ("ZyxForDepthEstimation", IMAGES, "depth-estimation", "AutoModelForDepthEstimation"),
    ("ZyxForQuestionAnsweringSimple", WORDS, "question-answering", "AutoModelForQuestionAnswering"),
    ("ZyxForSequenceClassification", WORDS, "text-classification", "AutoModelForSequenceClassification"),
    ("ZyxForSequenceClassification", SOUND, "audio-classification", "AutoModelForAudioClassification"),
    ("ZyxForSequenceClassification", BOTH, "text-classification", "AutoModelForSequenceClassification"),
    ("ZyxForObjectDetection", IMAGES, "object-detection", "AutoModelForObjectDetection"),
    ("ZyxForObjectDetection", BOTH, "zero-shot-object-detection", "AutoModelForZeroShotObjectDetection"),
    ("ZyxForConditionalGeneration", BOTH, "image-text-to-text", "AutoModelForImageTextToText"),
    (
        "ZyxForConditionalGeneration",
        {"audio_config": {}, "text_config": {}},
        "automatic-speech-recognition",
        "AutoModelForSpeechSeq2Seq",
    ),
    (
        "ZyxForConditionalGeneration",
        {"is_encoder_decoder": True, **WORDS},
        "text2text-generation",
        "AutoModelForSeq2SeqLM",
    ),
    ("ZyxForConditionalGeneration", {}, None, None),
    ("ZyxModel", WORDS, "feature-extraction", "AutoModel"),
    ("ZyxVisionModel", IMAGES, "image-feature-extraction", "AutoModel"),
    ("ZyxModel", SOUND, "feature-extraction", "AutoModel"),
    ("ZyxModel", BOTH, "feature-extraction", "AutoModel"),
    (
        "ZyxModel",
        {**BOTH, "logit_scale_init_value": 2.6},
        "zero-shot-image-classification",
        "AutoModelForZeroShotImageClassification",
    ),
    ("ZyxBackbone", IMAGES, "image-feature-extraction", "AutoBackbone"),
    ("ZyxRewardModel", WORDS, None, None),
    ("ZyxFoldingTrunk", WORDS, None, None),
    ("Model", WORDS, None, None),
)


@pytest.mark.parametrize(("architecture", "config", "task", "model_class"), ROWS)
def test_the_name_and_the_config_tell_task_and_class(
    architecture: str, config: Mapping[str, Any], task: str | None, model_class: str | None
) -> None:
    decision = decide(repo(architecture, "zyx", config=config), shipped_registry())

    assert (decision.task, decision.model_class) == (task, model_class)
    assert (decision.undecided is None) is (task is not None)
    assert any("unknown to transformers" in note for note in decision.notes)
    assert any(note.startswith("derived from") for note in decision.notes) is (model_class is not None)


@pytest.mark.parametrize(
    ("architecture", "hints", "task", "model_class"),
    [
        ("ZyxForConditionalGeneration", {"tag": "image-to-text"}, "image-to-text", "AutoModelForImageTextToText"),
        (
            "ZyxForConditionalGeneration",
            {"tag": "audio-text-to-text"},
            "audio-text-to-text",
            "AutoModelForMultimodalLM",
        ),
        ("ZyxForCausalLM", {"tag": "translation"}, "translation", "AutoModelForCausalLM"),
        ("ZyxForCausalLM", {"tag": "text-to-image"}, "text-to-image", None),
        ("ZyxModel", {"tag": "sentence-similarity"}, "sentence-similarity", "AutoModel"),
        ("ZyxModel", {"tag": "text-to-audio"}, "text-to-audio", None),
        (
            "ZyxFoldingTrunk",
            {"auto_task": "text-to-audio", "auto_model": "AutoModelForTextToWaveform"},
            "text-to-audio",
            "AutoModelForTextToWaveform",
        ),
    ],
)
def test_a_tag_or_the_hub_says_the_task_and_the_class_follows_where_it_fits(
    architecture: str, hints: dict[str, Any], task: str, model_class: str | None
) -> None:
    decision = decide(repo(architecture, "zyx", config={"hidden_size": 8}, **hints), shipped_registry())

    assert (decision.task, decision.model_class) == (task, model_class)


def test_the_name_of_a_new_auto_class_is_understood() -> None:
    shipped = shipped_registry()
    new = AutoMapping(name="MODEL_FOR_SMELL", task="smell-detection", auto_class="AutoModelForSmell", models={})
    registry = replace(shipped, mappings=(*shipped.mappings, new), tasks={**shipped.tasks, "smell-detection": "other"})

    decision = decide(repo("ZyxForSmell", "zyx"), registry)

    assert (decision.task, decision.model_class) == ("smell-detection", "AutoModelForSmell")


def test_a_derived_class_is_not_loaded() -> None:
    registry = shipped_registry()
    derived = decide(repo("ZyxForCausalLM", "zyx"), registry)
    by_model_type = decide(repo("ZyxForCausalLM", "llama"), registry)

    assert find_load_class(derived, registry, {}) is None
    assert find_load_class(by_model_type, registry, {}) is not None


def test_code_of_the_repos_own_counts_more_than_the_name() -> None:
    facts = repo("ZyxForCausalLM", "zyx", auto_map={"AutoModelForSeq2SeqLM": "zyx.ZyxForCausalLM"})

    decision = decide(facts, shipped_registry())

    assert (decision.task, decision.model_class) == ("text2text-generation", "zyx.ZyxForCausalLM")


def test_most_classes_of_the_release_are_told_by_their_name_alone() -> None:
    """Each class of the tables under a model type that is in none: the name must tell more than nine tenths right."""
    registry = shipped_registry()
    heads = [
        (name, rows[-1].task)
        for name, rows in registry.served_tasks.items()
        if rows[-1].auto_class not in (None, "AutoModel") and "For" in name and rows[-1].until is None
    ]
    told = [
        (decide(repo(f"Zyx{name[name.index('For') :]}", "zyx"), registry).task, task)
        for name, task in heads
        if not name.endswith("ForConditionalGeneration")
    ]

    assert len(told) > 700
    assert sum(found == task for found, task in told) > 0.9 * len(told)
