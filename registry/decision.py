"""`Decision`: library, task, framework and class of a repo, with the evidence. Pure data."""

from __future__ import annotations

from msgspec import Struct


class Evidence(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One step of a decision: the rule, what it saw, and what it concluded (`said`)."""

    rule: str
    saw: str
    said: str


class Candidate(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """Another task that the repo can serve, with the class that loads it for that task (None where unknown)."""

    task: str
    model_class: str | None = None


class Decision(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """The decision about one repo at one commit. Every field may be None or empty where nothing is known.

    `library`, `task` and `framework` are canonical names of the registry. `weights` lists every weight format found,
    the chosen framework first. `model_class` is the class or function to call. `conflict` is true where the pipeline
    tag names a task that the architecture cannot serve, `ambiguous` where the config names several architectures, of
    which one was chosen. `undecided` is None, or the reason why there is no task. `notes` are for a user who will load
    the model: quantisation, adapters, required versions. `partial` names what the facts did not include, as
    `CommitFacts.unseen` does.
    """

    library: str | None = None
    task: str | None = None
    framework: str | None = None
    weights: tuple[str, ...] = ()
    model_type: str | None = None
    architecture: str | None = None
    model_class: str | None = None
    requires_remote_code: bool = False
    conflict: bool = False
    ambiguous: bool = False
    undecided: str | None = None
    candidates: tuple[Candidate, ...] = ()
    base_models: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    partial: tuple[str, ...] = ()
