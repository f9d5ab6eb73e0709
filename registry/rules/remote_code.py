"""Chooses a class of a repo's own code (its `auto_map`), and finds the tasks that it can serve. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from registry.decision import Candidate
from registry.registry import Registry
from registry.rules.observed import Observed

TRUNK_CLASS = "AutoModel"
_PRETRAINING_CLASSES = ("AutoModelForCausalLM", "AutoModelForMaskedLM")
"""Auto classes of pretraining heads: with several heads for one trunk, only these have trained weights."""

_VISION_KEYS = (
    "vision_config",
    "vision_tower",
    "mm_vision_tower",
    "vision_lora",
    "img_processor",
    "visual_tokenizer_config",
)
_TEXT_DECODER_KEYS = ("llm_config", "language_config", "text_config")
"""Config keys of vision encoders, and of text decoders, in remote code (InternVL, Ovis, Phi-4)."""


@dataclass(frozen=True, slots=True)
class RemoteClass:
    """A class of the repo's own code, the auto class that is mapped to it, and that auto class's task."""

    auto_class: str
    name: str
    task: str


def choose_remote_class(observed: Observed, task: str | None, registry: Registry) -> RemoteClass | None:
    """The remote class for `task`, else the one that the architecture names, else the main one; None without code."""
    known = {name: value for name, value in observed.auto_map.items() if name in registry.auto_class_tasks}
    if not known:
        return None
    ranked = sorted(known, key=lambda name: registry.auto_class_tasks[name][0], reverse=True)
    matching = [name for name in ranked if registry.auto_class_tasks[name][1] == task]
    chosen = matching[0] if matching else _choose_main_class(ranked, known, observed)
    return RemoteClass(chosen, known[chosen], registry.auto_class_tasks[chosen][1])


def _choose_main_class(ranked: list[str], known: Mapping[str, str], observed: Observed) -> str:
    """The main one of the auto classes that the repo maps (`ranked`: the most specific first)."""
    named = {name: value.rpartition(".")[2] for name, value in known.items()}
    same = [name for name in ranked if named[name] in observed.architectures]
    if not same and TRUNK_CLASS in known and not any("For" in name for name in observed.architectures):
        same = [name for name in ranked if named[name] == named[TRUNK_CLASS]]
        if not observed.architectures and same == [TRUNK_CLASS]:
            same = [name for name in _PRETRAINING_CLASSES if name in known]
    same = same or ranked
    if {"AutoModelForCausalLM", "AutoModelForSeq2SeqLM"} <= set(same) and named["AutoModelForCausalLM"] == named[
        same[0]
    ]:
        # A class that is mapped to both (ChatGLM) is a decoder unless the config has is_encoder_decoder.
        return "AutoModelForSeq2SeqLM" if observed.config.get("is_encoder_decoder") is True else "AutoModelForCausalLM"
    return same[0]


def list_remote_candidates(observed: Observed, chosen: RemoteClass, registry: Registry) -> tuple[Candidate, ...]:
    """The tasks that the repo's own code serves; image-text-to-text first where the config has a vision encoder."""
    tasks: dict[str, str] = {}
    if has_vision_config(observed.config):
        tasks["image-text-to-text"] = chosen.name
    for name in sorted(
        observed.auto_map, key=lambda name: registry.auto_class_tasks.get(name, (-1, ""))[0], reverse=True
    ):
        if name in registry.auto_class_tasks:
            tasks.setdefault(registry.auto_class_tasks[name][1], observed.auto_map[name])
    return tuple(Candidate(task=task, model_class=name) for task, name in tasks.items())


def can_serve_tag(observed: Observed, tag: str, registry: Registry) -> bool:
    """Whether a class of the repo's own code can serve the tag's task; a trunk can serve any."""
    tasks = {registry.auto_class_tasks[name][1] for name in observed.auto_map if name in registry.auto_class_tasks}
    if TRUNK_CLASS in observed.auto_map or not tasks:
        return True
    return any(registry.can_serve(task, tag) or tag in registry.coarser.get(task, ()) for task in tasks)


def has_vision_config(config: Mapping[str, Any]) -> bool:
    """Whether the config of an unknown architecture has a vision encoder."""
    return any(key in config for key in _VISION_KEYS)


def is_vision_language_config(config: Mapping[str, Any]) -> bool:
    """Whether the config has both a vision encoder and a text decoder."""
    return has_vision_config(config) and any(isinstance(config.get(key), dict) for key in _TEXT_DECODER_KEYS)
