"""Ask, decide, remember: what a `Resolver` does for repos that the store does not answer."""

from __future__ import annotations

import asyncio
import logging
import math
from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from registry.decision import Decision
from registry.errors import ContradictionError
from registry.facts import CommitFacts, RepoFacts
from registry.registry import Registry
from registry.rules.decide import decide
from resolver.answer import Answer
from resolver.cache.write_behind import MADE_AT_ONCE, WriteBehind
from resolver.concurrency.single_flight import LeaderSingleFlight
from resolver.errors import (
    HubError,
    HubResponseError,
    OfflineError,
    RateLimitedError,
    RepositoryNotFoundError,
    ResolveError,
    RevisionNotFoundError,
    TaskMismatchError,
)
from resolver.hub.connection import Connection
from resolver.local.folder import read_folder
from resolver.lookup.convert import from_folder, from_hf_cache, from_hub, problem_record, record_of
from resolver.lookup.listing import (
    LEFT_OVER_S,
    ListingEntryCache,
    authors_worth_listing,
    is_next_page_worth_it,
    is_settled,
    learn_page,
    pages,
    wanted_of,
)
from resolver.lookup.offline import offline_miss, other_ids
from resolver.lookup.outcome import Outcome, Stored, failed
from resolver.repo_id import DEFAULT_REVISION, RepoRevision
from resolver.resolution import Resolution
from resolver.settings import FilledSettings
from store.keys import ANONYMOUS, PUBLIC, DecisionKey, scope_of_token
from store.records import Record, StoredRef
from store.store import MetadataStore

if TYPE_CHECKING:
    from resolver.hub.client import HubClient
    from resolver.hub.payloads import ModelInfo
    from resolver.lookup.fetch import FetchedRepo

logger = logging.getLogger(__name__)

LISTINGS_AT_ONCE = 8
"""Each page is as much work, there and here, as a thousand requests."""

JUST_LEARNED = 4_096
"""How many of the repos stored last are remembered by name."""


