"""What the work on one request comes to: an answer, and whether it may be given yet."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from resolver.answer import Answer, Failure
from resolver.errors import ResolveError

logger = logging.getLogger(__name__)

Stored = asyncio.Future[None]
"""Done when what was handed over is stored, or cannot be. Many share it: it is to be waited for by `until_stored`."""


@dataclass(slots=True)
class Outcome:
    """An answer, to be given once what was learned for it is `stored` (None: there is nothing to wait for). It may be
    that it is not decided before.
    """

    answer: Answer | None = None
    stored: Stored | None = None

    async def get(self) -> Answer:
        """The answer, as soon as it may be given."""
        if self.stored is not None and not self.stored.done():
            await until_stored(self.stored)
        if self.answer is None:
            raise RuntimeError("what was learned was never decided")
        return self.answer


Pending = Callable[[], Awaitable[Outcome]]
"""The work that is left for one request, not yet started. Its errors are values: one repo's trouble ends no other's."""


async def until_stored(stored: Stored | None) -> None:
    """Wait for `stored`, which others may wait for too: being cancelled ends only the caller's waiting."""
    if stored is not None and not stored.done():
        await asyncio.wait([stored])


def failed(repo_id: str, revision: str | None, error: Exception) -> Outcome:
    """The outcome of work that raised `error`."""
    if not isinstance(error, ResolveError):
        logger.error("resolving %s@%s failed in an unforeseen way", repo_id, revision, exc_info=error)
        unforeseen, error = error, ResolveError(f"{repo_id}: unforeseen {type(error).__name__}: {error}")
        error.__cause__ = unforeseen
    return Outcome(Failure(repo_id=repo_id, revision=revision, error=error))
