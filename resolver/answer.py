"""`Answer`: what a batch yields for each repo, a `Resolution` or a `Failure`."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, Self, cast

from msgspec import Struct

from registry.repo_names import MAX_REVISION_LENGTH
from resolver.errors import InternalError, ResolveError, build_error
from resolver.redaction import describe_error, without_secrets
from resolver.resolution import Resolution
from resolver.row import ROW_KEYS, Row
from resolver.shutdown import ENDING, is_process_ending

logger = logging.getLogger(__name__)

MAX_ID_LENGTH = 200
"""Characters of a request that a failure repeats as its `repo_id`; no repo id is as long."""


class Failure(Struct, frozen=True, kw_only=True):
    """A repo of a batch that could not be resolved, or not loaded. The other repos are not affected."""

    repo_id: str
    revision: str | None
    error: ResolveError

    def to_dict(self) -> Row:
        """The row of this failure: `repo_id`, `revision` and `error`; every other key is None."""
        row: dict[str, Any] = dict.fromkeys(ROW_KEYS)
        row.update(
            repo_id=self.repo_id,
            revision=self.revision,
            error={"code": self.error.code, "message": str(self.error)},
        )
        return cast("Row", row)

    @classmethod
    def from_dict(cls, row: Mapping[str, Any]) -> Self:
        """The failure of a row, with an error of the kind that its code names.

        Raises:
            ValueError: the row is not of an error.
        """
        error, repo_id, revision = row.get("error"), row.get("repo_id"), row.get("revision")
        if not isinstance(error, Mapping) or not isinstance(repo_id, str) or not isinstance(revision, str | None):
            raise ValueError(f"the row of {repo_id!r} is not the row of an error")
        return cls(repo_id=repo_id, revision=revision, error=build_error(error.get("code"), str(error.get("message"))))


Answer = Resolution | Failure


def parse_row(row: Mapping[str, Any]) -> Answer:
    """The answer of a row as `to_dict` gives it.

    Raises:
        ValueError: the row is neither of an answer nor of an error.
    """
    return Failure.from_dict(row) if row.get("error") is not None else Resolution.from_dict(row)


def build_failure(repo_id: str, revision: str | None, error: Exception) -> Failure:
    """The failure that `error` means. One that is not a `ResolveError` is a defect here: it is logged.

    While the process is ending, threads cannot be started: that is none.
    """
    shown_id = _make_showable(repo_id, MAX_ID_LENGTH)
    shown_revision = _make_showable(revision, MAX_REVISION_LENGTH) if revision is not None else None
    if isinstance(error, RuntimeError) and is_process_ending():
        error = InternalError(ENDING)
    if not isinstance(error, ResolveError):
        cause = without_secrets(error)
        logger.error("internal error at %s@%s", shown_id, shown_revision, exc_info=cause)
        internal = InternalError(f"internal error at {shown_id}: {describe_error(error)}")
        internal.__cause__ = cause
        error = internal
    return Failure(repo_id=shown_id, revision=shown_revision, error=error)


def _make_showable(text: str, max_length: int) -> str:
    """The beginning of `text`, as text that UTF-8 can encode."""
    return str(text)[:max_length].encode("utf-8", "replace").decode()
