"""Decides task and candidates of timm repos. Pure."""

from __future__ import annotations

from registry.decision import Candidate, Decision
from registry.rules.context import RuleContext, build_decision
from registry.rules.model_class import TRUNK_TASK
from registry.rules.observed import as_text
from registry.rules.task import TaskQuestion, choose_task


def decide_timm(context: RuleContext) -> Decision:
    """The decision by the number of classes: a model with none serves feature extraction only."""
    observed, registry = context.observed, context.registry
    inner = observed.config.get("pretrained_cfg")
    inner = inner if isinstance(inner, dict) else {}
    architecture = as_text(observed.config.get("architecture")) or as_text(inner.get("architecture"))
    num_classes = observed.config.get("num_classes", inner.get("num_classes"))
    if num_classes == 0:
        possible: tuple[str, ...] = ("image-feature-extraction",)
    else:
        possible = ("image-feature-extraction", "image-classification")
    origin = (
        f"{architecture or 'a timm model'} with num_classes {num_classes if num_classes is not None else 'unknown'}"
    )
    question = TaskQuestion(
        possible=possible,
        origin=origin,
        tag=context.tag,
        tagged=context.find_tagged_task(),
        requested=context.task,
        on_request=(TRUNK_TASK,),
    )
    choice = choose_task(question, registry)
    return build_decision(
        context,
        choice,
        registry.libraries["timm"].model_class,
        architecture=architecture,
        candidates=tuple(
            Candidate(task=task, model_class="create_model") for task in reversed(possible) if task != choice.task
        ),
    )
