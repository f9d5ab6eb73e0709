"""`Decider`: decides on fetched repos, many together, and has their records stored."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sized
from typing import NamedTuple

from registry.decision import Decision
from registry.facts import RepoFacts
from resolver.answer import build_failure
from resolver.cache.answer_cache import AnswerCache
from resolver.cache.write_behind import Stored, WriteBehind
from resolver.errors import InternalError, ResolveError
from resolver.lookup.context import LookupContext
from resolver.lookup.convert import Origin, build_record, record_from_error, resolution_from_hub
from resolver.lookup.decide import decide_facts
from resolver.lookup.fetch import FetchedRepo
from resolver.lookup.outcome import Outcome
from resolver.redaction import without_secrets
from resolver.repo_id import RepoRevision
from store.keys import DecisionKey
from store.records import Record

logger = logging.getLogger(__name__)

DECIDE_BATCH = 32
"""Fetched repos that are decided on in one go. Each for itself, between two responses of the Hub, takes a tenth more
time for a repo in all (`benchmarks/bulk.py`, cold and lean at 0 ms).
"""

GATHER_S = 0.1
"""Longest wait of a fetched repo for others, to be decided in one batch with them."""


class FetchedTarget(NamedTuple):
    """A request with what was fetched for it. `checked_at_s` is in seconds since 1970, UTC; `decision` is the stored
    one, where it still holds.
    """

    target: RepoRevision
    fetched: FetchedRepo
    decision_key: DecisionKey
    checked_at_s: int
    decision: Decision | None = None


class Decider:
    """Decides on fetched repos, and puts their records into the write-behind buffer."""

    def __init__(
        self, context: LookupContext, write_behind: WriteBehind, answer_cache: AnswerCache, in_flight: Sized
    ) -> None:
        """`in_flight`: the fetches that are under way; while there are none, nothing is waited for."""
        self._endpoint = context.settings.endpoint
        self._registry = context.registry
        self._connection = context.connection
        self._write_behind = write_behind
        self._answer_cache = answer_cache
        self._in_flight = in_flight
        self._undecided: list[tuple[FetchedTarget, Outcome]] = []
        self._undecided_by_target: dict[RepoRevision, tuple[FetchedTarget, Outcome]] = {}
        self._decided: asyncio.Future[None] | None = None
        self._task: asyncio.Task[None] | None = None

    async def close(self) -> None:
        """Wait until all that was put is decided on."""
        if self._task is not None:
            await asyncio.wait([self._task])

    def decide(self, facts: RepoFacts, decision_key: DecisionKey) -> Decision:
        """The decision on `facts` for the requested task and library, which is not stored.

        Raises:
            TaskMismatchError: the facts rule out what was requested.
            InternalError: a rule failed.
        """
        return decide_facts(facts, self._registry, decision_key.task, decision_key.library)

    def decide_now(self, item: FetchedTarget) -> Outcome:
        """The outcome, decided."""
        outcome = Outcome()
        self._decide_and_remember(item, outcome)
        return outcome

    def decide_soon(self, item: FetchedTarget) -> Outcome:
        """The outcome, which is decided together with others."""
        earlier = self._undecided_by_target.get(item.target)
        if earlier is not None and _is_same_work(earlier[0], item):
            # Another request shared the flight.
            return earlier[1]
        if self._decided is None:
            self._decided = asyncio.get_running_loop().create_future()
        outcome = Outcome(decided=self._decided)
        self._undecided.append((item, outcome))
        self._undecided_by_target[item.target] = (item, outcome)
        if len(self._undecided) >= DECIDE_BATCH:
            self.decide_all()
        elif self._task is None:
            self._task = asyncio.create_task(self._decide_rest())
        return outcome

    def decide_all(self) -> None:
        """Decide on all that waits."""
        undecided, self._undecided, self._undecided_by_target = self._undecided, [], {}
        decided, self._decided = self._decided, None
        for item, outcome in undecided:
            self._decide_and_remember(item, outcome)
        if decided is not None:
            decided.set_result(None)

    async def wait_for(self, target: RepoRevision) -> None:
        """Wait until a request that was fetched is decided on and stored; returns at once where there is none."""
        if (undecided := self._undecided_by_target.get(target)) is not None:
            await undecided[1].get()

    def refuse(self, target: RepoRevision, error: ResolveError, checked_at_s: int) -> Outcome:
        """The outcome of a request that the Hub did not grant; what the error says about the repo is stored."""
        record = record_from_error(target, error, origin=self._build_origin(checked_at_s))
        stored = self._remember(record) if record is not None else None
        return Outcome(build_failure(target.repo_id, target.revision, error), stored)

    async def _decide_rest(self) -> None:
        """Decide on what does not fill a batch, when nothing else is in flight, or after `GATHER_S`."""
        try:
            while self._undecided:
                until_s = time.monotonic() + GATHER_S
                while self._undecided and self._in_flight and time.monotonic() < until_s:  # noqa: ASYNC110
                    await asyncio.sleep(GATHER_S / 10)
                self.decide_all()
        finally:
            self._task = None

    def _decide_and_remember(self, item: FetchedTarget, outcome: Outcome) -> None:
        target, fetched, decision_key, checked_at_s, decision = item
        try:
            if decision is None:
                if fetched.commit is None:
                    raise InternalError(f"{target.repo_id} was fetched without its facts")
                decision = self.decide(RepoFacts(commit=fetched.commit, hints=fetched.hints), decision_key)
            outcome.answer = resolution_from_hub(target, fetched, decision, checked_at_s)
        except Exception as error:
            outcome.answer = build_failure(target.repo_id, target.revision, error)
        try:
            names = (target.repo_id, fetched.canonical_id)
            origin = self._build_origin(checked_at_s)
            record = build_record(names, target.revision, fetched, decision, origin=origin, decided_by=decision_key)
            outcome.stored = self._remember(record)
        except Exception as error:
            cause = without_secrets(error)
            logger.error("internal error: the answer for %s is not stored", target.repo_id, exc_info=cause)

    def _remember(self, record: Record) -> Stored:
        """Store the record soon; older answers about its repo leave the answer cache now."""
        self._answer_cache.invalidate(record)
        return self._write_behind.put(record)

    def _build_origin(self, checked_at_s: int) -> Origin:
        return Origin(self._endpoint, self._connection.token, checked_at_s)


def _is_same_work(one: FetchedTarget, other: FetchedTarget) -> bool:
    return one.fetched is other.fetched and one.decision_key == other.decision_key
