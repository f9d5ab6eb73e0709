"""A repo's own code: which class of its `auto_map` is meant, and what that class can serve. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from registry.decision import Candidate
from registry.registry import Registry
from registry.rules.observed import Observed

TRUNK = "AutoModel"
_PRETRAINED_HEADS = ("AutoModelForCausalLM", "AutoModelForMaskedLM")
"""What a repo with several heads was trained with; the others are there to be trained further."""

_SEES = ("vision_config", "vision_tower", "mm_vision_tower", "vision_lora", "img_processor", "visual_tokenizer_config")
_SPEAKS = ("llm_config", "language_config", "text_config")
"""Keys of remote configs of models that read images, and of those that answer in words (InternVL, Ovis, Phi-4)."""


@dataclass(frozen=True, slots=True)
class RemoteClass:
    """A class of the repo's own code, and the auto class that leads to it."""

    auto_class: str
    name: str
    task: str


def remote_class(seen: Observed, task: str | None, registry: Registry) -> RemoteClass | None:
    """The class of the repo's own code for `task`, else the one that its architecture names, else its main one."""
    known = {name: value for name, value in seen.auto_map.items() if name in registry.auto_class_tasks}
    if not known:
        return None
    ranked = sorted(known, key=lambda name: registry.auto_class_tasks[name][0], reverse=True)
    wanted = [name for name in ranked if registry.auto_class_tasks[name][1] == task]
    chosen = wanted[0] if wanted else _main(ranked, known, seen)
    return RemoteClass(chosen, known[chosen], registry.auto_class_tasks[chosen][1])


def _main(ranked: list[str], known: Mapping[str, str], seen: Observed) -> str:
    """What the repo is for, of the auto classes it maps, the most specific first."""
    named = {name: value.rpartition(".")[2] for name, value in known.items()}
    same = [name for name in ranked if named[name] in seen.architectures]
    if not same and TRUNK in known and not any("For" in name for name in seen.architectures):
        same = [name for name in ranked if named[name] == named[TRUNK]]
        if not seen.architectures and same == [TRUNK]:
            same = [name for name in _PRETRAINED_HEADS if name in known]
    same = same or ranked
    if {"AutoModelForCausalLM", "AutoModelForSeq2SeqLM"} <= set(same) and named["AutoModelForCausalLM"] == named[
        same[0]
    ]:
        # A class that is mapped to both, as ChatGLM's, is a decoder unless its config says that it has an encoder.
        return "AutoModelForSeq2SeqLM" if seen.config.get("is_encoder_decoder") is True else "AutoModelForCausalLM"
    return same[0]


def remote_candidates(seen: Observed, chosen: RemoteClass, registry: Registry) -> tuple[Candidate, ...]:
    """The other tasks that the repo's own code serves, and what its config shows of images; the nearest first."""
    tasks: dict[str, str] = {}
    if sees_images(seen.config):
        tasks["image-text-to-text"] = chosen.name
    for name in sorted(seen.auto_map, key=lambda name: registry.auto_class_tasks.get(name, (-1, ""))[0], reverse=True):
        if name in registry.auto_class_tasks:
            tasks.setdefault(registry.auto_class_tasks[name][1], seen.auto_map[name])
    return tuple(Candidate(task=task, model_class=name) for task, name in tasks.items())


def serves(seen: Observed, tag: str, registry: Registry) -> bool:
    """Whether some class of the repo's own code may be tagged so; a trunk may be anything."""
    tasks = {registry.auto_class_tasks[name][1] for name in seen.auto_map if name in registry.auto_class_tasks}
    if TRUNK in seen.auto_map or not tasks:
        return True
    return any(registry.can_serve(task, tag) or tag in registry.coarser.get(task, ()) for task in tasks)


def sees_images(config: Mapping[str, Any]) -> bool:
    """Whether the config of an unknown architecture shows that it reads images."""
    return any(key in config for key in _SEES)


def speaks_of_images(config: Mapping[str, Any]) -> bool:
    """Whether it shows both: images in, words out."""
    return sees_images(config) and any(isinstance(config.get(key), dict) for key in _SPEAKS)
