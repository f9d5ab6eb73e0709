"""`ListingWalk`: reads a listing page by page, and remembers how far it came.

A run that was interrupted can be resumed, and a run that reads changes ends where the last complete one began.
"""

from __future__ import annotations

import logging
import math
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from resolver.answer import Answer, Failure
from resolver.errors import HubResponseError, HubUnavailableError, RateLimitedError
from resolver.hub.urls import BY_CHANGE, BY_CREATION, is_page_of
from resolver.lookup.author_listings import ListingLimits
from resolver.lookup.context import LookupContext
from resolver.lookup.listing import ListingQuery, Page, PageItem, fetch_pages
from resolver.repo_id import RepoRevision
from resolver.row import format_time
from store.errors import StoreError
from store.keys import derive_scope
from store.records import CLOCK_SKEW_S, ListingState

if TYPE_CHECKING:
    from resolver.hub.client import HubClient

logger = logging.getLogger(__name__)


class ListingWalk:
    """One run of a listing. Call `finish_page` when all answers of a page were given, and `finish` after the last."""

    def __init__(
        self,
        context: LookupContext,
        client: HubClient,
        query: ListingQuery,
        *,
        limit: int | None,
        since_s: float | None,
        resume: bool,
        limits: ListingLimits,
    ) -> None:
        self._settings = context.settings
        self._store = context.store
        self._client = client
        self._query = query
        self._limit = limit
        self._since_s = since_s
        self._resume = resume
        self._limits = limits
        self._sort = BY_CREATION if since_s is None else BY_CHANGE
        self._scope = derive_scope(context.connection.token)
        self._key = msgspec.json.encode(query).decode()
        self._state = ListingState()
        self._has_gaps = False
        self.started_at_s = int(context.clock())
        """When the run began (seconds since 1970, UTC); of a resumed run, when the interrupted one did."""

    async def fetch_pages(self) -> AsyncGenerator[Page]:
        """The pages of the listing.

        Raises:
            HubError: the Hub cannot be reached, or has no listing.
        """
        self._state = state = await self._store.get_listing(self._settings.endpoint, self._scope, self._key)
        floor_s = self._choose_floor(state)
        if self._resume and state.next_url is not None and state.sort == self._sort:
            if is_page_of(self._settings.endpoint, state.next_url):
                now_s, has_page = self.started_at_s, False
                self.started_at_s = state.started_at_s or now_s
                logger.info("the listing goes on where the run of %s ended", format_time(self.started_at_s))
                try:
                    async with aclosing(self._read_pages(floor_s, state.next_url)) as pages:
                        async for page in pages:
                            has_page = True
                            yield page
                    return
                except HubResponseError as error:
                    if has_page:
                        raise
                    logger.warning("the listing begins anew, since the page to go on with is refused: %s", error)
                    self.started_at_s = now_s
        async with aclosing(self._read_pages(floor_s, None)) as pages:
            async for page in pages:
                yield page

    def _choose_floor(self, state: ListingState) -> float | None:
        """Down to which change the listing is read: what is asked for, or what the last complete run did not see."""
        if self._since_s is None:
            return None
        if self._since_s == math.inf:
            return state.known_until_s
        if state.known_until_s is None or state.known_until_s >= self._since_s or self._settings.refresh:
            return self._since_s
        logger.warning(
            "the last complete run of this listing was at %s: changes since then are read",
            format_time(state.known_until_s),
        )
        return state.known_until_s

    async def _read_pages(self, floor_s: float | None, first_url: str | None) -> AsyncGenerator[Page]:
        pages = fetch_pages(
            self._client,
            self._settings.endpoint,
            self._query,
            sort=self._sort,
            first_url=first_url,
            limit=self._limit,
            max_page_size=self._limits.max_page_size,
            max_pages=self._limits.max_pages,
        )
        async with aclosing(pages):
            async for page in pages:
                if floor_s is None:
                    yield page
                    continue
                items, is_last = select_changed(page.items, floor_s)
                yield Page(items, None if is_last else page.next_url)
                if is_last:
                    return

    def count(self, answer: Answer) -> None:
        """Note an answer: where the Hub did not say what a repo is, the run is not complete."""
        if isinstance(answer, Failure):
            self._has_gaps |= isinstance(answer.error, (HubUnavailableError, RateLimitedError, HubResponseError))

    async def finish_page(self, page: Page) -> None:
        """Remember that all answers up to the end of `page` are stored."""
        if self._limit is None and page.next_url is not None:
            await self._remember(
                replace(self._state, next_url=page.next_url, sort=self._sort, started_at_s=self.started_at_s)
            )

    async def finish(self) -> None:
        """Remember that the listing was read to its end. A clock that differs from the Hub's costs no change."""
        if self._limit is not None:
            return
        known_until_s = self._state.known_until_s if self._has_gaps else max(0, self.started_at_s - int(CLOCK_SKEW_S))
        await self._remember(ListingState(known_until_s=known_until_s))

    async def _remember(self, state: ListingState) -> None:
        if state == self._state:
            return
        self._state = state
        try:
            await self._store.put_listing(self._settings.endpoint, self._scope, self._key, state)
        except StoreError as error:
            logger.warning("how far the listing was read is not stored: %s", error)


def select_changed(items: Sequence[PageItem], floor_s: float) -> tuple[list[PageItem], bool]:
    """The repos of a page that were changed at `floor_s` or later, and whether the page goes further back. Pure.

    The page has those changed last first. One whose time is not known was changed later than the next one was.
    """
    changed: list[PageItem] = []
    is_older = False
    for item in items:
        if not isinstance(item, RepoRevision) and item.modified_at_s is not None:
            is_older = item.modified_at_s < floor_s
        if not is_older:
            changed.append(item)
    return changed, is_older
