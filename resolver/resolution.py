"""`Resolution`: the answer for one repo at one commit. Pure data."""

from __future__ import annotations

import enum
import html
from collections.abc import Mapping
from typing import Any, Self

import msgspec
from msgspec import Struct

from registry.decision import Candidate as Candidate, Decision as Decision, Evidence as Evidence
from resolver.row import ROW_KEYS, Row, format_time, parse_time


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
    `partial` names what the facts do not include, such as "files"; empty where nothing is missing. `stale`: the last
    check is longer ago than `max_age_s`, and the Hub could not be asked.

    `parameters` counts the model's parameters, and `weight_bytes` is the size of its weights in bytes, in the types
    that they are stored in, as the Hub counts both in safetensors files; of GGUF files the parameters alone. None where
    the Hub does not say, as of pickled weights and of the packed integers of a quantised model.
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
    partial: tuple[str, ...] = ()
    stale: bool = False
    parameters: int | None = None
    weight_bytes: int | None = None

    def __repr__(self) -> str:
        name = self.canonical_id or self.repo_id
        commit = f"@{self.commit_hash[:12]}" if self.commit_hash else ""
        parts = (self.library, self.task or "no task", self.framework, self.model_class)
        return f"<Resolution {name}{commit}: {', '.join(part for part in parts if part)}>"

    def _repr_html_(self) -> str:
        """A table for a notebook; every value is escaped."""
        shown = {key: value for key, value in self.to_dict().items() if value not in (None, [], False)}
        rows = (
            f"<tr><th>{html.escape(key)}</th><td>{html.escape(_format_value(value))}</td></tr>"
            for key, value in shown.items()
        )
        return f"<table>{''.join(rows)}</table>"

    def to_dict(self) -> Row:
        """The row of this answer: plain values under fixed keys, None where nothing is known."""
        decision = self.decision
        return {
            "repo_id": self.repo_id,
            "canonical_id": self.canonical_id,
            "revision": self.revision,
            "commit_hash": self.commit_hash,
            "library": decision.library,
            "task": decision.task,
            "framework": decision.framework,
            "weights": list(decision.weights),
            "model_type": decision.model_type,
            "architecture": decision.architecture,
            "model_class": decision.model_class,
            "pipeline_tag": self.pipeline_tag,
            "library_name": self.library_name,
            "requires_remote_code": decision.requires_remote_code,
            "conflict": decision.conflict,
            "undecided": decision.undecided,
            "source": self.source.value,
            "error": None,
            "ambiguous": decision.ambiguous,
            "candidates": [{"task": item.task, "model_class": item.model_class} for item in decision.candidates],
            "base_models": list(decision.base_models),
            "notes": list(decision.notes),
            "partial": list(self.partial) or None,
            "checked_at": format_time(self.checked_at_s),
            "stale": self.stale,
            "parameters": self.parameters,
            "weight_bytes": self.weight_bytes,
        }

    @classmethod
    def from_dict(cls, row: Mapping[str, Any]) -> Self:
        """The answer of a row. A row has no evidence; keys that are missing count as null, unknown keys are ignored.

        Raises:
            ValueError: the row is of an error, or a value has the wrong type.
        """
        if row.get("error") is not None:
            raise ValueError(f"the row of {row.get('repo_id')!r} holds an error; use Failure.from_dict")
        known = {key: value for key in ROW_KEYS if (value := row.get(key)) is not None}
        try:
            checked_at_s = parse_time(known.pop("checked_at", None))
            return msgspec.convert(
                {**dict.fromkeys(_OWN_FIELDS), **known, "checked_at_s": checked_at_s, "decision": known}, cls
            )
        except (msgspec.ValidationError, TypeError, ValueError) as error:
            raise ValueError(f"the row of {row.get('repo_id')!r} is not the row of an answer: {error}") from error

    def to_json(self) -> str:
        """The row as a JSON object, in one line."""
        return msgspec.json.encode(self.to_dict()).decode()

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """The answer of a JSON row.

        Raises:
            ValueError: it is not JSON, or not the row of an answer.
        """
        return cls.from_dict(msgspec.json.decode(text, type=dict[str, Any]))

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


_OWN_FIELDS = ("canonical_id", "revision", "commit_hash", "pipeline_tag", "library_name")
"""Fields without a default that may be None."""


def _format_value(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(_format_value, value))
    return ": ".join(str(item) for item in value.values() if item) if isinstance(value, dict) else str(value)
