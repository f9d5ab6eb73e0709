"""Decides task and candidates of GGUF repos. Pure."""

from __future__ import annotations

from registry.decision import Candidate, Decision
from registry.rules.context import RuleContext, build_decision
from registry.rules.model_class import find_served_tasks
from registry.rules.tagged_task import find_chat_task
from registry.rules.task import TaskQuestion, choose_task


def is_projector(path: str) -> bool:
    """Whether a GGUF file holds a multimodal projector: the mark may stand anywhere in its name."""
    return path.endswith(".gguf") and "mmproj" in path.rpartition("/")[2].lower()


def decide_gguf(context: RuleContext) -> Decision:
    """The decision by the tag, else by a multimodal projector file, else by the GGUF architecture that the Hub read."""
    observed, registry = context.observed, context.registry
    name = observed.hints.gguf_architecture
    task = registry.gguf_architectures.get(name or "")
    if task is None and name is not None:
        task = registry.gguf_architectures.get(name.replace("_", ""))
    if any(map(is_projector, observed.names)):
        possible: tuple[str, ...] = ("text-generation", "image-text-to-text")
        origin = "a multimodal projector (mmproj) beside the model"
    else:
        possible = (task,) if task is not None else ()
        origin = f"GGUF architecture {name}" if name is not None else "a GGUF file whose architecture is not known"
    named = observed.architectures[0] if observed.architectures else None
    tagged = context.find_tagged_task()
    fallbacks: list[tuple[str, str | None]] = [("tags", tagged)]
    if named is not None and find_served_tasks(named, registry):
        fallbacks.append(("architecture", find_served_tasks(named, registry)[-1].task))
    fallbacks.append(("tag conversational", find_chat_task(observed.hints)))
    # One GGUF architecture serves embedders, rerankers and generators alike, so the tag counts more than the file.
    tag = context.tag
    question = TaskQuestion(
        possible=() if tag is not None else possible,
        origin=origin,
        tag=tag,
        tagged=tagged,
        requested=context.task,
        fallbacks=fallbacks,
    )
    choice = choose_task(question, registry)
    others = [task for task in reversed(possible) if task not in (choice.task, choice.base)]
    candidates = tuple(Candidate(task=task) for task in others)
    return build_decision(context, choice, None, architecture=named or name, candidates=candidates)
