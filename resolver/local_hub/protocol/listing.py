"""Selects the repos of one page of `GET /api/models` and builds the cursor to the next page. Pure."""

from __future__ import annotations

import base64
import binascii
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Final

import msgspec

from resolver.local_hub.catalog.catalog import Catalog, HubRepo
from resolver.local_hub.protocol import payloads

MAX_PAGE_SIZE: Final = 1000
"""Most repos on a page, as on the Hub."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListingQuery:
    """The filters, order and page of a listing. A repo must have all `tags`; the page starts after the key `after`."""

    author: str | None = None
    search: str | None = None
    tags: tuple[str, ...] = ()
    pipeline_tag: str | None = None
    gated: bool | None = None
    sort: str = "id"
    limit: int = MAX_PAGE_SIZE
    after: tuple[int | str, ...] | None = None


_SORT_KEYS: Final[Mapping[str, Callable[[HubRepo], int]]] = {
    "createdAt": lambda repo: int(repo.created_at.timestamp()),
    "lastModified": lambda repo: int(repo.modified_at.timestamp()),
    "downloads": payloads.derive_downloads,
    "likes": payloads.derive_likes,
    "trendingScore": payloads.derive_trending_score,
}
SORT_ORDERS: Final = ("id", *_SORT_KEYS)
"""`id` is ascending, and the default so that pages are predictable; the others are descending."""


def select_page(
    catalog: Catalog, query: ListingQuery, is_visible: Callable[[HubRepo], bool]
) -> tuple[list[HubRepo], str | None]:
    """The repos of the requested page, and the cursor to the next page; None on the last page."""
    repos: Iterable[HubRepo]
    if query.sort == "id":
        ids = catalog.ids() if query.author is None else catalog.ids_of_author(query.author)
        start = 0 if query.after is None else bisect_right(ids, str(query.after[0]))
        repos = _iterate_models(catalog, (ids[place] for place in range(start, len(ids))))
    else:
        ordered = catalog.list_in_order(query.sort, query.author, _SORT_KEYS[query.sort])
        start = 0 if query.after is None else bisect_right(ordered, query.after)
        repos = _iterate_models(catalog, (ordered[place][1] for place in range(start, len(ordered))))
    matching = (repo for repo in repos if _is_match(repo, query) and is_visible(repo))
    page = list(islice(matching, query.limit + 1))
    if len(page) <= query.limit:
        return page, None
    page.pop()
    return page, encode_cursor(_build_sort_key(page[-1], query.sort))


def encode_cursor(key: tuple[int | str, ...]) -> str:
    """The opaque cursor of a sort key."""
    return base64.b64encode(msgspec.json.encode(key)).decode()


def get_cursor_types(sort: str) -> tuple[type, ...]:
    """The types of the values in the sort key of an order."""
    return (str,) if sort == "id" else (int, str)


def decode_cursor(cursor: str, types: tuple[type, ...]) -> tuple[int | str, ...] | None:
    """The sort key of a cursor; None where the text is not a cursor with values of these types."""
    try:
        key = msgspec.json.decode(base64.b64decode(cursor, validate=True), type=tuple[int | str, ...])
    except (binascii.Error, ValueError, msgspec.MsgspecError):
        return None
    return key if tuple(map(type, key)) == types else None


def _iterate_models(catalog: Catalog, ids: Iterable[str]) -> Iterator[HubRepo]:
    for repo_id in ids:
        repo = catalog.get(repo_id)
        if repo is not None and repo.repo_type == "model":
            yield repo


def _build_sort_key(repo: HubRepo, sort: str) -> tuple[int | str, ...]:
    return (repo.id,) if sort == "id" else (-_SORT_KEYS[sort](repo), repo.id)


def _is_match(repo: HubRepo, query: ListingQuery) -> bool:
    if query.search is not None and query.search.lower() not in repo.id.lower():
        return False
    if query.pipeline_tag is not None and query.pipeline_tag != repo.pipeline_tag:
        return False
    if query.gated is not None and query.gated != (repo.gated is not None):
        return False
    return all(tag in repo.tags or tag in (repo.library_name, repo.pipeline_tag) for tag in query.tags)
