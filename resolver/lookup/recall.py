"""What the store knows of many repos at once, with decisions brought up to date with the rules in force."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from registry.decision import Decision
from registry.facts import RepoFacts
from resolver.cache.write_behind import WriteBehind
from resolver.errors import ResolveError
from resolver.hub.connection import Connection
from resolver.lookup.step import NOTHING_RECALLED, AskHub, LookInHfCache, Recalled, Step, next_step
from resolver.repo_id import DEFAULT_REVISION, RepoRevision
from resolver.settings import FilledSettings
from store.keys import ANONYMOUS, PUBLIC, DecisionKey, FactsKey, scope_of_token
from store.records import Record, StoredRef
from store.store import MetadataStore

DecideFacts = Callable[[RepoFacts], Decision]
"""Decides as the caller asked; raises a ResolveError where the facts contradict what was asked."""


async def recall(
    store: MetadataStore,
    recorder: WriteBehind,
    wanted: Sequence[RepoRevision],
    *,
    endpoint: str,
    scope: str,
    decided_by: DecisionKey,
    decide: DecideFacts,
) -> list[Recalled]:
    """One `Recalled` for each of `wanted`, in order, from what `scope` may see.

    Takes one look-up for all of them, and a second one for those that were decided under other rules: they are
    decided anew from stored facts.
    """
    found = await store.recall(endpoint, scope, [(item.repo_id, item.revision) for item in wanted], decided_by)
    await _find_through_branch(store, wanted, found, endpoint, scope, decided_by)
    known = [Recalled(ref=ref, decision=ref.decision()) if ref is not None else NOTHING_RECALLED for ref in found]
    undecided = [item.ref for item in known if item.ref is not None and item.decision is None]
    if any(ref.commit_hash is not None for ref in undecided):
        anew = await _decide_anew(store, recorder, undecided, endpoint, scope, decided_by, decide)
        known = [anew.get(item.ref.key, item) if item.ref is not None else item for item in known]
    return known


async def _find_through_branch(
    store: MetadataStore,
    wanted: Sequence[RepoRevision],
    found: list[StoredRef | None],
    endpoint: str,
    scope: str,
    decided_by: DecisionKey,
) -> None:
    """Fill in commits that are known as what the default branch stood at, without having been asked for by hash."""
    places = [i for i, item in enumerate(wanted) if found[i] is None and item.is_pinned]
    if not places:
        return
    names = [(wanted[i].repo_id, DEFAULT_REVISION) for i in places]
    for i, branch in zip(places, await store.recall(endpoint, scope, names, decided_by), strict=True):
        if branch is not None and branch.commit_hash == wanted[i].revision:
            found[i] = branch


async def _decide_anew(
    store: MetadataStore,
    recorder: WriteBehind,
    undecided: Sequence[StoredRef],
    endpoint: str,
    scope: str,
    decided_by: DecisionKey,
    decide: DecideFacts,
) -> dict[int, Recalled]:
    """What is known, by the refs' keys, once the facts of `undecided` are decided under the rules in force."""
    anew: dict[int, Recalled] = {}
    records = []
    repo_facts = await store.get_repo_facts(undecided)
    for ref in undecided:
        facts = repo_facts.get(ref.key)
        if facts is None or ref.commit_hash is None:
            continue
        try:
            decision = decide(facts)
        except ResolveError as error:
            anew[ref.key] = Recalled(ref=ref, error=error)
            continue
        anew[ref.key] = Recalled(ref=ref, decision=decision)
        records.append(
            Record(
                ref_keys=(),
                hints=facts.hints,
                checked_at_s=ref.checked_at_s,
                facts_key=FactsKey(endpoint, ref.canonical_id, ref.commit_hash, scope),
                decision_key=decided_by,
                decision=decision,
            )
        )
    if records:
        await recorder.record(*records)
    return anew


class Memory:
    """Looks into the store, as far as whoever asks may, and counts how often the answer was there."""

    def __init__(
        self,
        settings: FilledSettings,
        store: MetadataStore,
        connection: Connection,
        recorder: WriteBehind,
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

    async def next_steps(self, wanted: Sequence[RepoRevision], asked: DecisionKey) -> list[Step]:
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

    async def _next_steps_in(self, scope: str, wanted: Sequence[RepoRevision], asked: DecisionKey) -> list[Step]:
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
