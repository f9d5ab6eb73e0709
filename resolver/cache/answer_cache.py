"""Answers given lately, kept in the process: a repo asked for again and again costs no look into the store."""

from __future__ import annotations

import time
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable
from typing import NamedTuple

from msgspec.structs import replace

from resolver.cache.freshness import Freshness, Policy, freshness
from resolver.repo_id import DEFAULT_REVISION, is_commit_hash
from resolver.resolution import Resolution, Source
from store.records import Record

MOST_ANSWERS = 16_384
FROM_LISTS = 1_024
HELD_S = 60.0
"""How long an answer is given without a look into the store: what other processes have learned meanwhile, a repo that
was made private among it, is known here by then. In real time, whatever clock the resolver was given.
"""

CacheKey = tuple[str, str, str | None, str | None]
"""Repo id and revision, and the task and library as they were asked for."""


class _Held(NamedTuple):
    answer: Resolution
    is_pinned: bool
    until_s: float


class AnswerCache:
    """At most `MOST_ANSWERS` answers, those asked for longest ago leaving first.

    An answer is given while its ref is fresh, as if it came from the store, and no longer once anything about its repo
    was learned in this process.
    """

    def __init__(self, policy: Policy, clock: Callable[[], float]) -> None:
        """`clock` gives seconds since 1970, UTC."""
        self._policy = policy
        self._clock = clock
        self._held: OrderedDict[CacheKey, _Held] = OrderedDict()
        self._by_name: defaultdict[str, set[CacheKey]] = defaultdict(set)

    def __len__(self) -> int:
        """How many are held."""
        return len(self._held)

    @property
    def has_room(self) -> bool:
        """Whether one of a long list may be held too: most of the room is for what is asked for again and again."""
        return len(self._held) < FROM_LISTS

    def get(self, repo_id: str, revision: str | None, task: str | None, library: str | None) -> Resolution | None:
        """The answer, where it may still be given."""
        if revision is None:
            repo_id, _, own = repo_id.partition("@")
            revision = own or DEFAULT_REVISION
        asked = (repo_id, revision, task, library)
        held = self._held.get(asked)
        if held is None:
            return None
        state = freshness(
            held.answer.checked_at_s,
            now_s=self._clock(),
            policy=self._policy,
            is_pinned=held.is_pinned,
            is_problem=False,
        )
        if state is not Freshness.FRESH or time.monotonic() > held.until_s:
            self._drop(asked)
            return None
        self._held.move_to_end(asked)
        return held.answer

    def keep(self, answer: Resolution, task: str | None, library: str | None) -> None:
        """Hold an answer that is in the store."""
        if answer.source is Source.HUB:
            answer = replace(answer, source=Source.STORE)
        if answer.source is not Source.STORE or answer.revision is None:
            return
        asked = (answer.repo_id, answer.revision, task, library)
        self._held[asked] = _Held(answer, is_commit_hash(answer.revision), time.monotonic() + HELD_S)
        self._held.move_to_end(asked)
        for name in _names(answer):
            self._by_name[name].add(asked)
        if len(self._held) > MOST_ANSWERS:
            self._drop(next(iter(self._held)))

    def forget(self, records: Iterable[Record]) -> None:
        """Let go of all answers about the repos of `records`, under whatever name, where a ref was checked."""
        for record in records:
            if not record.ref_keys:
                continue
            names = {key.repo_id for key in record.ref_keys}
            if record.facts_key is not None:
                names.add(record.facts_key.canonical_id)
            for name in names:
                for asked in tuple(self._by_name.get(name, ())):
                    self._drop(asked)

    def _drop(self, asked: CacheKey) -> None:
        held = self._held.pop(asked, None)
        for name in _names(held.answer) if held is not None else ():
            self._by_name[name].discard(asked)
            if not self._by_name[name]:
                del self._by_name[name]


def _names(answer: Resolution) -> set[str]:
    return {answer.repo_id, answer.canonical_id or answer.repo_id}
