"""`Answer`: what a batch yields for each repo, a `Resolution` or a `Failure`. Pure data."""

from __future__ import annotations

from msgspec import Struct

from resolver.errors import ResolveError
from resolver.resolution import Resolution


class Failure(Struct, frozen=True, kw_only=True):
    """A repo of a batch that could not be resolved, or not loaded. The other repos are not affected."""

    repo_id: str
    revision: str | None
    error: ResolveError


Answer = Resolution | Failure
