"""`AnswerCache`: recent answers in this process (LRU with a TTL); a repeated request does not read the store.

`benchmarks/single.py`: 134,000 answers a second from this cache, 4,100 from the store.
"""

from __future__ import annotations

import time
from collections import OrderedDict, defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from msgspec.structs import replace

from resolver.cache.freshness import Freshness, Policy, judge_freshness
from resolver.repo_id import DEFAULT_REVISION, is_commit_hash
from resolver.resolution import Resolution, Source
from store.records import Record


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerCacheLimits:
    """`max_answers` in all; a batch adds answers only while there are fewer than `max_from_batches`: most of the room
    is for ids that are requested again and again.

    `ttl_s`: how long an answer is used without reading the store. What other processes have learned since, such as a
    repo that became private, is known here by then. In real time, whatever clock the resolver was given.
    """

    max_answers: int = 16_384
    max_from_batches: int = 1_024
    ttl_s: float = 60.0


DEFAULT_LIMITS = AnswerCacheLimits()

CacheKey = tuple[str, str, str | None, str | None]
"""Repo id and revision, and the task and library, as requested."""


class _Entry(NamedTuple):
    answer: Resolution
    is_pinned: bool
    expires_at_s: float


class AnswerCache:
    """A bounded cache; the least recently used answers leave first.

    An answer is used while its ref is fresh, as if it came from the store, and only until a record about its repo is
    put in this process.
    """

    def __init__(self, policy: Policy, clock: Callable[[], float], limits: AnswerCacheLimits = DEFAULT_LIMITS) -> None:
        """`clock` gives seconds since 1970, UTC."""
        self._policy = policy
        self._clock = clock
        self._limits = limits
        self._entries: OrderedDict[CacheKey, _Entry] = OrderedDict()
        self._keys_by_name: defaultdict[str, set[CacheKey]] = defaultdict(set)
        self._canonical_ids: OrderedDict[str, str] = OrderedDict()
        self.hits = 0
        """Requests that were answered from this cache."""

    def __len__(self) -> int:
        """How many answers are held."""
        return len(self._entries)

    @property
    def has_room_for_batches(self) -> bool:
        """Whether an answer of a batch may be added too."""
        return len(self._entries) < self._limits.max_from_batches

    def get(self, repo_id: str, revision: str | None, task: str | None, library: str | None) -> Resolution | None:
        """The answer, None where there is none that may still be used."""
        key = _build_key(repo_id, revision, task, library)
        entry = self._entries.get(key)
        if entry is None:
            return None
        if not self._is_usable(entry):
            self._drop(key)
            return None
        self._entries.move_to_end(key)
        self.hits += 1
        return entry.answer

    def peek(self, repo_id: str, revision: str | None, task: str | None, library: str | None) -> Resolution | None:
        """As `get`, but changes nothing, and so may be called from any thread."""
        entry = self._entries.get(_build_key(repo_id, revision, task, library))
        return entry.answer if entry is not None and self._is_usable(entry) else None

    def _is_usable(self, entry: _Entry) -> bool:
        freshness = judge_freshness(
            entry.answer.checked_at_s,
            now_s=self._clock(),
            policy=self._policy,
            is_pinned=entry.is_pinned,
            is_problem=False,
        )
        return freshness is Freshness.FRESH and time.monotonic() <= entry.expires_at_s

    def put(self, answer: Resolution, task: str | None, library: str | None) -> None:
        """Hold an answer that is in the store; others are not held."""
        if answer.source is Source.HUB:
            answer = replace(answer, source=Source.STORE)
        if answer.source is not Source.STORE or answer.revision is None:
            return
        key = (answer.repo_id, answer.revision, task, library)
        expires_at_s = time.monotonic() + self._limits.ttl_s
        self._entries[key] = _Entry(answer, is_commit_hash(answer.revision), expires_at_s)
        self._entries.move_to_end(key)
        for name in _get_names(answer):
            self._keys_by_name[name].add(key)
        self._remember_name(answer)
        if len(self._entries) > self._limits.max_answers:
            self._drop(next(iter(self._entries)))

    def invalidate(self, record: Record) -> None:
        """Drop all answers about the repo of `record`, under each of its names, where the record has a new check."""
        if not record.ref_keys or not self._entries:
            return
        names = {name.lower() for name in record.names}
        if record.is_hidden:
            # The repo is hidden under its other names too, though the record may have an old one only.
            names |= {self._canonical_ids[name] for name in names if name in self._canonical_ids}
        for key in {key for name in names for key in self._keys_by_name.get(name, ())}:
            self._drop(key)

    def _remember_name(self, answer: Resolution) -> None:
        """Remember which repo an old name leads to, also after its answers have left."""
        name, canonical_id = answer.repo_id.lower(), (answer.canonical_id or answer.repo_id).lower()
        if name != canonical_id:
            self._canonical_ids[name] = canonical_id
            self._canonical_ids.move_to_end(name)
            if len(self._canonical_ids) > self._limits.max_answers:
                self._canonical_ids.popitem(last=False)

    def _drop(self, key: CacheKey) -> None:
        entry = self._entries.pop(key, None)
        for name in _get_names(entry.answer) if entry is not None else ():
            self._keys_by_name[name].discard(key)
            if not self._keys_by_name[name]:
                del self._keys_by_name[name]


def _build_key(repo_id: str, revision: str | None, task: str | None, library: str | None) -> CacheKey:
    if revision is None:
        repo_id, _, own_revision = repo_id.partition("@")
        revision = own_revision or DEFAULT_REVISION
    return (repo_id, revision, task, library)


def _get_names(answer: Resolution) -> set[str]:
    """The names of an answer's repo, in lower case: the Hub does not tell spellings apart."""
    return {answer.repo_id.lower(), (answer.canonical_id or answer.repo_id).lower()}
