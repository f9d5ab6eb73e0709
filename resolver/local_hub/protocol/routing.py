"""Parses a raw request path into a route: kind, repo, revision, file. Pure.

Splits the path before decoding it, so that `%2F` inside a segment differs from the `/` between segments.
"""

from __future__ import annotations

import enum
import re
from typing import Final, Literal, NamedTuple
from urllib.parse import unquote

from resolver.local_hub.protocol.quota import QuotaBucket

RepoType = Literal["model", "dataset", "space"]


class RouteKind(enum.StrEnum):
    """The kinds of requests; each is counted separately."""

    MODEL_INFO = "model_info"
    LISTING = "listing"
    TREE = "tree"
    PATHS_INFO = "paths_info"
    REFS = "refs"
    COMMITS = "commits"
    AUTH_CHECK = "auth_check"
    WHOAMI = "whoami"
    RESOLVE = "resolve"
    RESOLVE_CACHE = "resolve_cache"
    RAW = "raw"
    CDN = "cdn"
    COUNTS = "counts"
    UNKNOWN_API = "unknown_api"
    UNKNOWN_PAGE = "unknown_page"


class Route(NamedTuple):
    """A parsed path. `revision` is None where the path names none; `path` is a file or folder in the repo."""

    kind: RouteKind
    repo_type: RepoType = "model"
    repo_id: str = ""
    revision: str | None = None
    path: str = ""

    @property
    def bucket(self) -> QuotaBucket:
        """The bucket whose quota a request to this route uses."""
        return _BUCKETS.get(self.kind, QuotaBucket.API)

    @property
    def is_api(self) -> bool:
        """Whether it is an API route; its errors are JSON, those of other routes plain text."""
        return self.kind not in _TEXT_ERRORS


_BUCKETS: Final = {
    RouteKind.RESOLVE: QuotaBucket.RESOLVERS,
    RouteKind.RESOLVE_CACHE: QuotaBucket.RESOLVERS,
    RouteKind.RAW: QuotaBucket.PAGES,
    RouteKind.UNKNOWN_PAGE: QuotaBucket.PAGES,
    RouteKind.CDN: QuotaBucket.CDN,
}
_TEXT_ERRORS: Final = (
    RouteKind.RESOLVE,
    RouteKind.RESOLVE_CACHE,
    RouteKind.RAW,
    RouteKind.CDN,
    RouteKind.UNKNOWN_PAGE,
)
_REPO_TYPES: Final[dict[str, RepoType]] = {"models": "model", "datasets": "dataset", "spaces": "space"}
_SUB_ROUTES: Final = {
    # name: (kind, whether a revision follows, whether a path follows)
    "revision": (RouteKind.MODEL_INFO, True, False),
    "tree": (RouteKind.TREE, True, True),
    "paths-info": (RouteKind.PATHS_INFO, True, False),
    "commits": (RouteKind.COMMITS, True, False),
    "refs": (RouteKind.REFS, False, False),
    "auth-check": (RouteKind.AUTH_CHECK, False, False),
}
_FILE_ROUTES: Final = {"resolve": RouteKind.RESOLVE, "raw": RouteKind.RAW}
_COMMIT_HASH: Final = re.compile("[0-9a-f]{40}")
_UNKNOWN_API: Final = Route(RouteKind.UNKNOWN_API)
_UNKNOWN_PAGE: Final = Route(RouteKind.UNKNOWN_PAGE)


def parse_route(raw_path: str) -> Route:
    """The route of a percent-encoded path without its query."""
    segments = raw_path.split("/")[1:]
    if "%" in raw_path:
        segments = [unquote(segment) for segment in segments]
    if segments[0] == "api":
        return _parse_api(segments[1:])
    if segments == ["-", "counts"]:
        return Route(RouteKind.COUNTS)
    repo_type: RepoType = "model"
    if segments[0] in ("datasets", "spaces"):
        repo_type = _REPO_TYPES[segments.pop(0)]
    for width in (1, 2):
        if len(segments) >= width + 3 and segments[width] in _FILE_ROUTES:
            repo_id, path = "/".join(segments[:width]), "/".join(segments[width + 2 :])
            return Route(_FILE_ROUTES[segments[width]], repo_type, repo_id, segments[width + 1], path)
    return _UNKNOWN_PAGE


def _parse_api(segments: list[str]) -> Route:
    if segments == ["whoami-v2"]:
        return Route(RouteKind.WHOAMI)
    if len(segments) > 1 and segments[0] == "resolve-cache" and segments[1] in _REPO_TYPES:
        return _parse_resolve_cache(_REPO_TYPES[segments[1]], segments[2:])
    if not segments or segments[0] not in _REPO_TYPES:
        return _UNKNOWN_API
    repo_type, rest = _REPO_TYPES[segments[0]], segments[1:]
    if not rest:
        return Route(RouteKind.LISTING, repo_type)
    if not all(rest[:2]):
        return _UNKNOWN_API
    for width in (1, 2):
        if len(rest) > width and rest[width] in _SUB_ROUTES:
            return _parse_sub_route(repo_type, "/".join(rest[:width]), rest[width], rest[width + 1 :])
    if len(rest) <= 2:
        return Route(RouteKind.MODEL_INFO, repo_type, "/".join(rest))
    return _UNKNOWN_API


def _parse_sub_route(repo_type: RepoType, repo_id: str, name: str, rest: list[str]) -> Route:
    kind, has_revision, has_path = _SUB_ROUTES[name]
    if not has_revision:
        return Route(kind, repo_type, repo_id) if not rest else _UNKNOWN_API
    if not rest or not rest[0] or (len(rest) > 1 and not has_path):
        return _UNKNOWN_API
    return Route(kind, repo_type, repo_id, rest[0], "/".join(rest[1:]).strip("/"))


def _parse_resolve_cache(repo_type: RepoType, segments: list[str]) -> Route:
    for width in (1, 2):
        if len(segments) >= width + 2 and _COMMIT_HASH.fullmatch(segments[width]):
            repo_id, path = "/".join(segments[:width]), "/".join(segments[width + 1 :])
            return Route(RouteKind.RESOLVE_CACHE, repo_type, repo_id, segments[width], path)
    return _UNKNOWN_API
