"""`Outcome`: an answer that is released once it is decided and its record is stored."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from resolver.answer import Answer
from resolver.cache.write_behind import Stored, until_done


@dataclass(slots=True)
class Outcome:
    """`decided` and `stored` are None where there is nothing to wait for; many outcomes share one of each. `answer` and
    `stored` are set when the outcome is decided.
    """

    answer: Answer | None = None
    stored: Stored | None = None
    decided: asyncio.Future[None] | None = None

    async def get(self) -> Answer:
        """The answer, once its record is stored: what a caller has seen outlives the process."""
        if self.decided is not None and not self.decided.done():
            await until_done(self.decided)
        if self.stored is not None and not self.stored.done():
            await until_done(self.stored)
        if self.answer is None:
            raise RuntimeError("the outcome was never decided")
        return self.answer


Result = Answer | Outcome
"""The result of a request: an answer, or an outcome that gives the answer once it is decided and stored."""
