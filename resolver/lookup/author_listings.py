"""`AuthorListings`: lists an author of many requested repos: a page costs less than single requests.

Requests for repos of one author wait for the listing; those that it does not answer are performed singly after it.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections import Counter, OrderedDict
from collections.abc import Coroutine, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from resolver.answer import Failure
from resolver.concurrency.ordered_pool import Work
from resolver.errors import HubError, RateLimitedError, TaskMismatchError
from resolver.hub.payloads import ModelInfo
from resolver.hub.urls import MAX_PAGE_SIZE
from resolver.lookup.context import LookupContext
from resolver.lookup.listing import MAX_PAGES, ListingQuery, PageItem, fetch_pages, get_page_target, is_settled
from resolver.lookup.outcome import Outcome, Result
from resolver.lookup.step import AskHub, Step, UsePage
from resolver.redaction import without_secrets
from resolver.repo_id import DEFAULT_REVISION, RepoRevision
from store.keys import DecisionKey

if TYPE_CHECKING:
    from resolver.hub.client import HubClient

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListingLimits:
    """`min_repos`: from so many repos of one author on, a page is expected to cost less than single requests: it is one
    request, but a response of a megabyte that takes the Hub seconds. `max_listings`: listings in flight; one page is as
    much work, for the Hub and here, as a thousand requests. `max_entries` and `entry_ttl_s`: bound and time to live of
    entries that nobody has requested yet. `max_page_size`: repos in one page. `max_pages`: pages of one listing.
    `first_wait_s`: so long the first request of a batch waits for a listing; then it is performed alone, so that the
    first answer does not come after the slowest page.
    """

    min_repos: int = 20
    max_listings: int = 8
    max_entries: int = 4_096
    entry_ttl_s: float = 60.0
    max_page_size: int = MAX_PAGE_SIZE
    max_pages: int = MAX_PAGES
    first_wait_s: float = 2.0


DEFAULT_LIMITS = ListingLimits()


class ListingEntryCache:
    """Entries of pages that still need a file, and that nobody has requested yet: a request for one skips model info.

    Bounded; the oldest leave first. Times are in seconds since 1970, UTC.
    """

    def __init__(self, max_entries: int) -> None:
        self._max_entries = max_entries
        self._entries: OrderedDict[RepoRevision, UsePage] = OrderedDict()

    def put(self, info: ModelInfo, seen_at_s: int) -> None:
        """Keep an entry that a page had at `seen_at_s`."""
        self._entries[get_page_target(info)] = UsePage(info, seen_at_s)
        if len(self._entries) > self._max_entries:
            self._entries.popitem(last=False)

    def pop(self, target: RepoRevision, since_s: float) -> UsePage | None:
        """The entry of `target`, which leaves the cache; None where there is none seen at or after `since_s`."""
        entry = self._entries.pop(target, None)
        return entry if entry is not None and entry.seen_at_s >= since_s else None


def get_author(target: RepoRevision) -> str | None:
    """The author whose listing has `target`; None for a repo without one, and for another revision. Pure."""
    author, slash, _ = target.repo_id.partition("/")
    return author if slash and target.revision == DEFAULT_REVISION else None


def find_authors_worth_listing(targets: Iterable[RepoRevision], min_repos: int) -> list[str]:
    """The authors of at least `min_repos` different `targets`, in their order. Pure."""
    counts = Counter(map(get_author, dict.fromkeys(targets)))
    return [author for author, count in counts.items() if author is not None and count >= min_repos]


def is_next_page_worth_it(pages_read: int, found: int, missing: int) -> bool:
    """Whether another page is expected to bring at least two of the `missing` repos. Pure.

    The pages read so far brought `found` of them; the next ones will hardly bring more each.
    """
    return missing >= 2 and found >= 2 * pages_read


class PageLookup(Protocol):
    """The part of the lookup that listings need."""

    async def resolve_page(
        self, client: HubClient, page: Sequence[PageItem], decision_key: DecisionKey, seen_at_s: int | None = None
    ) -> list[Outcome]:
        """The outcome for each repo of a page, in its order."""

    def defer(self, target: RepoRevision, step: Step, decision_key: DecisionKey) -> Work[Result]:
        """The work that is left for a request."""


FutureEntry = asyncio.Future[Result | Work[Result]]


class _Waiting(NamedTuple):
    """A request that waits for a listing; `step` is performed where the listing does not answer it."""

    step: AskHub
    future: FutureEntry


WaitingByTarget = dict[RepoRevision, list[_Waiting]]


class AuthorListings:
    """The listings in flight, and the entries that they left. Close it when it is done with."""

    def __init__(self, context: LookupContext, lookup: PageLookup, limits: ListingLimits = DEFAULT_LIMITS) -> None:
        self._settings = context.settings
        self._registry = context.registry
        self._connection = context.connection
        self._clock = context.clock
        self._lookup = lookup
        self._limits = limits
        self._entries = ListingEntryCache(limits.max_entries)
        self._in_flight: dict[tuple[str | None, DecisionKey], WaitingByTarget] = {}
        self._slots = asyncio.Semaphore(limits.max_listings)
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_unsupported = False

    async def close(self) -> None:
        """Cancel the listings in flight."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def join(
        self, targets: Sequence[RepoRevision], steps: Sequence[Step], decision_key: DecisionKey
    ) -> list[Step | FutureEntry]:
        """`steps`, where those that would ask the Hub wait for a listing of the author instead, if many repos of that
        author are requested, or use what a page had a moment ago.
        """
        joined: list[Step | FutureEntry] = list(steps)
        asking: list[tuple[int, AskHub]] = []
        for place, step in enumerate(steps):
            if isinstance(step, AskHub):
                page = self._pop_entry(targets[place])
                if page is not None:
                    joined[place] = page
                else:
                    asking.append((place, step))
        if not asking or self._is_unsupported:
            return joined
        authors = find_authors_worth_listing((targets[place] for place, _ in asking), self._limits.min_repos)
        new_authors = [author for author in authors if (author, decision_key) not in self._in_flight]
        self._in_flight.update({(author, decision_key): {} for author in new_authors})
        if self._in_flight:
            for place, step in asking:
                waiting = self._in_flight.get((get_author(targets[place]), decision_key))
                if waiting is not None:
                    joined[place] = future = asyncio.get_running_loop().create_future()
                    waiting.setdefault(targets[place], []).append(_Waiting(step, future))
        if new_authors:
            self._start(self._list_authors(new_authors, decision_key))
        if joined and isinstance(first := joined[0], asyncio.Future):
            self._start(self._hurry(targets[0], first, decision_key))
        return joined

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _hurry(self, target: RepoRevision, future: FutureEntry, decision_key: DecisionKey) -> None:
        """Perform the first request of a batch alone, where the listing that it waits for takes too long."""
        await asyncio.wait([future], timeout=self._limits.first_wait_s)
        waiting = self._in_flight.get((get_author(target), decision_key), {})
        requests = waiting.get(target, [])
        for place, (step, waited) in enumerate(requests):
            if waited is future and not future.done():
                del requests[place]
                future.set_result(self._lookup.defer(target, step, decision_key))
                return

    def _pop_entry(self, target: RepoRevision) -> UsePage | None:
        max_age_s = min(self._limits.entry_ttl_s, self._settings.policy.max_age_s)
        since_s = math.inf if self._settings.refresh else self._clock() - max_age_s
        return self._entries.pop(target, since_s)

    async def _list_authors(self, authors: Sequence[str], decision_key: DecisionKey) -> None:
        # The first alone: its listing shows whether the server has listings at all.
        first, *others = authors
        await self._list_author(first, decision_key)
        await asyncio.gather(*(self._list_author(author, decision_key) for author in others))

    async def _list_author(self, author: str, decision_key: DecisionKey) -> None:
        """Answer the requests that wait for the listing; those that it does not answer become work again."""
        waiting = self._in_flight[author, decision_key]
        try:
            async with self._slots:
                if not self._is_unsupported:
                    await self._read_pages(author, waiting, decision_key)
        except HubError as error:
            # Mirrors have no listings, and a Hub under load may not manage one.
            logger.info("the repos of %s are requested one by one: %s", author, error)
            self._is_unsupported = not isinstance(error, RateLimitedError)
        except Exception as error:
            logger.error("internal error while listing the repos of %s", author, exc_info=without_secrets(error))
        finally:
            del self._in_flight[author, decision_key]
            for target, requests in waiting.items():
                for step, future in requests:
                    if not future.done():
                        future.set_result(self._lookup.defer(target, self._pop_entry(target) or step, decision_key))

    async def _read_pages(self, author: str, waiting: WaitingByTarget, decision_key: DecisionKey) -> None:
        client = await self._connection.open_client()
        pages_read = found = 0
        pages = fetch_pages(
            client,
            self._settings.endpoint,
            ListingQuery(author=author),
            max_page_size=self._limits.max_page_size,
            max_pages=self._limits.max_pages,
        )
        async for page in pages:
            pages_read += 1
            seen_at_s = int(self._clock())
            # What is settled is stored, requested or not. What needs a file is worth a request only when requested, and
            # no other answer of the page waits for it.
            items: list[PageItem] = []
            for item in page.items:
                if self._settings.partial or is_settled(item, self._registry):
                    items.append(item)
                elif not isinstance(item, RepoRevision):
                    asked = waiting.pop(get_page_target(item), None)
                    if asked is None:
                        self._entries.put(item, seen_at_s)
                        continue
                    found += 1
                    step = UsePage(item, seen_at_s)
                    for _, waited in asked:
                        if not waited.done():
                            waited.set_result(self._lookup.defer(get_page_target(item), step, decision_key))
            for outcome in await self._lookup.resolve_page(client, items, decision_key, seen_at_s):
                answer = outcome.answer
                # What failed at the Hub is requested alone, which may say more.
                if answer is None or (isinstance(answer, Failure) and not isinstance(answer.error, TaskMismatchError)):
                    continue
                requests = waiting.pop(RepoRevision(answer.repo_id, DEFAULT_REVISION), ())
                found += bool(requests)
                for _, future in requests:
                    if not future.done():
                        future.set_result(outcome)
            if not is_next_page_worth_it(pages_read, found, len(waiting)):
                return