class Asker:
    """Gives answers from the Hub, the local Hugging Face cache and folders; what the Hub told is stored first."""

    def __init__(
        self,
        settings: FilledSettings,
        registry: Registry,
        store: MetadataStore,
        connection: Connection,
        clock: Callable[[], float],
        watch: Callable[[Sequence[Record]], None],
    ) -> None:
        self._settings = settings
        self._registry = registry
        self._store = store
        self._connection = connection
        self._clock = clock
        self._asking: LeaderSingleFlight[RepoRevision, FetchedRepo] = LeaderSingleFlight()
        self._cannot_list = False
        self._left_over = ListingEntryCache()
        self._just_learned: OrderedDict[RepoRevision, Stored] = OrderedDict()
        self._pages_taken = 0
        self.recorder = WriteBehind(store, more_are_coming=self._more_are_coming, watch=watch)

    def _more_are_coming(self) -> bool:
        return len(self._asking) > 0 or self._pages_taken > 0

    def just_learned(self, wanted: RepoRevision) -> Stored | None:
        """When `wanted` is stored, if it was learned lately, so that a look into the store may have missed it."""
        return self._just_learned.get(wanted)

    async def ask_hub(self, wanted: RepoRevision, known: StoredRef | None, asked: DecisionKey) -> Outcome:
        """What the Hub says of a repo, handed over to be stored.

        Raises:
            ResolveError: the Hub cannot be asked.
        """
        client = self._connection.client or await self._connection.open_client()
        from resolver.lookup.fetch import learn

        start = partial(learn, client, wanted, lean=self._settings.lean, stored_facts=self._stored_facts)
        try:
            learned = await self._asking.run(wanted, partial(start, known=known))
            decision = known.decision() if known is not None and learned.commit is None else None
            if learned.commit is None and decision is None:
                # Who asked for this look-up had a decision that still holds; we wanted another one.
                undecided = known._replace(decision_body=None) if known is not None else None
                learned = await self._asking.run(wanted, partial(start, known=undecided))
        except (RepositoryNotFoundError, RevisionNotFoundError) as error:
            outcome = failed(wanted.repo_id, wanted.revision, error)
            outcome.stored = self.recorder.hand_over(
                partial(
                    problem_record,
                    wanted,
                    error.code,
                    endpoint=self._settings.endpoint,
                    token=self._connection.token,
                    checked_at_s=int(self._clock()),
                )
            )
            return outcome
        return self._hand_over(wanted, learned, decision, asked, int(self._clock()))

    def _hand_over(
        self,
        wanted: RepoRevision,
        learned: FetchedRepo,
        decision: Decision | None,
        asked: DecisionKey,
        checked_at_s: int,
    ) -> Outcome:
        """Have what was learned decided, where that is not done yet, and stored."""
        outcome = Outcome()
        make = partial(self._decide, outcome, wanted, learned, decision, asked, checked_at_s)
        self._just_learned[wanted] = outcome.stored = self.recorder.hand_over(make)
        if len(self._just_learned) > JUST_LEARNED:
            self._just_learned.popitem(last=False)
        return outcome

    def _decide(
        self,
        outcome: Outcome,
        wanted: RepoRevision,
        learned: FetchedRepo,
        decision: Decision | None,
        asked: DecisionKey,
        checked_at_s: int,
    ) -> Record:
        """The record of what was learned; its answer goes into `outcome`."""
        try:
            if decision is None and learned.commit is not None:
                decision = self.decide(RepoFacts(commit=learned.commit, hints=learned.hints), asked)
            if decision is None:
                raise HubResponseError(f"{wanted.repo_id} changed twice while it was looked at; ask again")
            outcome.answer = from_hub(wanted, learned, decision, checked_at_s)
        except Exception as error:
            outcome.answer = failed(wanted.repo_id, wanted.revision, error).answer
        return record_of(
            (wanted.repo_id, learned.canonical_id),
            wanted.revision,
            learned,
            decision,
            endpoint=self._settings.endpoint,
            token=self._connection.token,
            checked_at_s=checked_at_s,
            decided_by=asked,
        )

    async def look_in_hf_cache(self, wanted: RepoRevision, asked: DecisionKey) -> Resolution:
        from resolver.local.hf_cache import find_cached

        endpoint, cache_dir = self._settings.endpoint, self._settings.cache_dir
        cached = await asyncio.to_thread(find_cached, wanted, cache_dir)
        if cached is None:
            scopes = {PUBLIC, ANONYMOUS, scope_of_token(await self._connection.find_token())}
            known = await self._store.refs_about(wanted.repo_id, scopes)
            if others := other_ids(wanted, known, endpoint):
                cached = await asyncio.to_thread(find_cached, wanted, cache_dir, other_ids=others)
            if cached is None:
                raise OfflineError(offline_miss(wanted, known, endpoint, self._clock()))
        return from_hf_cache(wanted, cached, self.decide(cached.facts, asked))

    async def resolve_folder(self, repo_id: str, folder: Path, asked: DecisionKey) -> Resolution:
        facts = await asyncio.to_thread(read_folder, folder)
        return from_folder(repo_id, facts.hints, self.decide(facts, asked))

    def decide(self, facts: RepoFacts, asked: DecisionKey) -> Decision:
        """The decision on `facts`, as the caller asked.

        Raises:
            ResolveError: the facts rule out what was asked, or are such as no rule foresaw: one repo's trouble, which
                must not end the others' work.
        """
        try:
            return decide(facts, self._registry, asked.task, library=asked.library)
        except ContradictionError as error:
            raise TaskMismatchError(str(error)) from error
        except Exception as error:
            logger.exception("facts that no rule foresaw: %r", facts)
            raise ResolveError(f"no rule foresaw such a repo ({type(error).__name__}: {error})") from error

    async def _stored_facts(self, ref: StoredRef) -> CommitFacts | None:
        found = (await self._store.get_repo_facts([ref])).get(ref.key)
        return found.commit if found is not None else None

    async def take_page(
        self,
        client: HubClient,
        page: Sequence[ModelInfo | RepoRevision],
        asked: DecisionKey,
        seen_at_s: int | None = None,
    ) -> list[Outcome]:
        """What a page of a listing, seen then or just now, tells of each of its repos in its order, handed over to be
        stored.
        """
        found = await learn_page(client, page)
        checked_at_s = int(self._clock()) if seen_at_s is None else seen_at_s
        outcomes = list[Outcome]()
        self._pages_taken += 1
        try:
            for wanted, item in found:
                if len(outcomes) % MADE_AT_ONCE == 0:
                    # Others who have something to do are let through.
                    await asyncio.sleep(0)
                outcomes.append(
                    failed(wanted.repo_id, wanted.revision, item)
                    if isinstance(item, ResolveError)
                    else self._hand_over(wanted, item, None, asked, checked_at_s)
                )
        finally:
            self._pages_taken -= 1
        return outcomes

    async def list_authors(self, wanted: Sequence[RepoRevision], asked: DecisionKey) -> dict[RepoRevision, Answer]:
        """Answers for those of `wanted` that a listing of their author brings, where that is worth the request, or
        brought a moment ago.
        """
        listed: dict[RepoRevision, Answer] = {}
        # Who wants to know anew is not told what a page told before.
        oldest_s = min(LEFT_OVER_S, self._settings.policy.max_age_s)
        since_s = math.inf if self._settings.refresh else self._clock() - oldest_s
        for seen_at_s, page in self._left_over.take(wanted, since_s).items():
            client = await self._connection.open_client()
            listed.update(await self._final_answers(client, page, asked, seen_at_s))
        groups = authors_worth_listing(item for item in wanted if item not in listed) if not self._cannot_list else {}
        if groups:
            client = await self._connection.open_client()
            # The first alone: it tells whether listing works at all.
            first, *others = groups.items()
            listed.update(await self._list_author(client, *first, asked))
            some = asyncio.Semaphore(LISTINGS_AT_ONCE)

            async def list_one(author: str, items: Sequence[RepoRevision]) -> dict[RepoRevision, Answer]:
                async with some:
                    return {} if self._cannot_list else await self._list_author(client, author, items, asked)

            for found in await asyncio.gather(*(list_one(*group) for group in others)):
                listed.update(found)
        return listed

    async def _final_answers(
        self, client: HubClient, page: Sequence[ModelInfo | RepoRevision], asked: DecisionKey, seen_at_s: int
    ) -> dict[RepoRevision, Answer]:
        """Answers from a page, without what failed at the Hub: that is asked for singly, which may say more."""
        answers = [await outcome.get() for outcome in await self.take_page(client, page, asked, seen_at_s)]
        return {
            RepoRevision(answer.repo_id, DEFAULT_REVISION): answer
            for answer in answers
            if isinstance(answer, Resolution) or isinstance(answer.error, TaskMismatchError)
        }

    async def _list_author(
        self, client: HubClient, author: str, items: Sequence[RepoRevision], asked: DecisionKey
    ) -> dict[RepoRevision, Answer]:
        missing, found, pages_read = set(items), dict[RepoRevision, Answer](), 0
        try:
            async for page in pages(client, self._settings.endpoint, author=author):
                pages_read += 1
                seen_at_s = int(self._clock())
                # Those nobody asked for are remembered too, but not worth a request now.
                worth_it: list[ModelInfo | RepoRevision] = []
                for item in page:
                    if wanted_of(item) in missing or is_settled(item):
                        worth_it.append(item)
                    elif not isinstance(item, RepoRevision):
                        self._left_over.keep(item, seen_at_s)
                answers = await self._final_answers(client, worth_it, asked, seen_at_s)
                found.update((item, answer) for item, answer in answers.items() if item in missing)
                missing -= answers.keys()
                if not is_next_page_worth_it(pages_read, len(found), len(missing)):
                    break
        except HubError as error:
            # Mirrors have no listings, and a Hub under load may not manage one.
            logger.info("the repos of %s are asked for one by one: %s", author, error)
            self._cannot_list = not isinstance(error, RateLimitedError)
        return found
