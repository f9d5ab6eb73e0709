"""`Recall`: reads refs and decisions from the write-behind buffer and the store, and chooses the next step for each.

Refs are read from the public scope first, then from the token's own. Decisions that were made by other rules are made
again from stored facts.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING

from registry.facts import CommitFacts, CommitHash, RepoFacts
from registry.rules.required_files import find_required_files
from resolver.cache.freshness import Policy
from resolver.cache.write_behind import UnstoredRecord, WriteBehind, until_done
from resolver.errors import ResolveError
from resolver.hooks.hooks import Lookups
from resolver.lookup.by_commit import KnownCommit, build_commit_ref, find_commit
from resolver.lookup.context import LookupContext
from resolver.lookup.decide import decide_facts
from resolver.lookup.listing import PageItem
from resolver.lookup.same_commit import SameCommit, find_same_commits, reuse_files
from resolver.lookup.scopes import list_own_scopes
from resolver.lookup.step import NOTHING_RECALLED, AskHub, Recalled, Refuse, Step, UseStored, is_miss, next_step
from resolver.repo_id import DEFAULT_REVISION, RepoRevision
from store.keys import PUBLIC, TOMBSTONE, DecisionKey, FactsKey
from store.records import Record, StoredRef

if TYPE_CHECKING:
    from resolver.hub.payloads import ModelInfo


class Recall:
    """Reads what is remembered, as far as this token may see it, and counts hits and misses."""

    def __init__(self, context: LookupContext, write_behind: WriteBehind) -> None:
        self._endpoint = context.settings.endpoint
        self._policy = context.settings.policy
        self._registry = context.registry
        self._store = context.store
        self._connection = context.connection
        self._clock = context.clock
        self._hooks = context.hooks
        self._write_behind = write_behind
        self.hits = 0
        self.misses = 0

    async def next_steps(self, targets: Sequence[RepoRevision], decision_key: DecisionKey) -> list[Step]:
        """The next step for each of `targets`, in order."""
        if not self._write_behind.has_unstored:
            return await self._next_steps_in_store(targets, decision_key, self._policy)
        found: dict[int, Step] = {}
        for place, target in enumerate(targets):
            unstored = self._write_behind.find(target.repo_id, target.revision)
            if unstored is not None:
                step = self._step_from_unstored(target, unstored, decision_key)
                if step is not None:
                    found[place] = step
                else:
                    await until_done(unstored.stored)
        rest = [place for place in range(len(targets)) if place not in found]
        steps = await self._next_steps_in_store([targets[place] for place in rest], decision_key, self._policy)
        found.update(zip(rest, steps, strict=True))
        return [found[place] for place in range(len(targets))]

    def count(self, steps: Sequence[Step]) -> None:
        """Count look-ups as hits or misses."""
        misses = sum(map(is_miss, steps))
        self.misses += misses
        self.hits += len(steps) - misses
        if self._hooks is not None:
            self._hooks.on_lookups(Lookups(cache="store", hits=len(steps) - misses, misses=misses))

    async def get_stored_facts(self, ref: StoredRef) -> CommitFacts | None:
        """The facts of a stored ref; None where there are none."""
        found = (await self._store.get_repo_facts([ref])).get(ref.key)
        return found.commit if found is not None else None

    async def get_stored_info(self, ref: StoredRef) -> tuple[ModelInfo, CommitFacts] | None:
        """What the store has of a ref, in the form of a response of the Hub: model info, and its commit with the files
        that were fetched; None where the facts are missing.
        """
        from resolver.hub.payloads import ModelInfo

        found = (await self._store.get_repo_facts([ref])).get(ref.key)
        if found is None or ref.commit_hash is None:
            return None
        info = ModelInfo(
            canonical_id=ref.canonical_id,
            commit_hash=CommitHash(ref.commit_hash),
            filenames=found.commit.filenames,
            hints=found.hints,
            parameters=ref.parameters,
            weight_bytes=ref.weight_bytes,
        )
        return info, reuse_files(info, found.commit)

    async def find_same_commits(self, page: Sequence[PageItem], decision_key: DecisionKey) -> dict[int, SameCommit]:
        """What the store has of the commits that a page is about, by their places."""
        infos = {place: item for place, item in enumerate(page) if not isinstance(item, RepoRevision)}
        scopes = (PUBLIC, *list_own_scopes(await self._connection.find_token(), offline=False))
        return await find_same_commits(self._store, self._endpoint, scopes, infos, decision_key)

    def _step_from_unstored(
        self, target: RepoRevision, unstored: UnstoredRecord, decision_key: DecisionKey
    ) -> Step | None:
        """The step for a record that is not stored yet; None where only the store can tell."""
        record = unstored.record
        if record.problem == TOMBSTONE:
            return None
        if record.problem is None and (record.decision is None or record.decision_key != decision_key):
            return None
        recalled = Recalled(ref=_build_ref(target, record), decision=record.decision)
        step = next_step(recalled, target, now_s=self._clock(), policy=self._policy)
        return step if isinstance(step, (UseStored, Refuse)) else None

    async def next_checks(self, targets: Sequence[RepoRevision], decision_key: DecisionKey) -> list[Step]:
        """The next step for each of `targets` if it is to be checked at the Hub now."""
        policy = dataclasses.replace(self._policy, refresh=True)
        return await self._next_steps_in_store(targets, decision_key, policy)

    async def find_stored(self, target: RepoRevision, decision_key: DecisionKey) -> UseStored | None:
        """What the store has, whatever its age, for when the Hub does not answer; None where it has no answer."""
        policy = dataclasses.replace(self._policy, offline=True)
        (step,) = await self._next_steps_in_store([target], decision_key, policy)
        return step if isinstance(step, UseStored) else None

    async def _next_steps_in_store(
        self, targets: Sequence[RepoRevision], decision_key: DecisionKey, policy: Policy
    ) -> list[Step]:
        steps = await self._next_steps_in_scope(PUBLIC, targets, decision_key, policy)
        if not any(map(is_miss, steps)):
            return steps
        token = await self._connection.find_token()
        for scope in list_own_scopes(token, offline=policy.offline):
            missed = [place for place, step in enumerate(steps) if is_miss(step)]
            scoped = await self._next_steps_in_scope(scope, [targets[place] for place in missed], decision_key, policy)
            for place, step in zip(missed, scoped, strict=True):
                if not (isinstance(step, AskHub) and step.known is None):
                    steps[place] = step
        return steps

    async def _next_steps_in_scope(
        self, scope: str, targets: Sequence[RepoRevision], decision_key: DecisionKey, policy: Policy
    ) -> list[Step]:
        if not targets:
            return []
        recalled = await self._recall(scope, targets, decision_key, policy)
        now_s = self._clock()
        return [
            next_step(item, target, now_s=now_s, policy=policy) for target, item in zip(targets, recalled, strict=True)
        ]

    async def _recall(
        self, scope: str, targets: Sequence[RepoRevision], decision_key: DecisionKey, policy: Policy
    ) -> list[Recalled]:
        """One `Recalled` for each of `targets`, in order.

        One query for all, a second one for commits that are known through the branch, and a third one for refs whose
        decisions were made by other rules. Offline some more for each commit that is known in another way, if at all.
        """
        refs = await self._store.recall(
            self._endpoint, scope, [(target.repo_id, target.revision) for target in targets], decision_key
        )
        await self._find_through_branch(scope, targets, refs, decision_key)
        by_facts = dict[int, Recalled]()
        if policy.offline:
            by_facts = await self._find_by_commit(scope, targets, refs, decision_key)
        recalled = [Recalled(ref=ref, decision=ref.decision()) if ref is not None else NOTHING_RECALLED for ref in refs]
        undecided = [item.ref for item in recalled if item.ref is not None and item.decision is None]
        if any(ref.commit_hash is not None for ref in undecided):
            again = await self._decide_again(scope, undecided, decision_key)
            recalled = [again.get(item.ref.key, item) if item.ref is not None else item for item in recalled]
        return [by_facts.get(place, item) for place, item in enumerate(recalled)]

    async def _find_through_branch(
        self, scope: str, targets: Sequence[RepoRevision], refs: list[StoredRef | None], decision_key: DecisionKey
    ) -> None:
        """Fill in commits that were never requested by hash, but are where the default branch pointed to."""
        places = [place for place, target in enumerate(targets) if refs[place] is None and target.is_pinned]
        if not places:
            return
        names = [(targets[place].repo_id, DEFAULT_REVISION) for place in places]
        branches = await self._store.recall(self._endpoint, scope, names, decision_key)
        for place, branch in zip(places, branches, strict=True):
            if branch is not None and branch.commit_hash == targets[place].revision:
                refs[place] = branch

    async def _find_by_commit(
        self, scope: str, targets: Sequence[RepoRevision], refs: list[StoredRef | None], decision_key: DecisionKey
    ) -> dict[int, Recalled]:
        """Fill in commits that another ref of the repo leads to; and by their places those to which none does any more,
        but whose facts are stored.
        """
        by_facts: dict[int, Recalled] = {}
        for place, target in enumerate(targets):
            if refs[place] is not None or not target.is_pinned:
                continue
            rows = await self._store.list_repo_refs(self._endpoint, target.repo_id, {scope})
            known = find_commit(rows, scope, target.revision)
            if known is None:
                continue
            if known.ref is not None:
                name = (known.ref.repo_id, known.ref.revision)
                (refs[place],) = await self._store.recall(self._endpoint, scope, [name], decision_key)
            elif (recalled := await self._decide_on_facts(scope, target, known, decision_key)) is not None:
                by_facts[place] = recalled
        return by_facts

    async def _decide_on_facts(
        self, scope: str, target: RepoRevision, known: KnownCommit, decision_key: DecisionKey
    ) -> Recalled | None:
        """The decision on the stored facts of a commit; None where they are not stored, or are not enough."""
        hints = known.read_hints()
        for canonical_id in known.canonical_ids:
            key = FactsKey(self._endpoint, canonical_id, target.revision, scope)
            commit = await self._store.get_commit_facts(key)
            if commit is None:
                continue
            ref = build_commit_ref(target, canonical_id, known, hints)
            decisions = await self._store.get_commit_decisions(key, decision_key)
            if decisions:
                # The one with the newest hints, where they have not changed since.
                return Recalled(
                    ref=ref, decision=decisions.get(known.latest.hints_id) or next(iter(decisions.values()))
                )
            if find_required_files(commit, hints):
                # The extract of the config stood in for a file.
                continue
            try:
                decision = decide_facts(
                    RepoFacts(commit=commit, hints=hints), self._registry, decision_key.task, decision_key.library
                )
            except ResolveError as error:
                return Recalled(ref=ref, error=error)
            return Recalled(ref=ref, decision=decision)
        return None

    async def _decide_again(
        self, scope: str, refs: Sequence[StoredRef], decision_key: DecisionKey
    ) -> dict[int, Recalled]:
        """Decide on the stored facts of `refs` by the rules in force, and store the decisions; by the refs' keys."""
        recalled: dict[int, Recalled] = {}
        records = []
        repo_facts = await self._store.get_repo_facts(refs)
        for ref in refs:
            facts = repo_facts.get(ref.key)
            if facts is None or ref.commit_hash is None:
                continue
            try:
                decision = decide_facts(facts, self._registry, decision_key.task, decision_key.library)
            except ResolveError as error:
                recalled[ref.key] = Recalled(ref=ref, error=error)
                continue
            recalled[ref.key] = Recalled(ref=ref, decision=decision)
            records.append(
                Record(
                    ref_keys=(),
                    hints=facts.hints,
                    checked_at_s=ref.checked_at_s,
                    facts_key=FactsKey(self._endpoint, ref.canonical_id, ref.commit_hash, scope),
                    decision_key=decision_key,
                    decision=decision,
                )
            )
        if records:
            await self._write_behind.put_all(*records)
        return recalled


def _build_ref(target: RepoRevision, record: Record) -> StoredRef:
    """The ref as it will be stored, but for its hints and decision, which a fresh answer does not read."""
    facts_key = record.facts_key
    return StoredRef(
        key=0,
        repo_id=target.repo_id,
        revision=target.revision,
        other_id=facts_key.canonical_id if facts_key is not None else None,
        commit_hash=facts_key.commit_hash if facts_key is not None else None,
        problem=record.problem,
        pipeline_tag=record.hints.pipeline_tag,
        library_name=record.hints.library_name,
        checked_at_s=record.checked_at_s,
        hints_id=0,
        parameters=record.parameters,
        weight_bytes=record.weight_bytes,
        decision_body=None,
    )
