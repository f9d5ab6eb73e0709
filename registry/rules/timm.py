"""Rules for timm: the architecture, and whether it has classes to tell apart. Pure."""

from __future__ import annotations

from registry.decision import Candidate, Decision
from registry.rules.context import RuleContext, decision_of
from registry.rules.observed import text
from registry.rules.task import choose_task
from registry.rules.transformers import TRUNK_TASK


def decide_timm(asked: RuleContext) -> Decision:
    """By the number of classes: a model without any gives features."""
    seen, registry = asked.seen, asked.registry
    inner = seen.config.get("pretrained_cfg")
    inner = inner if isinstance(inner, dict) else {}
    architecture = text(seen.config.get("architecture")) or text(inner.get("architecture"))
    num_classes = seen.config.get("num_classes", inner.get("num_classes"))
    if num_classes == 0:
        possible: tuple[str, ...] = ("image-feature-extraction",)
    else:
        possible = ("image-feature-extraction", "image-classification")
    origin = (
        f"{architecture or 'a timm model'} with num_classes {num_classes if num_classes is not None else 'unknown'}"
    )
    choice = choose_task(
        possible, origin=origin, tag=asked.tag, asked=asked.task, registry=registry, also_asked=(TRUNK_TASK,)
    )
    return decision_of(
        asked,
        choice,
        registry.libraries["timm"].model_class,
        architecture=architecture,
        candidates=tuple(
            Candidate(task=task, model_class="create_model") for task in reversed(possible) if task != choice.task
        ),
    )
