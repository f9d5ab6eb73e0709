"""What the store says is to be done for repos: by what everybody may know, else by what this token may know."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from registry.decision import Decision
from registry.facts import RepoFacts
from resolver.connection import Connection
from resolver.recall import recall
from resolver.recorder import Recorder
from resolver.repo_id import Wanted
from resolver.settings import FilledSettings
from resolver.step import AskHub, LookInHfCache, Step, next_step
from store.keys import ANONYMOUS, PUBLIC, DecisionKey, scope_of_token
from store.store import MetadataStore


class Memory:
    """Looks into the store, as far as whoever asks may, and counts how often the answer was there."""

    def __init__(
        self,
        settings: FilledSettings,
        store: MetadataStore,
        connection: Connection,
        recorder: Recorder,
        decide: Callable[[RepoFacts, DecisionKey], Decision],
        clock: Callable[[], float],
    ) -> None:
        self._endpoint = settings.endpoint
        self._policy = settings.policy
        self._store = store
        self._connection = connection
        self._recorder = recorder
        self._decide = decide
        self._clock = clock
        self.hits = 0
        self.misses = 0

    async def next_steps(self, wanted: Sequence[Wanted], asked: DecisionKey) -> list[Step]:
        """What to do for each of `wanted`, in order.

        Offline also by what was seen without a token, which is better than nothing for those who have one.
        """
        steps = await self._next_steps_in(PUBLIC, wanted, asked)
        for scope in await self.own_scopes() if any(map(is_open, steps)) else ():
            open_ones = [i for i, step in enumerate(steps) if is_open(step)]
            scoped = await self._next_steps_in(scope, [wanted[i] for i in open_ones], asked)
            for i, step in zip(open_ones, scoped, strict=True):
                if not (isinstance(step, AskHub) and step.known is None):
                    steps[i] = step
        return steps

    async def own_scopes(self) -> tuple[str, ...]:
        """The scopes beside the public one that whoever asks may see, the more telling first."""
        own = scope_of_token(await self._connection.find_token())
        return (own, ANONYMOUS) if self._policy.offline and own != ANONYMOUS else (own,)

    def count(self, steps: Sequence[Step]) -> None:
        """Count look-ups as hits or misses."""
        misses = sum(map(is_open, steps))
        self.misses += misses
        self.hits += len(steps) - misses

    async def close(self) -> None:
        """Add the counts to the store's own."""
        hits, misses, self.hits, self.misses = self.hits, self.misses, 0, 0
        if hits or misses:
            await self._store.add_lookups(hits, misses, now_s=self._clock())

    async def _next_steps_in(self, scope: str, wanted: Sequence[Wanted], asked: DecisionKey) -> list[Step]:
        if not wanted:
            return []
        known = await recall(
            self._store,
            self._recorder,
            wanted,
            endpoint=self._endpoint,
            scope=scope,
            decided_by=asked,
            decide=lambda facts: self._decide(facts, asked),
        )
        now_s, policy = self._clock(), self._policy
        return [next_step(known, item, now_s=now_s, policy=policy) for item, known in zip(wanted, known, strict=True)]


def is_open(step: Step) -> bool:
    """Whether the store has no answer."""
    return isinstance(step, (AskHub, LookInHfCache))
