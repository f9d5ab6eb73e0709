"""Builds the responses of the file routes: resolve, resolve-cache, raw, and the second origin of large files. Pure.

Source of the redirects and headers: recorded responses for small and for LFS files.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import quote

from resolver.local_hub.catalog.catalog import HubRepo
from resolver.local_hub.catalog.contents import build_lfs_pointer, hash_git_blob, hash_sha256, is_lfs
from resolver.local_hub.protocol.access import AccessLevel
from resolver.local_hub.protocol.request import HubRequest
from resolver.local_hub.protocol.response import (
    METHOD_NOT_ALLOWED,
    TEXT,
    UNKNOWN_ROUTE,
    RouteError,
    RouteResponse,
    RouteResult,
    build_entry_not_found,
    build_redirect,
)
from resolver.local_hub.protocol.routing import RouteKind
from resolver.local_hub.protocol.state import HubState

SIGNATURE: Final = "Expires=4102444800&Signature=c2ln%2BbmF0%2FdXJl%3D%3D&Key-Pair-Id=LOCAL"
"""Replaces the signed query of a CDN URL. Clients must send it back unchanged, percent signs included."""

_BINARY: Final = "application/octet-stream"


def handle_file(state: HubState, request: HubRequest) -> RouteResult:
    """The response of a resolve, resolve-cache or raw route."""
    if request.method not in ("GET", "HEAD"):
        return METHOD_NOT_ALLOWED
    if request.route.kind is RouteKind.UNKNOWN_PAGE:
        return UNKNOWN_ROUTE
    found = state.find_commit(request, AccessLevel.CONTENT)
    if not isinstance(found, tuple):
        return found
    repo, commit_hash = found
    path = request.route.path
    content = repo.commits[commit_hash].get(path)
    if content is None:
        return build_entry_not_found(commit_hash)
    is_large = is_lfs(path, len(content), state.options.lfs_threshold_bytes)
    match request.route.kind:
        case RouteKind.RAW:
            return _build_file_response(build_lfs_pointer(content) if is_large else content, commit_hash)
        case RouteKind.RESOLVE if is_large:
            return _redirect_large(state, repo, commit_hash, path, content)
        case RouteKind.RESOLVE if not state.options.direct_files:
            return _redirect_small(request, repo, commit_hash, content)
        case _:
            return _use_not_modified(request.headers, _build_file_response(content, commit_hash))


def handle_large_file(state: HubState, raw_path: str, raw_query: str, path_parts: tuple[str, str, str]) -> RouteResult:
    """The response of the second origin. `path_parts` are the repo id, the commit hash and the file path.

    A query that the client quoted again gets a 403, as from a real signature check.
    """
    repo_id, commit_hash, path = path_parts
    repo = state.catalog.get(repo_id)
    content = repo.commits.get(commit_hash, {}).get(path) if repo is not None else None
    if content is None:
        return RouteError(status=404, message=f"No such object: {raw_path}")
    if raw_query != SIGNATURE:
        return RouteError(
            status=403, message="The request signature we calculated does not match the one you provided."
        )
    etag = hash_sha256(b"stored:" + content)  # the CDN's ETag is a storage hash, not the hash in X-Linked-ETag
    return RouteResponse(200, content, _BINARY, {"ETag": f'"{etag}"', "Accept-Ranges": "none"})


def _redirect_small(request: HubRequest, repo: HubRepo, commit_hash: str, content: bytes) -> RouteResponse:
    etag, path = f'"{hash_git_blob(content)}"', request.route.path
    headers = {
        "X-Repo-Commit": commit_hash,
        "X-Linked-ETag": etag,
        "Accept-Ranges": "bytes",
        "Content-Disposition": f"inline; filename*=UTF-8''{quote(path.rpartition('/')[2])}",
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "X-Hub-Cache": "MISS",
    }
    if _is_cached(request.headers, etag):
        return RouteResponse(304, b"", TEXT, {**headers, "ETag": etag})
    prefix = "" if repo.repo_type == "model" else f"/{repo.repo_type}s"
    original_path = quote(f"{prefix}/{repo.id}/resolve/{request.route.revision}/{path}", safe="")
    cache_path = f"/api/resolve-cache/{repo.repo_type}s/{quote(repo.id)}/{commit_hash}/{quote(path)}"
    return build_redirect(f"{cache_path}?{original_path}=&etag={quote(etag, safe='')}", headers)


def _redirect_large(state: HubState, repo: HubRepo, commit_hash: str, path: str, content: bytes) -> RouteResponse:
    headers = {
        "X-Repo-Commit": commit_hash,
        "X-Linked-ETag": f'"{hash_sha256(content)}"',
        "X-Linked-Size": str(len(content)),
        "Accept-Ranges": "bytes",
        "Cache-Control": "no-store",
    }
    location = f"{state.files_origin}/{quote(repo.id)}/{commit_hash}/{quote(path)}?{SIGNATURE}"
    return build_redirect(location, headers, status=302)


def _build_file_response(content: bytes, commit_hash: str) -> RouteResponse:
    return RouteResponse(200, content, TEXT, {"ETag": f'"{hash_git_blob(content)}"', "X-Repo-Commit": commit_hash})


def _use_not_modified(headers: Mapping[str, str], response: RouteResponse) -> RouteResponse:
    if _is_cached(headers, response.headers["ETag"]):
        return RouteResponse(304, b"", TEXT, response.headers)
    return response


def _is_cached(headers: Mapping[str, str], etag: str) -> bool:
    etags = headers.get("If-None-Match")
    return etags is not None and any(cached.strip() in (etag, "*") for cached in etags.split(","))
