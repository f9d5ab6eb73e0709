"""`Resolution`: the answer for one repo at one commit. Pure data."""

from __future__ import annotations

import enum

from msgspec import Struct

from registry.decision import Candidate as Candidate, Decision as Decision, Evidence as Evidence


class Source(enum.StrEnum):
    """The origin of an answer's facts."""

    HUB = "hub"
    STORE = "store"
    HF_CACHE = "hf-cache"
    LOCAL = "local"


class Resolution(Struct, frozen=True, kw_only=True, gc=False):
    """The answer for one repo at one commit.

    `repo_id` is as requested, `canonical_id` the id that the Hub gives the repo today. `commit_hash` is 40 hex digits,
    None for a local folder. `pipeline_tag` and `library_name` are the Hub's raw strings; `task` and `library` are
    decided. `checked_at_s` is the time of the last check with the Hub (seconds since 1970, UTC), None without one.
    """

    repo_id: str
    canonical_id: str | None
    revision: str | None
    commit_hash: str | None
    pipeline_tag: str | None
    library_name: str | None
    source: Source
    decision: Decision
    checked_at_s: int | None = None

    @property
    def library(self) -> str | None:
        return self.decision.library

    @property
    def task(self) -> str | None:
        return self.decision.task

    @property
    def framework(self) -> str | None:
        return self.decision.framework

    @property
    def weights(self) -> tuple[str, ...]:
        return self.decision.weights

    @property
    def model_type(self) -> str | None:
        return self.decision.model_type

    @property
    def architecture(self) -> str | None:
        return self.decision.architecture

    @property
    def model_class(self) -> str | None:
        return self.decision.model_class

    @property
    def requires_remote_code(self) -> bool:
        return self.decision.requires_remote_code

    @property
    def conflict(self) -> bool:
        return self.decision.conflict

    @property
    def undecided(self) -> str | None:
        """None, or why there is no task."""
        return self.decision.undecided

    @property
    def candidates(self) -> tuple[Candidate, ...]:
        return self.decision.candidates

    @property
    def evidence(self) -> tuple[Evidence, ...]:
        return self.decision.evidence
