"""Rules for GGUF files: the tag, the architecture that the Hub read from the file, or a projector beside it. Pure."""

from __future__ import annotations

from registry.decision import Candidate, Decision
from registry.rules.context import RuleContext, decision_of
from registry.rules.model_class import rows_of
from registry.rules.task import choose_task


def decide_gguf(asked: RuleContext) -> Decision:
    """By the tag, the architecture that the Hub read from the file, or a projector beside it."""
    seen, registry = asked.seen, asked.registry
    name = seen.hints.gguf_architecture
    task = registry.gguf_architectures.get(name or "")
    if task is None and name is not None:
        task = registry.gguf_architectures.get(name.replace("_", ""))
    if any(path.rpartition("/")[2].startswith("mmproj") for path in seen.names):
        possible: tuple[str, ...] = ("text-generation", "image-text-to-text")
        origin = "a multimodal projector (mmproj) beside the model"
    else:
        possible = (task,) if task is not None else ()
        origin = f"GGUF architecture {name}" if name is not None else "a GGUF file whose architecture is not known"
    named = seen.architectures[0] if seen.architectures else None
    otherwise: list[tuple[str, str | None]] = []
    if named is not None and rows_of(named, registry):
        otherwise.append(("architecture", rows_of(named, registry)[-1].task))
    if "conversational" in seen.hints.tags:
        otherwise.append(("tag conversational", "text-generation"))
    # One GGUF architecture serves embedders, rerankers and generators alike: the author knows, the file does not.
    tag = asked.tag
    choice = choose_task(
        () if tag is not None else possible,
        origin=origin,
        tag=tag,
        asked=asked.task,
        registry=registry,
        otherwise=otherwise,
    )
    others = [task for task in reversed(possible) if task not in (choice.task, choice.base)]
    candidates = tuple(Candidate(task=task) for task in others)
    return decision_of(asked, choice, None, architecture=named or name, candidates=candidates)
