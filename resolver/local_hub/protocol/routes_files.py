"""Answers of the file routes: resolve, the resolve-cache behind it, raw, and the second origin for large files. Pure.

Source of the hops and headers: recorded answers for small and for LFS files.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import quote

from resolver.local_hub.catalog.catalog import HubRepo
from resolver.local_hub.catalog.contents import git_sha1, is_lfs, lfs_pointer, sha256
from resolver.local_hub.protocol.access import Need
from resolver.local_hub.protocol.request import HubRequest
from resolver.local_hub.protocol.response import (
    NO_METHOD,
    TEXT,
    UNKNOWN_ROUTE,
    Refusal,
    RouteResponse,
    entry_not_found,
    redirect,
)
from resolver.local_hub.protocol.routing import RouteKind
from resolver.local_hub.server.state import HubState

RouteResult = RouteResponse | Refusal

SIGNATURE: Final = "Expires=4102444800&Signature=c2ln%2BbmF0%2FdXJl%3D%3D&Key-Pair-Id=LOCAL"
"""Stands for the signed query of a CDN URL. It must come back unchanged, percent signs and all."""

_BINARY: Final = "application/octet-stream"


def answer_file(state: HubState, ask: HubRequest) -> RouteResult:
    """The answer of a resolve, resolve-cache or raw route."""
    if ask.method not in ("GET", "HEAD"):
        return NO_METHOD
    if ask.route.kind is RouteKind.UNKNOWN_PAGE:
        return UNKNOWN_ROUTE
    found = state.find_commit(ask, Need.CONTENT)
    if not isinstance(found, tuple):
        return found
    repo, commit_hash = found
    path = ask.route.path
    content = repo.commits[commit_hash].get(path)
    if content is None:
        return entry_not_found(commit_hash)
    is_large = is_lfs(path, len(content), state.options.lfs_threshold_bytes)
    match ask.route.kind:
        case RouteKind.RAW:
            return _small_file(lfs_pointer(content) if is_large else content, commit_hash)
        case RouteKind.RESOLVE if is_large:
            return _redirect_large(state, repo, commit_hash, path, content)
        case RouteKind.RESOLVE if not state.options.direct_files:
            return _redirect_small(ask, repo, commit_hash, content)
        case _:
            return _if_changed(ask.headers, _small_file(content, commit_hash))


def answer_large_file(state: HubState, raw_path: str, raw_query: str, path_parts: tuple[str, str, str]) -> RouteResult:
    """The answer of the second origin. `path_parts` are the repo id, the commit hash and the file path.

    A query that was re-quoted on the way is refused, as a real signature check would.
    """
    repo_id, commit_hash, path = path_parts
    repo = state.catalog.get(repo_id)
    content = repo.commits.get(commit_hash, {}).get(path) if repo is not None else None
    if content is None:
        return Refusal(status=404, message=f"No such object: {raw_path}")
    if raw_query != SIGNATURE:
        return Refusal(status=403, message="The request signature we calculated does not match the one you provided.")
    etag = sha256(b"stored:" + content)  # the CDN's own tag is a storage hash, not the one the Hub links
    return RouteResponse(200, content, _BINARY, {"ETag": f'"{etag}"', "Accept-Ranges": "none"})


def _redirect_small(ask: HubRequest, repo: HubRepo, commit_hash: str, content: bytes) -> RouteResponse:
    etag, path = f'"{git_sha1(content)}"', ask.route.path
    headers = {
        "X-Repo-Commit": commit_hash,
        "X-Linked-ETag": etag,
        "Accept-Ranges": "bytes",
        "Content-Disposition": f"inline; filename*=UTF-8''{quote(path.rpartition('/')[2])}",
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "X-Hub-Cache": "MISS",
    }
    if _holds(ask.headers, etag):
        return RouteResponse(304, b"", TEXT, {**headers, "ETag": etag})
    prefix = "" if repo.repo_type == "model" else f"/{repo.repo_type}s"
    asked = quote(f"{prefix}/{repo.id}/resolve/{ask.route.revision}/{path}", safe="")
    cache_path = f"/api/resolve-cache/{repo.repo_type}s/{quote(repo.id)}/{commit_hash}/{quote(path)}"
    return redirect(f"{cache_path}?{asked}=&etag={quote(etag, safe='')}", headers)


def _redirect_large(state: HubState, repo: HubRepo, commit_hash: str, path: str, content: bytes) -> RouteResponse:
    headers = {
        "X-Repo-Commit": commit_hash,
        "X-Linked-ETag": f'"{sha256(content)}"',
        "X-Linked-Size": str(len(content)),
        "Accept-Ranges": "bytes",
        "Cache-Control": "no-store",
    }
    location = f"{state.files_origin}/{quote(repo.id)}/{commit_hash}/{quote(path)}?{SIGNATURE}"
    return redirect(location, headers, status=302)


def _small_file(content: bytes, commit_hash: str) -> RouteResponse:
    return RouteResponse(200, content, TEXT, {"ETag": f'"{git_sha1(content)}"', "X-Repo-Commit": commit_hash})


def _if_changed(headers: Mapping[str, str], answer: RouteResponse) -> RouteResponse:
    return RouteResponse(304, b"", TEXT, answer.headers) if _holds(headers, answer.headers["ETag"]) else answer


def _holds(headers: Mapping[str, str], etag: str) -> bool:
    held = headers.get("If-None-Match")
    return held is not None and any(each.strip() in (etag, "*") for each in held.split(","))
