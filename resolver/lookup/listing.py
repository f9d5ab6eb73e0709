"""Repos by the page: one request brings what a thousand would, where repos can be listed."""

from __future__ import annotations

import asyncio
from collections import OrderedDict, defaultdict
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from registry.facts import CommitFacts
from registry.rules.required_files import files_wanted
from resolver.errors import ResolveError
from resolver.hub.urls import LONGEST_PAGE, listing_url
from resolver.repo_id import DEFAULT_REVISION, RepoRevision
from store.records import StoredRef

if TYPE_CHECKING:
    from resolver.hub.client import HubClient
    from resolver.hub.payloads import ModelInfo
    from resolver.lookup.fetch import FetchedRepo

WORTH_LISTING = 20
"""From so many repos of one author on, a page of the author's repos is expected to cost less than asking one by one: it
is one request, but an answer of a megabyte that the Hub takes seconds for.
"""


MOST_LEFT_OVER = 4_096
LEFT_OVER_S = 60.0
"""How long what a page told of a repo is good enough for a first answer, unless a younger one is asked for."""


async def pages(
    client: HubClient,
    endpoint: str,
    *,
    author: str | None = None,
    search: str | None = None,
    filters: Sequence[str] = (),
    limit: int | None = None,
) -> AsyncGenerator[list[ModelInfo | RepoRevision]]:
    """The repos that a listing brings, page by page, at most `limit` of them in all.

    Raises:
        HubError: the Hub cannot be asked, or has no listing (a mirror).
    """
    left = limit
    page_size = LONGEST_PAGE if limit is None else max(1, min(limit, LONGEST_PAGE))
    url: str | None = listing_url(endpoint, author=author, search=search, filters=filters, page_size=page_size)
    while url is not None and (left is None or left > 0):
        infos, url = await client.fetch_listing(url)
        if left is not None:
            infos = infos[:left]
            left -= len(infos)
        yield infos


class ListingEntryCache:
    """What pages told of repos that nobody had asked for yet, and that a file must be read of: should they be asked for
    soon, that file is all that is missing. The oldest are let go. Times are in seconds since 1970, UTC.
    """

    def __init__(self) -> None:
        self._kept: OrderedDict[RepoRevision, tuple[ModelInfo, int]] = OrderedDict()

    def keep(self, info: ModelInfo, seen_at_s: int) -> None:
        self._kept[wanted_of(info)] = (info, seen_at_s)
        if len(self._kept) > MOST_LEFT_OVER:
            self._kept.popitem(last=False)

    def take(self, wanted: Iterable[RepoRevision], since_s: float) -> dict[int, list[ModelInfo]]:
        """Those of `wanted` that were seen since then, by when that was."""
        found: dict[int, list[ModelInfo]] = defaultdict(list)
        for item in dict.fromkeys(wanted):
            info, seen_at_s = self._kept.pop(item, (None, 0))
            if info is not None and seen_at_s >= since_s:
                found[seen_at_s].append(info)
        return found


def is_settled(item: ModelInfo | RepoRevision) -> bool:
    """Whether the page says all of a repo that a decision needs."""
    return not isinstance(item, RepoRevision) and not files_wanted(
        CommitFacts(filenames=item.filenames), item.hints, lean=True
    )


async def learn_page(
    client: HubClient, page: Sequence[ModelInfo | RepoRevision]
) -> list[tuple[RepoRevision, FetchedRepo | ResolveError]]:
    """What a page tells of each of its repos, with what it does not settle asked for."""
    from resolver.lookup.fetch import complete, learn, learned_of

    async def one(item: ModelInfo | RepoRevision) -> FetchedRepo | ResolveError:
        try:
            if isinstance(item, RepoRevision):
                return await learn(client, item, lean=True, known=None, stored_facts=_nothing_stored)
            return await complete(client, item, CommitFacts(filenames=item.filenames), lean=True)
        except ResolveError as error:
            return error

    outcomes: dict[int, FetchedRepo | ResolveError] = {}
    open_ones = []
    for place, item in enumerate(page):
        if isinstance(item, RepoRevision) or not is_settled(item):
            open_ones.append(place)
        else:
            outcomes[place] = learned_of(item, CommitFacts(filenames=item.filenames))
    if open_ones:
        found = await asyncio.gather(*(one(page[place]) for place in open_ones))
        outcomes.update(zip(open_ones, found, strict=True))
    return [(wanted_of(item), outcomes[place]) for place, item in enumerate(page)]


def wanted_of(item: ModelInfo | RepoRevision) -> RepoRevision:
    """Which repo an item of a page is about."""
    return item if isinstance(item, RepoRevision) else RepoRevision(item.canonical_id, DEFAULT_REVISION)


async def _nothing_stored(_ref: StoredRef) -> None:
    return None


def authors_worth_listing(wanted: Iterable[RepoRevision]) -> Mapping[str, list[RepoRevision]]:
    """The repos at their default branch, by author, of the authors of whom many are wanted."""
    by_author: dict[str, list[RepoRevision]] = defaultdict(list)
    for item in dict.fromkeys(wanted):
        author, slash, _ = item.repo_id.partition("/")
        if slash and item.revision == DEFAULT_REVISION:
            by_author[author].append(item)
    return {author: items for author, items in by_author.items() if len(items) >= WORTH_LISTING}


def is_next_page_worth_it(pages_read: int, found: int, missing: int) -> bool:
    """Whether another page of an author is expected to bring at least two of the `missing` repos.

    The pages read so far brought `found` of them: the next ones will hardly bring more each.
    """
    return missing >= 2 and found >= 2 * pages_read
