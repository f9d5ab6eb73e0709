"""`RuleContext`: the input of one library's rules; and `build_decision`, which fills the fields common to all. Pure."""

from __future__ import annotations

from msgspec import Struct

from registry.decision import Candidate, Decision, Evidence
from registry.registry import Registry
from registry.rules.observed import Observed
from registry.rules.tagged_task import find_tagged_task
from registry.rules.task import TaskChoice


class RuleContext(Struct, frozen=True, kw_only=True, gc=False):
    """The input of one library's rules.

    `task` is the task that the caller requests, None where any will do; `library` the library of the repo.
    """

    observed: Observed
    registry: Registry
    task: str | None
    library: str | None

    @property
    def tag(self) -> str | None:
        """The raw pipeline tag."""
        return self.observed.hints.pipeline_tag

    def find_tagged_task(self, *derived: str) -> str | None:
        """The only task among the tags, without the `derived` ones, where there is no pipeline tag; None otherwise."""
        return find_tagged_task(self.observed.hints, self.registry, derived=derived)


def build_decision(
    context: RuleContext,
    choice: TaskChoice,
    model_class: str | None,
    *,
    architecture: str | None = None,
    requires_remote_code: bool = False,
    ambiguous: bool = False,
    candidates: tuple[Candidate, ...] = (),
    notes: tuple[str, ...] = (),
    evidence: tuple[Evidence, ...] = (),
) -> Decision:
    """A decision for the chosen task and class; `evidence` follows that of the choice.

    The fields that `decide` fills for every library (library, framework, weights, base models) are left empty.
    """
    return Decision(
        task=choice.task,
        model_type=context.observed.model_type,
        architecture=architecture,
        model_class=model_class,
        requires_remote_code=requires_remote_code,
        conflict=choice.conflict,
        ambiguous=ambiguous,
        undecided=choice.undecided,
        candidates=candidates,
        notes=notes,
        evidence=(*choice.evidence, *evidence),
    )
