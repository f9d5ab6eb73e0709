"""Which repos a page of `GET /api/models` holds, and the cursor to the next. Pure."""

from __future__ import annotations

import base64
import binascii
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

import msgspec

from resolver.local_hub.catalog.catalog import Catalog, HubRepo
from resolver.local_hub.protocol import payloads

MAX_PAGE: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class ListingQuery:
    """What a listing was asked for. `tags` must all be on the repo; `after` is the sort key of the page before."""

    author: str | None = None
    search: str | None = None
    tags: tuple[str, ...] = ()
    pipeline_tag: str | None = None
    gated: bool | None = None
    sort: str = "id"
    limit: int = MAX_PAGE
    after: tuple[int | str, ...] | None = None


_SORT_KEYS: Final[Mapping[str, Callable[[HubRepo], int]]] = {
    "createdAt": lambda repo: int(repo.created_at.timestamp()),
    "lastModified": lambda repo: int(repo.modified_at.timestamp()),
    "downloads": payloads.downloads,
    "likes": payloads.likes,
    "trendingScore": payloads.trending_score,
}
SORTS: Final = ("id", *_SORT_KEYS)
"""`id` ascending, and the default here so that pages are predictable; the others descending."""


def select_page(
    catalog: Catalog, wanted: ListingQuery, is_visible: Callable[[HubRepo], bool]
) -> tuple[list[HubRepo], str | None]:
    """The repos of the page asked for, and the cursor to the next page, None on the last."""
    ids = catalog.ids() if wanted.author is None else catalog.ids_of_author(wanted.author)
    repos: Iterable[HubRepo]
    if wanted.sort == "id":
        start = 0 if wanted.after is None else bisect_right(ids, str(wanted.after[0]))
        repos = _repos(catalog, ids, start)
    else:
        in_order = sorted(_repos(catalog, ids, 0), key=lambda repo: _sort_key(repo, wanted.sort))
        after = wanted.after
        repos = in_order if after is None else (repo for repo in in_order if _sort_key(repo, wanted.sort) > after)
    matching = (repo for repo in repos if _matches(repo, wanted) and is_visible(repo))
    page = list(islice(matching, wanted.limit + 1))
    if len(page) <= wanted.limit:
        return page, None
    page.pop()
    return page, encode_cursor(_sort_key(page[-1], wanted.sort))


def encode_cursor(key: tuple[int | str, ...]) -> str:
    """An opaque text for a sort key."""
    return base64.b64encode(msgspec.json.encode(key)).decode()


def key_shape(sort: str) -> tuple[type, ...]:
    """The types in the sort key of an order."""
    return (str,) if sort == "id" else (int, str)


def decode_cursor(cursor: str, shape: tuple[type, ...]) -> tuple[int | str, ...] | None:
    """The key that a cursor stands for, None where the text is not a cursor of this shape."""
    try:
        key = msgspec.json.decode(base64.b64decode(cursor, validate=True), type=tuple[int | str, ...])
    except (binascii.Error, ValueError, msgspec.MsgspecError):
        return None
    return key if tuple(map(type, key)) == shape else None


def _repos(catalog: Catalog, ids: Sequence[str], start: int) -> Iterator[HubRepo]:
    for index in range(start, len(ids)):
        repo = catalog.get(ids[index])
        if repo is not None and repo.repo_type == "model":
            yield repo


def _sort_key(repo: HubRepo, sort: str) -> tuple[int | str, ...]:
    return (repo.id,) if sort == "id" else (-_SORT_KEYS[sort](repo), repo.id)


def _matches(repo: HubRepo, wanted: ListingQuery) -> bool:
    if wanted.search is not None and wanted.search.lower() not in repo.id.lower():
        return False
    if wanted.pipeline_tag is not None and wanted.pipeline_tag != repo.pipeline_tag:
        return False
    if wanted.gated is not None and wanted.gated != (repo.gated is not None):
        return False
    return all(tag in repo.tags or tag in (repo.library_name, repo.pipeline_tag) for tag in wanted.tags)
