"""Reads pages of a listing: one request brings the model info of up to 1,000 repos."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Collection, Sequence
from typing import TYPE_CHECKING

from registry.facts import CommitFacts
from registry.registry import Registry
from registry.rules.required_files import find_required_files
from resolver.errors import ResolveError
from resolver.hub.payloads import ModelInfo
from resolver.hub.urls import MAX_PAGE_SIZE, is_page_of, listing_url
from resolver.lookup.fetch import FetchedRepo, build_fetched_repo, complete_repo, fetch_repo
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


async def fetch_pages(
    client: HubClient,
    endpoint: str,
    *,
    author: str | None = None,
    search: str | None = None,
    filters: Sequence[str] = (),
    limit: int | None = None,
    max_page_size: int = MAX_PAGE_SIZE,
    max_pages: int = MAX_PAGES,
) -> AsyncGenerator[list[PageItem]]:
    """The repos of a listing, page by page, at most `limit` of them in all.

    A listing ends with its last page, and, with a warning, where its pages lead nowhere: back to an earlier page, to
    another origin, through `MAX_FRUITLESS_PAGES` without a repo that was not there before, or past `max_pages`.

    Raises:
        HubError: the Hub cannot be reached, or has no listing (a mirror).
    """
    left = limit
    # A hash of each: a listing may have thousands of pages.
    urls, contents, fruitless = set[int](), set[int](), 0
    page_size = max_page_size if limit is None else max(1, min(limit, max_page_size))
    url = listing_url(endpoint, author=author, search=search, filters=filters, page_size=page_size)
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
        yield items
        if next_url is None or left == 0:
            return
        if (problem := _find_problem(next_url, endpoint, urls, fruitless, max_pages)) is not None:
            logger.warning("the listing ends after page %d: %s", len(urls), problem)
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
    client: HubClient, page: Sequence[PageItem], registry: Registry
) -> list[tuple[RepoRevision, FetchedRepo | ResolveError]]:
    """The facts of each repo of a page, in its order; what the page does not settle is fetched at the same time."""
    completed: dict[int, FetchedRepo | ResolveError] = {}
    unsettled = []
    for place, item in enumerate(page):
        if isinstance(item, RepoRevision) or not is_settled(item, registry):
            unsettled.append(place)
        else:
            completed[place] = build_fetched_repo(item, CommitFacts(filenames=item.filenames))
    if unsettled:
        fetched = await asyncio.gather(*(_complete_item(client, page[place], registry) for place in unsettled))
        completed.update(zip(unsettled, fetched, strict=True))
    return [(get_page_target(item), completed[place]) for place, item in enumerate(page)]


async def _complete_item(client: HubClient, item: PageItem, registry: Registry) -> FetchedRepo | ResolveError:
    try:
        with client.begin_repo(None if isinstance(item, RepoRevision) else item.hints) as repo:
            if isinstance(item, RepoRevision):
                return await fetch_repo(
                    repo, item, lean=registry, known=None, needs_facts=True, get_stored_facts=_get_no_facts
                )
            return await complete_repo(repo, item, CommitFacts(filenames=item.filenames), lean=registry)
    except ResolveError as error:
        return error


async def _get_no_facts(_ref: StoredRef) -> None:
    return None
