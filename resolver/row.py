"""`Row`: an answer as a flat mapping with fixed keys, as every output format has it. Pure data."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, TypedDict

from msgspec import Meta

_Text = str | None


class ErrorRow(TypedDict):
    """Why there is no answer."""

    code: Annotated[str, Meta(description="one of the fixed error codes")]
    message: str


class CandidateRow(TypedDict):
    """Another task that the repo can serve."""

    task: str
    model_class: Annotated[_Text, Meta(description="the class that loads the repo for this task")]


class Row(TypedDict):
    """One answer. A value that is not known is null."""

    repo_id: Annotated[str, Meta(description="as requested: a repo id, or the path of a local folder")]
    canonical_id: Annotated[_Text, Meta(description="the id that the Hub gives the repo today")]
    revision: Annotated[_Text, Meta(description="branch, tag or commit, as requested")]
    commit_hash: Annotated[_Text, Meta(description="40 hex digits")]
    library: Annotated[_Text, Meta(description="the library that the repo is for, with underscores")]
    task: Annotated[_Text, Meta(description="the Hub's name of the task that the repo is for")]
    framework: Annotated[_Text, Meta(description="the weight format to use")]
    weights: Annotated[list[str] | None, Meta(description="all weight formats, the one to use first")]
    model_type: Annotated[_Text, Meta(description="model_type of the config")]
    architecture: Annotated[_Text, Meta(description="the architecture that decides, as in the config")]
    model_class: Annotated[_Text, Meta(description="the class or function to call")]
    pipeline_tag: Annotated[_Text, Meta(description="the Hub's own task")]
    library_name: Annotated[_Text, Meta(description="the Hub's own library")]
    requires_remote_code: Annotated[bool | None, Meta(description="loading runs the repo's own code")]
    conflict: Annotated[bool | None, Meta(description="the tag names a task that the architecture cannot serve")]
    undecided: Annotated[_Text, Meta(description="why there is no task")]
    source: Annotated[_Text, Meta(description="hub, store, hf-cache or local")]
    error: ErrorRow | None
    ambiguous: Annotated[bool | None, Meta(description="the config names several architectures")]
    candidates: Annotated[list[CandidateRow] | None, Meta(description="other tasks that the repo can serve")]
    base_models: Annotated[list[str] | None, Meta(description="the models that an adapter or quantisation is of")]
    notes: Annotated[list[str] | None, Meta(description="sentences for a user who will load the model")]
    partial: Annotated[list[str] | None, Meta(description="what could not be seen; null where nothing is missing")]
    checked_at: Annotated[_Text, Meta(description="the last check with the Hub, ISO 8601, UTC")]
    stale: Annotated[bool | None, Meta(description="the last check is longer ago than was asked for")]
    parameters: Annotated[int | None, Meta(description="parameters of the model, as the Hub counts them")]
    weight_bytes: Annotated[int | None, Meta(description="bytes of its weights in safetensors files")]


ROW_KEYS: tuple[str, ...] = tuple(Row.__annotations__)
"""The keys of every row, in order."""

FLAG_KEYS = ("requires_remote_code", "conflict", "ambiguous", "stale")
NUMBER_KEYS = ("parameters", "weight_bytes")
LIST_KEYS = ("weights", "base_models", "notes", "partial")
"""Keys whose values are lists of texts."""


def format_time(seconds: float | None) -> str | None:
    """A time in seconds since 1970 as ISO 8601 in UTC, such as "2026-01-31T12:00:00Z"; None for None."""
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_time(text: str | None) -> int | None:
    """The seconds since 1970 of a time as `format_time` writes it.

    Raises:
        ValueError: it is not a time in ISO 8601.
    """
    if text is None:
        return None
    time = datetime.fromisoformat(text)
    return int((time if time.tzinfo is not None else time.replace(tzinfo=UTC)).timestamp())
