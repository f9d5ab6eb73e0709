"""Reads pages of a listing: one request brings the model info of up to 1,000 repos."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from msgspec import Struct

from registry.facts import CommitFacts
from registry.registry import Registry
from registry.rules.required_files import find_required_files
from resolver.errors import ResolveError
from resolver.hub.payloads import ModelInfo
from resolver.hub.urls import BY_CREATION, MAX_PAGE_SIZE, is_page_of, listing_url
from resolver.lookup.fetch import FetchedRepo, build_fetched_repo, complete_repo, fetch_repo
from resolver.lookup.same_commit import SameCommit, keep_weight_size, mark_unseen, reuse_files
from resolver.repo_id import DEFAULT_REVISION, RepoRevision
from store.records import StoredRef

if TYPE_CHECKING:
    from resolver.hub.client import HubClient


logger = logging.getLogger(__name__)

MAX_PAGES = 10_000
"""Most pages of one listing: several times as many as all models of huggingface.co take."""

MAX_FRUITLESS_PAGES = 3
"""Pages in a row that may have no repo, or the same repos as an earlier page."""

PageItem = ModelInfo | RepoRevision
"""One repo of a page: its model info, or only its id where the page does not say enough."""


class ListingQuery(Struct, frozen=True, kw_only=True):
    """What a listing is asked for: the repos of a user or organisation, with a text in their name, with all tags."""

    author: str | None = None
    search: str | None = None
    filters: tuple[str, ...] = ()


class Page(NamedTuple):
    """The repos of a page, and the URL of the next one; None on the last page."""

    items: list[PageItem]
    next_url: str | None


async def fetch_pages(
    client: HubClient,
    endpoint: str,
    query: ListingQuery,
    *,
    sort: str = BY_CREATION,
    first_url: str | None = None,
    limit: int | None = None,
    max_page_size: int = MAX_PAGE_SIZE,
    max_pages: int = MAX_PAGES,
) -> AsyncGenerator[Page]:
    """The repos of a listing, page by page, at most `limit` of them in all; from the page at `first_url` on.

    A listing ends with its last page, and, with a warning, where its pages lead nowhere: back to an earlier page, to
    another origin, through `MAX_FRUITLESS_PAGES` without a repo that was not there before, or past `max_pages`.

    Raises:
        HubError: the Hub cannot be reached, or has no listing (a mirror).
    """
    left = limit
    # A hash of each: a listing may have thousands of pages.
    urls, contents, fruitless = set[int](), set[int](), 0
    page_size = max_page_size if limit is None else max(1, min(limit, max_page_size))
    url = first_url or listing_url(
        endpoint, author=query.author, search=query.search, filters=query.filters, page_size=page_size, sort=sort
    )
    while left is None or left > 0:
        urls.add(hash(url))
        items, next_url = await client.fetch_listing(url)
        content = hash(tuple(get_page_target(item) for item in items))
        if content in contents:
            items = []
        contents.add(content)
        fruitless = fruitless + 1 if not items else 0
        if left is not None:
            items = items[:left]
            left -= len(items)
        problem = _find_problem(next_url, endpoint, urls, fruitless, max_pages) if next_url is not None else None
        if problem is not None:
            logger.warning("the listing ends after page %d: %s", len(urls), problem)
            next_url = None
        yield Page(items, next_url)
        if next_url is None or left == 0:
            return
        url = next_url


def _find_problem(url: str, endpoint: str, urls: Collection[int], fruitless: int, max_pages: int) -> str | None:
    """Why the next page, at `url`, is not requested; None where it is."""
    if not is_page_of(endpoint, url):
        # It would be requested with the token.
        return "the next one would be of another origin, or not a listing"
    if hash(url) in urls:
        return "the next one is one of those before"
    if fruitless >= MAX_FRUITLESS_PAGES:
        return f"{fruitless} pages in a row had no new repo"
    return f"no listing has more than {max_pages:,} pages" if len(urls) >= max_pages else None


def get_page_target(item: PageItem) -> RepoRevision:
    """The repo that an item of a page is about, at its default branch."""
    return item if isinstance(item, RepoRevision) else RepoRevision(item.canonical_id, DEFAULT_REVISION)


def is_settled(item: PageItem, registry: Registry) -> bool:
    """Whether the page says everything about a repo that its decision needs."""
    return not isinstance(item, RepoRevision) and not find_required_files(
        CommitFacts(filenames=item.filenames), item.hints, lean=registry
    )


async def complete_page(
    client: HubClient,
    page: Sequence[PageItem],
    known: Mapping[int, SameCommit],
    registry: Registry,
    *,
    is_page_only: bool = False,
) -> list[tuple[RepoRevision, FetchedRepo | ResolveError]]:
    """The facts of each repo of a page, in its order; what the page does not settle is fetched at the same time.

    `known` is what the store has of the commits on the page, by their places: of those nothing is fetched again, and a
    repo whose decision holds comes without facts. With `is_page_only` no file is fetched: the facts say what they lack.
    """
    page = [
        keep_weight_size(item, known[place].ref) if place in known and not isinstance(item, RepoRevision) else item
        for place, item in enumerate(page)
    ]
    completed: dict[int, FetchedRepo | ResolveError] = {}
    unsettled = []
    for place, item in enumerate(page):
        if isinstance(item, RepoRevision):
            unsettled.append(place)
            continue
        found = known.get(place)
        if found is not None and found.decision is not None:
            completed[place] = build_fetched_repo(item, None)
            continue
        commit = reuse_files(item, found.facts if found is not None else None)
        if is_page_only:
            completed[place] = build_fetched_repo(item, mark_unseen(commit, item.hints, registry))
        elif find_required_files(commit, item.hints, lean=registry):
            unsettled.append(place)
        else:
            completed[place] = build_fetched_repo(item, commit)
    if unsettled:
        fetched = await asyncio.gather(
            *(_complete_item(client, page[place], known.get(place), registry) for place in unsettled)
        )
        completed.update(zip(unsettled, fetched, strict=True))
    return [(get_page_target(item), completed[place]) for place, item in enumerate(page)]


async def _complete_item(
    client: HubClient, item: PageItem, known: SameCommit | None, registry: Registry
) -> FetchedRepo | ResolveError:
    try:
        with client.begin_repo(None if isinstance(item, RepoRevision) else item.hints) as repo:
            if isinstance(item, RepoRevision):
                return await fetch_repo(
                    repo, item, lean=registry, known=None, needs_facts=True, get_stored_facts=_get_no_facts
                )
            return await complete_repo(
                repo, item, reuse_files(item, known.facts if known is not None else None), lean=registry
            )
    except ResolveError as error:
        return error


async def _get_no_facts(_ref: StoredRef) -> None:
    return None
