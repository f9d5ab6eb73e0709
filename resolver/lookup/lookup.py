"""The path of a request, from top to bottom, for a batch: parse, recall, next step, perform, decide, remember, answer.

A single id is a batch of one; a page of a listing is a batch whose facts came first; a subfolder and a local folder are
requests too. Each step's details are in the module that its call names.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, assert_never

from msgspec.structs import replace

from registry.facts import CommitFacts
from resolver.answer import Answer, Failure, build_failure
from resolver.cache.answer_cache import AnswerCache
from resolver.cache.freshness import may_stand_in
from resolver.cache.write_behind import Stored, WriteBehind
from resolver.concurrency.batcher import Batcher
from resolver.concurrency.ordered_pool import Entry, Work
from resolver.concurrency.single_flight import LeaderSingleFlight
from resolver.errors import HubError, HubUnavailableError, ResolveError
from resolver.local.folder import list_current_folder, read_folder
from resolver.lookup.author_listings import DEFAULT_LIMITS, AuthorListings, ListingLimits
from resolver.lookup.bucket_choice import BucketChoice
from resolver.lookup.by_files import fetch_by_files
from resolver.lookup.context import LookupContext
from resolver.lookup.convert import (
    error_from_problem,
    resolution_from_folder,
    resolution_from_store,
)
from resolver.lookup.decider import DECIDE_BATCH, Decider, FetchedTarget
from resolver.lookup.fetch import FetchedRepo, build_fetched_repo, complete_repo, fetch_repo
from resolver.lookup.listing import PageItem, complete_page
from resolver.lookup.offline import OfflineLookup, explain_known
from resolver.lookup.outcome import Outcome, Result
from resolver.lookup.recall import Recall
from resolver.lookup.request import LocalFolder, Request, Target, get_request_names, parse_request
from resolver.lookup.same_commit import keep_weight_size, reuse_files
from resolver.lookup.step import AskHub, FetchFiles, LookInHfCache, ReadFolder, Refuse, Step, UsePage, UseStored
from resolver.lookup.subfolder import SubfolderFacts
from resolver.repo_id import RepoRevision, is_plain_id
from resolver.resolution import Resolution
from store.database.locks import HeldLock
from store.keys import DecisionKey

if TYPE_CHECKING:
    from resolver.hub.client import HubClient, RepoClient
    from resolver.hub.payloads import ModelInfo

logger = logging.getLogger(__name__)

MAX_FOLDER_WARNINGS = 100
"""Folders with the name of a repo of which a warning is logged, each once."""


class PendingRequest(Work[Result]):
    """A request whose next step is not performed yet. Its errors are values: one failure ends no other request."""

    __slots__ = ("decision_key", "lookup", "step", "subfolder", "target")

    def __init__(
        self, lookup: Lookup, target: Target, step: Step, decision_key: DecisionKey, subfolder: str = ""
    ) -> None:
        self.lookup = lookup
        self.target = target
        self.step = step
        self.decision_key = decision_key
        self.subfolder = subfolder

    async def run(self) -> Outcome:
        """Perform the step, and every step that follows from it."""
        return await self.lookup.perform(self.target, self.step, self.decision_key, self.subfolder)


class Lookup:
    """Answers batches of requests. Close it when it is done with: requests may be in flight."""

    def __init__(
        self,
        context: LookupContext,
        recall: Recall,
        subfolders: SubfolderFacts,
        write_behind: WriteBehind,
        answer_cache: AnswerCache,
        listing_limits: ListingLimits = DEFAULT_LIMITS,
    ) -> None:
        self._settings = context.settings
        self._registry = context.registry
        self._store = context.store
        self._connection = context.connection
        self._clock = context.clock
        self._recall = recall
        self._write_behind = write_behind
        self._answer_cache = answer_cache
        self._subfolders = subfolders
        self._offline = OfflineLookup(context)
        self._listings = AuthorListings(context, self, listing_limits)
        self._buckets = BucketChoice()
        self._fetches: LeaderSingleFlight[tuple[RepoRevision, bool], FetchedRepo] = LeaderSingleFlight()
        self._looks: Batcher[tuple[RepoRevision, DecisionKey], Step] = Batcher(self._look_again)
        self._decider = Decider(context, write_behind, answer_cache, self._fetches)
        self._warned_folders: set[str] = set()

    @property
    def waiting_for_info(self) -> int:
        """How many repos wait for model info where files alone are read meanwhile."""
        return self._buckets.waiting_for_info

    async def close(self) -> None:
        """Cancel the listings in flight, and decide on what was fetched."""
        await self._listings.close()
        await self._looks.close()
        await self._decider.close()

    # Parse, recall, choose the next step: for all requests of a batch together.

    async def start_batch(
        self,
        requests: Sequence[Request],
        decision_key: DecisionKey,
        *,
        revision: str | None = None,
        subfolder: str = "",
    ) -> list[Entry[Result]]:
        """One entry for each request, in order: its answer, where the store has it, else the work that gives it."""
        ids_only = self._settings.ids_only
        names = frozenset[str]() if ids_only else list_current_folder()
        targets = [_parse(request, revision, names, ids_only=ids_only) for request in requests]
        repos = [target for target in targets if isinstance(target, RepoRevision)]
        steps = await self._recall.next_steps(repos, _without_task(decision_key) if subfolder else decision_key)
        self._recall.count(steps)
        if logger.isEnabledFor(logging.DEBUG):
            for repo, step in zip(repos, steps, strict=True):
                logger.debug("%s@%s: next step %s", repo.repo_id, repo.revision, type(step).__name__)
        joined = iter(steps if subfolder else self._listings.join(repos, steps, decision_key))
        has_unstored = self._write_behind.has_unstored
        entries: list[Entry[Result]] = []
        for target in targets:
            if isinstance(target, RepoRevision):
                entry = next(joined)
                if isinstance(entry, UseStored) and not subfolder:
                    answer = resolution_from_store(target, entry)
                    entries.append(Outcome(answer, self._find_unstored(target)) if has_unstored else answer)
                elif isinstance(entry, asyncio.Future):
                    entries.append(entry)
                else:
                    entries.append(PendingRequest(self, target, entry, decision_key, subfolder))
            elif isinstance(target, LocalFolder):
                self._warn_of_folder(target)
                entries.append(PendingRequest(self, target, ReadFolder(), decision_key, subfolder))
            else:
                entries.append(target)
        return entries

    def _warn_of_folder(self, folder: LocalFolder) -> None:
        """Log once that a folder is read in place of a repo, whose id it may have by chance."""
        name = folder.repo_id
        if is_plain_id(name) and name not in self._warned_folders and len(self._warned_folders) < MAX_FOLDER_WARNINGS:
            self._warned_folders.add(name)
            logger.warning(
                "%s is a folder here, which is read in place of the repo of this name: ./%s says that it is meant, and "
                "%s@main means the repo",
                name,
                name,
                name,
            )

    async def start_checks(self, names: Sequence[str], decision_key: DecisionKey) -> list[Entry[Result]]:
        """The work that checks each repo of `names` at the Hub, however recent its last check is."""
        targets = [RepoRevision(name) for name in names]
        steps = await self._recall.next_checks(targets, decision_key)
        return [self.defer(target, step, decision_key) for target, step in zip(targets, steps, strict=True)]

    def defer(self, target: RepoRevision, step: Step, decision_key: DecisionKey) -> PendingRequest:
        """The work that is left for a request."""
        return PendingRequest(self, target, step, decision_key)

    # Perform the step of one request.

    async def perform(self, target: Target, step: Step, decision_key: DecisionKey, subfolder: str = "") -> Outcome:
        """The outcome of a request; errors are values."""
        try:
            if not subfolder:
                return await self._perform(target, step, decision_key)
            # The subfolder may be for another task than the whole repo.
            outcome = await self._perform(target, step, _without_task(decision_key))
            return Outcome(await self._resolve_subfolder(await outcome.get(), subfolder, decision_key))
        except Exception as error:
            revision = target.revision if isinstance(target, RepoRevision) else None
            return Outcome(build_failure(target.repo_id, revision, error))

    async def _perform(self, target: Target, step: Step, decision_key: DecisionKey) -> Outcome:
        if isinstance(target, LocalFolder):
            return Outcome(await self._resolve_folder(target, decision_key))
        match step:
            case UseStored():
                return Outcome(resolution_from_store(target, step), self._find_unstored(target))
            case Refuse():
                raise step.error or error_from_problem(target, step.problem)
            case AskHub():
                return await self._ask_hub(target, step, decision_key)
            case UsePage():
                return await self._use_page(target, step, decision_key)
            case FetchFiles():
                return await self._fetch_files(target, step, decision_key)
            case LookInHfCache():
                return Outcome(await self._offline.find(target, decision_key))
            case ReadFolder():
                raise TypeError("only a local folder is read")
            case _:
                assert_never(step)

    async def _ask_hub(self, target: RepoRevision, step: AskHub, decision_key: DecisionKey) -> Outcome:
        """Fetch the repo, unless another request or another worker has done so since the store was read."""
        lock = await self._store.acquire_lock(self._settings.endpoint, target.repo_id, target.revision)
        outcome: Outcome | None = None
        try:
            outcome = await self._ask_hub_alone(
                target, step, decision_key, is_claimed=lock is not None and lock.may_be_stored
            )
        finally:
            if lock is not None:
                # Workers that wait for the lock find the record in the store.
                _release_when_stored(lock, outcome)
        return outcome

    async def _ask_hub_alone(
        self, target: RepoRevision, step: AskHub, decision_key: DecisionKey, *, is_claimed: bool
    ) -> Outcome:
        await self._decider.wait_for(target)
        if is_claimed or self._write_behind.was_put_lately(target.repo_id, target.revision):
            now = await self._looks.load((target, decision_key))
            if not isinstance(now, AskHub):
                return await self._perform(target, now, decision_key)
            step = now
        return await self._fetch(target, step, decision_key)

    async def _look_again(self, requests: Sequence[tuple[RepoRevision, DecisionKey]]) -> list[Step]:
        """The next step for each request, from what is remembered now."""
        steps: dict[int, Step] = {}
        for decision_key in dict.fromkeys(key for _, key in requests):
            places = [place for place, (_, key) in enumerate(requests) if key == decision_key]
            found = await self._recall.next_steps([requests[place][0] for place in places], decision_key)
            steps.update(zip(places, found, strict=True))
        return [steps[place] for place in range(len(requests))]

    async def _fetch(self, target: RepoRevision, step: AskHub, decision_key: DecisionKey) -> Outcome:
        client = self._connection.client or await self._connection.open_client()
        with client.begin_repo() as repo:
            outcome = await self._fetch_with(client, repo, target, step, decision_key)
            if repo.has_large_body:
                await self._finish_large(outcome)
        return outcome

    async def _finish_large(self, outcome: Outcome) -> None:
        """Wait until a repo whose facts take much memory is stored, which frees it."""
        self._decider.decide_all()
        await outcome.get()

    async def _fetch_with(
        self, client: HubClient, repo: RepoClient, target: RepoRevision, step: AskHub, decision_key: DecisionKey
    ) -> Outcome:
        known = step.known
        decision = known.decision() if known is not None else None
        if decision is not None and decision.partial:
            decision = None
        work = partial(
            fetch_repo,
            repo,
            target,
            lean=self._registry if self._settings.lean or self._settings.partial else None,
            known=known,
            needs_facts=decision is None,
            get_stored_facts=self._recall.get_stored_facts,
        )
        if self._settings.partial:
            work = partial(self._fetch_either, client, repo, target, work, may_use_files=known is None)
        self._write_behind.begin_producing()
        try:
            fetched = await self._fetches.run((target, decision is None), work)
        except HubUnavailableError as error:
            return Outcome(await self._stand_in(target, error, decision_key))
        except ResolveError as error:
            return self._decider.refuse(target, error, int(self._clock()))
        finally:
            self._write_behind.end_producing()
        still_valid = decision if fetched.commit is None else None
        return self._decider.decide_soon(FetchedTarget(target, fetched, decision_key, int(self._clock()), still_valid))

    async def _fetch_either(
        self,
        client: HubClient,
        repo: RepoClient,
        target: RepoRevision,
        fetch_all: Callable[[], Awaitable[FetchedRepo]],
        *,
        may_use_files: bool,
    ) -> FetchedRepo:
        """What files alone tell, where requests for model info are short and files tell enough; else everything."""
        if may_use_files and await self._buckets.is_for_files(client):
            with self._buckets.reading_files():
                fetched = await fetch_by_files(repo, target, self._registry)
            if fetched is not None:
                return fetched
        with self._buckets.requesting_info():
            return await fetch_all()

    async def _stand_in(self, target: RepoRevision, error: HubUnavailableError, decision_key: DecisionKey) -> Answer:
        """What is known, while the Hub does not answer: of a commit, or as far as the settings allow its age.

        The store counts first, then the local Hugging Face cache. Else the error.
        """
        now_s, max_stale_s = self._clock(), self._settings.max_stale_s
        known = await self._recall.find_stored(target, decision_key)
        if known is not None:
            answer = resolution_from_store(target, UseStored(known.ref, known.decision, is_stale=not target.is_pinned))
        else:
            try:
                answer = await self._offline.stand_in(target, decision_key)
            except ResolveError:
                return build_failure(target.repo_id, target.revision, error)
        checked_at_s = answer.checked_at_s or 0
        if target.is_pinned or may_stand_in(checked_at_s, now_s=now_s, max_stale_s=max_stale_s):
            logger.info("%s@%s is answered without the Hub: %s", target.repo_id, target.revision, error)
            return answer
        explained = explain_known(error, answer.commit_hash, checked_at_s, now_s, is_cached=known is None)
        return build_failure(target.repo_id, target.revision, explained)

    async def find_cached_commit(self, target: RepoRevision, decision_key: DecisionKey) -> Resolution | None:
        """The answer for a commit that only the local Hugging Face cache has, with its model card; else None.

        None also where the store has an answer, and where the settings ask for a check.
        """
        if not target.is_pinned or self._settings.offline or self._settings.refresh:
            return None
        (step,) = await self._recall.next_steps([target], decision_key)
        if not (isinstance(step, AskHub) and step.known is None):
            return None
        return await self._offline.find_whole(target, decision_key)

    async def _use_page(self, target: RepoRevision, step: UsePage, decision_key: DecisionKey) -> Outcome:
        info = step.info
        known = (await self._recall.find_same_commits([info], decision_key)).get(0)
        if known is not None:
            info = keep_weight_size(info, known.ref)
        if known is not None and known.decision is not None:
            fetched = build_fetched_repo(info, None)
            item = FetchedTarget(target, fetched, decision_key, step.seen_at_s, known.decision)
            return self._decider.decide_soon(item)
        try:
            commit = reuse_files(info, known.facts if known is not None else None)
            return await self._complete(target, info, commit, step.seen_at_s, decision_key)
        except HubError:
            # A request for the repo alone may say more.
            return await self._ask_hub(target, AskHub(None), decision_key)

    async def _fetch_files(self, target: RepoRevision, step: FetchFiles, decision_key: DecisionKey) -> Outcome:
        ref = step.known
        facts = await self._recall.get_stored_info(ref)
        if facts is None:
            return await self._ask_hub(target, AskHub(None), decision_key)
        info, commit = facts
        try:
            return await self._complete(target, info, commit, ref.checked_at_s, decision_key)
        except HubError:
            return await self._ask_hub(target, AskHub(ref), decision_key)

    async def _complete(
        self, target: RepoRevision, info: ModelInfo, commit: CommitFacts, seen_at_s: int, decision_key: DecisionKey
    ) -> Outcome:
        """The outcome from model info of `seen_at_s` and the small files that `commit` lacks."""
        client = await self._connection.open_client()
        with client.begin_repo(info.hints) as repo:
            fetched = await complete_repo(repo, info, commit, lean=self._registry)
            outcome = self._decider.decide_soon(FetchedTarget(target, fetched, decision_key, seen_at_s))
            if repo.has_large_body:
                await self._finish_large(outcome)
        return outcome

    async def _resolve_folder(self, folder: LocalFolder, decision_key: DecisionKey) -> Resolution:
        facts = await asyncio.to_thread(read_folder, folder.path)
        return resolution_from_folder(folder, facts.hints, self._decider.decide(facts, decision_key))

    async def _resolve_subfolder(self, root: Answer, subfolder: str, decision_key: DecisionKey) -> Answer:
        if isinstance(root, Failure):
            return root
        facts = await self._subfolders.get_facts(root, subfolder)
        return replace(root, decision=self._decider.decide(facts, decision_key))

    async def resolve_page(
        self, client: HubClient, page: Sequence[PageItem], decision_key: DecisionKey, seen_at_s: int | None = None
    ) -> list[Outcome]:
        """The outcome for each repo of a page of a listing, in its order: a batch whose facts came first.

        `seen_at_s` is when the page came (seconds since 1970, UTC), by default when its last file came.
        """
        self._write_behind.begin_producing()
        try:
            known = await self._recall.find_same_commits(page, decision_key)
            completed = await complete_page(client, page, known, self._registry, is_page_only=self._settings.partial)
            checked_at_s = int(self._clock()) if seen_at_s is None else seen_at_s
            outcomes = list[Outcome]()
            for place, (target, fetched) in enumerate(completed):
                if len(outcomes) % DECIDE_BATCH == 0:
                    # Yield to the event loop.
                    await asyncio.sleep(0)
                if isinstance(fetched, ResolveError):
                    outcomes.append(self._decider.refuse(target, fetched, checked_at_s))
                    continue
                decision = known[place].decision if fetched.commit is None else None
                item = FetchedTarget(target, fetched, decision_key, checked_at_s, decision)
                outcomes.append(self._decider.decide_now(item))
        finally:
            self._write_behind.end_producing()
        return outcomes

    def _find_unstored(self, target: RepoRevision) -> Stored | None:
        unstored = self._write_behind.find(target.repo_id, target.revision)
        return unstored.stored if unstored is not None else None


def _release_when_stored(lock: HeldLock, outcome: Outcome | None) -> None:
    """Release the lock of a repo once its record is stored; at once where there is none."""
    pending = None
    if outcome is not None:
        is_decided = outcome.decided is None or outcome.decided.done()
        pending = outcome.stored if is_decided else outcome.decided
    if pending is None or pending.done():
        lock.release()
    else:
        pending.add_done_callback(lambda _: _release_when_stored(lock, outcome))


def _without_task(decision_key: DecisionKey) -> DecisionKey:
    """The key of decisions for any task and library."""
    return DecisionKey(decision_key.registry_digest)


def _parse(request: Request, revision: str | None, names: frozenset[str], *, ids_only: bool) -> Target | Failure:
    try:
        return parse_request(request, revision=revision, names_here=names, ids_only=ids_only)
    except Exception as error:
        # Whatever a request is, the other requests of the batch are answered.
        return build_failure(*get_request_names(request, revision), error)
