"""Derives the task and the auto class of an architecture in no table, from its name and its config. Pure.

transformers names a class after the auto class that loads it: `AutoModelForCausalLM` loads `...ForCausalLM`. Where one
name has several kinds of input (`...ForConditionalGeneration`), the config tells which. The auto classes are those of
the registry, so a new one is understood at once.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from registry.registry import Registry
from registry.rules.model_class import TRUNK_TASK
from registry.rules.remote_code import TRUNK_CLASS, has_vision_config

GENERIC_NAME = "Model"
"""A class name that says nothing, not even that transformers has such a head."""

VISION_LANGUAGE_TASK = "image-text-to-text"
_IMAGE_TRUNK_TASK = "image-feature-extraction"
_TWO_ENCODERS_TASK = "zero-shot-image-classification"

_OTHER_SUFFIXES = {
    "LMHeadModel": "AutoModelForCausalLM",
    "ForRewardModel": "AutoModelForSequenceClassification",
    "ForXVector": "AutoModelForAudioXVector",
    "ForSpeechToText": "AutoModelForSpeechSeq2Seq",
    "ForTextToSpeech": "AutoModelForTextToWaveform",
    "ForTextToText": "AutoModelForSeq2SeqLM",
    "Backbone": "AutoBackbone",
}
"""Class name suffix -> auto class, where their names differ."""

_GENERATOR_SUFFIXES = ("ForConditionalGeneration", "ForGeneration")
_GENERATORS = {
    VISION_LANGUAGE_TASK: "AutoModelForImageTextToText",
    "automatic-speech-recognition": "AutoModelForSpeechSeq2Seq",
    "text2text-generation": "AutoModelForSeq2SeqLM",
    "any-to-any": "AutoModelForMultimodalLM",
}
"""Task of a class with one of these suffixes -> the auto class that loads it."""

_NO_TRUNKS = re.compile(r"(PreTrained|Heads?|Reward|Chat|Value)Model$|For[A-Z]|With[A-Z]")
_SOUND_KEYS = frozenset(
    {"audio_config", "audio_token_id", "audio_token_index", "num_mel_bins", "conv_dim", "feat_extract_norm"}
)
_IMAGE_KEYS = ("num_channels", "image_size", "patch_size")
_WORD_KEYS = ("vocab_size", "text_config", "llm_config", "language_config")
_TWO_ENCODERS_KEYS = frozenset({"text_config", "vision_config", "logit_scale_init_value"})

_INPUT_HEADS = {
    ("AutoModelForSequenceClassification", "sound"): "AutoModelForAudioClassification",
    ("AutoModelForObjectDetection", "words"): "AutoModelForZeroShotObjectDetection",
}
"""Auto class of the name, and what else the config has -> the auto class that loads it then."""


class DerivedHead(Struct, frozen=True, kw_only=True, gc=False):
    """What a class name tells: a task, the auto class of it, and `source`: where both come from, for the evidence."""

    task: str
    auto_class: str
    source: str

    def find_class(self, task: str | None, registry: Registry) -> str | None:
        """The auto class that loads the model for `task`; None where this head is not known to serve it."""
        if self.auto_class == TRUNK_CLASS:
            serves = task == self.task or TRUNK_TASK in (task, registry.kind_of.get(task or ""))
        else:
            serves = task is not None and registry.can_serve(self.task, task)
        return self.auto_class if serves else None


def derive_head(architecture: str, registry: Registry, config: Mapping[str, Any] | None = None) -> DerivedHead | None:
    """What the name of a class tells, with the config where there is one; None where it tells nothing."""
    config = config or {}
    named = _find_named_class(architecture, registry)
    if named is not None:
        for sign in ("sound" if _has_sound(config) else "", "words" if _has_words(config) else ""):
            named = _INPUT_HEADS.get((named, sign), named)
        return DerivedHead(task=registry.auto_class_tasks[named][1], auto_class=named, source="head")
    if architecture.endswith(_GENERATOR_SUFFIXES):
        return _derive_generator(config)
    return None


def derive_trunk(architecture: str, config: Mapping[str, Any]) -> DerivedHead | None:
    """What a class of transformers without a head (`...Model`) serves by its config; None for any other class."""
    if (
        not architecture.endswith(GENERIC_NAME)
        or architecture == GENERIC_NAME
        or not config.get("model_type")
        or _NO_TRUNKS.search(architecture)
    ):
        return None
    if config.keys() >= _TWO_ENCODERS_KEYS:
        auto_class = "AutoModelForZeroShotImageClassification"
        return DerivedHead(task=_TWO_ENCODERS_TASK, auto_class=auto_class, source="encoders of images and words")
    is_image = any(key in config for key in _IMAGE_KEYS) and not any(config.get(key) for key in _WORD_KEYS)
    is_other = has_vision_config(config) or _has_sound(config)
    return DerivedHead(
        task=_IMAGE_TRUNK_TASK if is_image and not is_other else TRUNK_TASK,
        auto_class=TRUNK_CLASS,
        source="name without a head",
    )


def find_generator_class(architecture: str, task: str | None, registry: Registry) -> str | None:
    """The auto class of a `...ForConditionalGeneration` whose task is known from elsewhere; None for other classes."""
    if not architecture.endswith(_GENERATOR_SUFFIXES):
        return None
    return _GENERATORS.get(task or "") or _GENERATORS.get(registry.kind_of.get(task or "", ""))


def is_generator(architecture: str, head: DerivedHead | None) -> bool:
    """Whether the class may generate words from images: a decoder's name, or one that tells no other task."""
    return head is None or head.task == "text-generation" or architecture.endswith(_GENERATOR_SUFFIXES)


def _find_named_class(architecture: str, registry: Registry) -> str | None:
    """The auto class that a class is named after; of `...ForQuestionAnsweringSimple` that of the longest head in it."""
    for suffix, auto_class in _OTHER_SUFFIXES.items():
        if architecture.endswith(suffix):
            return auto_class
    for place in re.finditer("For(?=[A-Z])", architecture):
        words = re.findall(r"[A-Z0-9][^A-Z]*|.", architecture[place.end() :])
        for count in range(len(words), 0, -1):
            name = f"AutoModelFor{''.join(words[:count])}"
            if name in registry.auto_class_tasks:
                return name
    return None


def _derive_generator(config: Mapping[str, Any]) -> DerivedHead | None:
    if has_vision_config(config):
        task, source = VISION_LANGUAGE_TASK, "images in the config"
    elif _has_sound(config):
        task, source = "automatic-speech-recognition", "sound in the config"
    elif config.get("is_encoder_decoder") is True and "vocab_size" in config:
        task, source = "text2text-generation", "encoder and decoder in the config"
    else:
        return None
    return DerivedHead(task=task, auto_class=_GENERATORS[task], source=source)


def _has_sound(config: Mapping[str, Any]) -> bool:
    return not _SOUND_KEYS.isdisjoint(config)


def _has_words(config: Mapping[str, Any]) -> bool:
    return isinstance(config.get("text_config"), dict)
