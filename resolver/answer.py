"""`Answer`: what a batch yields for each repo, a `Resolution` or a `Failure`."""

from __future__ import annotations

import logging

from msgspec import Struct

from resolver.errors import InternalError, ResolveError
from resolver.redaction import describe_error, without_secrets
from resolver.repo_id import MAX_REVISION_LENGTH
from resolver.resolution import Resolution

logger = logging.getLogger(__name__)

MAX_ID_LENGTH = 200
"""Characters of a request that a failure repeats as its `repo_id`; no repo id is as long."""


class Failure(Struct, frozen=True, kw_only=True):
    """A repo of a batch that could not be resolved, or not loaded. The other repos are not affected."""

    repo_id: str
    revision: str | None
    error: ResolveError


Answer = Resolution | Failure


def build_failure(repo_id: str, revision: str | None, error: Exception) -> Failure:
    """The failure that `error` means. One that is not a `ResolveError` is a defect here: it is logged."""
    shown_id = _make_showable(repo_id, MAX_ID_LENGTH)
    shown_revision = _make_showable(revision, MAX_REVISION_LENGTH) if revision is not None else None
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
