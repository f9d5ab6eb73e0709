"""The question that one library's rules answer, and the part of the answer that all of them share. Pure."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from registry.decision import Decision
from registry.registry import Registry
from registry.rules.observed import Observed
from registry.rules.task import TaskChoice


class RuleContext(Struct, frozen=True, kw_only=True, gc=False):
    """The question one library's rules answer."""

    seen: Observed
    registry: Registry
    task: str | None
    library: str | None

    @property
    def tag(self) -> str | None:
        return self.seen.hints.pipeline_tag


def decision_of(asked: RuleContext, choice: TaskChoice, model_class: str | None, **more: Any) -> Decision:
    """The parts of a decision that every library's rules fill alike."""
    return Decision(
        task=choice.task,
        model_type=asked.seen.model_type,
        model_class=model_class,
        conflict=choice.conflict,
        undecided=choice.undecided,
        evidence=(*choice.evidence, *more.pop("evidence", ())),
        **more,
    )
