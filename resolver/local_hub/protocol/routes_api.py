"""Builds the responses of the `/api/…` routes: model info, listings, tree, refs, commits, who-am-I. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec

from resolver.local_hub.catalog.catalog import HubRepo
from resolver.local_hub.catalog.contents import list_paths
from resolver.local_hub.protocol import file_payloads, payloads
from resolver.local_hub.protocol.access import AccessLevel, is_visible
from resolver.local_hub.protocol.listing import (
    MAX_PAGE_SIZE,
    SORT_ORDERS,
    ListingQuery,
    decode_cursor,
    encode_cursor,
    get_cursor_types,
    select_page,
)
from resolver.local_hub.protocol.request import HubRequest
from resolver.local_hub.protocol.response import (
    METHOD_NOT_ALLOWED,
    UNKNOWN_ROUTE,
    RouteError,
    RouteResponse,
    RouteResult,
    build_bad_request,
    build_entry_not_found,
)
from resolver.local_hub.protocol.routing import RouteKind
from resolver.local_hub.protocol.state import HubState

EXPANDED_TREE_PAGE_SIZE: Final = 50
"""Most entries on a page of a tree with `expand=true`, as on the Hub."""


def handle_api(state: HubState, request: HubRequest) -> RouteResult:
    """The response of an API route."""
    handler = _HANDLERS.get(request.route.kind)
    if handler is None:
        return UNKNOWN_ROUTE
    methods = ("POST",) if request.route.kind is RouteKind.PATHS_INFO else ("GET", "HEAD")
    return handler(state, request) if request.method in methods else METHOD_NOT_ALLOWED


def _get_model_info(state: HubState, request: HubRequest) -> RouteResult:
    expand = () if state.options.ignore_expand else request.query.expand
    error = payloads.check_expand(expand, payloads.INFO_EXPANDS)
    if error is not None:
        return build_bad_request(error)
    found = state.find_commit(request, AccessLevel.METADATA)
    if not isinstance(found, tuple):
        return found
    repo, commit_hash = found
    body = state.get_body(repo, commit_hash, payloads.choose_info_keys(expand), payloads.build_body)
    if not expand and ("blobs" in request.query.raw or "securityStatus" in request.query.raw):
        body = _add_extras(state, request, repo, commit_hash, body)
    return _build_json_response(body)


def _add_extras(state: HubState, request: HubRequest, repo: HubRepo, commit_hash: str, body: bytes) -> bytes:
    extended: dict[str, Any] = msgspec.json.decode(body)
    if request.query.is_true("blobs"):
        files = repo.commits[commit_hash]
        extended["siblings"] = payloads.build_siblings_with_blobs(files, state.options.lfs_threshold_bytes)
    if request.query.is_true("securityStatus"):
        extended["securityRepoStatus"] = {"scansDone": True, "filesWithIssues": []}
    return msgspec.json.encode(extended)


def _list_models(state: HubState, request: HubRequest) -> RouteResult:
    if request.route.repo_type != "model":
        return _build_json_response(b"[]")
    listing = _parse_listing_query(request, state.options.listing_page_size)
    if isinstance(listing, RouteError):
        return listing
    query = request.query
    error = payloads.check_expand(query.expand, payloads.LISTING_EXPANDS)
    if error is not None:
        return build_bad_request(error)
    keys = payloads.choose_item_keys(
        query.expand, full=query.is_true("full"), config=query.is_true("config"), card=query.is_true("cardData")
    )
    page, cursor = select_page(state.catalog, listing, lambda repo: is_visible(repo, request.caller, state.options))
    items = [state.get_body(repo, repo.head, keys, payloads.build_body) for repo in page]
    return _build_json_response(b"[" + b",".join(items) + b"]", _build_next_link(request, cursor))


def _parse_listing_query(request: HubRequest, page_size: int) -> ListingQuery | RouteError:
    query = request.query
    limit_text, sort, cursor, gated = query.get("limit"), query.get("sort"), query.get("cursor"), query.get("gated")
    if limit_text is not None and not (limit_text.isascii() and limit_text.isdigit() and int(limit_text) > 0):
        return build_bad_request("limit must be a positive number")
    if sort is not None and sort not in SORT_ORDERS:
        return build_bad_request(f"Invalid option: expected one of {'|'.join(SORT_ORDERS)} at sort")
    after = decode_cursor(cursor, get_cursor_types(sort or "id")) if cursor is not None else None
    if cursor is not None and after is None:
        return build_bad_request("Invalid cursor")
    return ListingQuery(
        author=query.get("author"),
        search=query.get("search"),
        tags=query.get_all("filter"),
        pipeline_tag=query.get("pipeline_tag"),
        gated=None if gated is None else query.is_true("gated"),
        sort=sort or "id",
        limit=min(int(limit_text) if limit_text is not None else page_size, MAX_PAGE_SIZE),
        after=after,
    )


def _get_tree(state: HubState, request: HubRequest) -> RouteResult:
    found = state.find_commit(request, AccessLevel.METADATA)
    if not isinstance(found, tuple):
        return found
    repo, commit_hash = found
    files, query = repo.commits[commit_hash], request.query
    tree = file_payloads.list_tree(list_paths(files), request.route.path, recursive=query.is_true("recursive"))
    if not tree and request.route.path:
        return build_entry_not_found(commit_hash)
    cursor = query.get("cursor")
    after = decode_cursor(cursor, (int,)) if cursor is not None else (0,)
    if after is None:
        return build_bad_request("Invalid cursor")
    expanded = query.is_true("expand")
    size = min(EXPANDED_TREE_PAGE_SIZE, state.options.tree_page_size) if expanded else state.options.tree_page_size
    start = max(int(after[0]), 0)
    end = start + size
    entries = [
        file_payloads.build_folder_entry(path)
        if is_folder
        else file_payloads.build_file_entry(path, files[path], state.options.lfs_threshold_bytes)
        for path, is_folder in tree[start:end]
    ]
    next_cursor = encode_cursor((end,)) if end < len(tree) else None
    headers = _build_next_link(request, next_cursor)
    return _build_entries_response(repo, commit_hash, entries, headers, expanded=expanded)


def _get_paths_info(state: HubState, request: HubRequest) -> RouteResult:
    found = state.find_commit(request, AccessLevel.METADATA)
    if not isinstance(found, tuple):
        return found
    repo, commit_hash = found
    paths = request.form.get("paths", ())
    entries = file_payloads.build_paths_info(repo.commits[commit_hash], paths, state.options.lfs_threshold_bytes)
    expanded = "true" in map(str.lower, request.form.get("expand", ()))
    return _build_entries_response(repo, commit_hash, entries, {}, expanded=expanded)


def _build_entries_response(
    repo: HubRepo, commit_hash: str, entries: Sequence[dict[str, Any]], headers: Mapping[str, str], *, expanded: bool
) -> RouteResponse:
    if expanded:
        commit = file_payloads.build_last_commit(repo, commit_hash)
        entries = [{**entry, "lastCommit": commit} for entry in entries]
    return _build_json_response(msgspec.json.encode(entries), headers)


def _get_refs(state: HubState, request: HubRequest) -> RouteResult:
    found = state.find_repo(request, AccessLevel.METADATA)
    if not isinstance(found, HubRepo):
        return found
    refs = file_payloads.build_refs(found, with_pull_requests=request.query.is_true("include_prs"))
    return _build_json_response(msgspec.json.encode(refs))


def _get_commits(state: HubState, request: HubRequest) -> RouteResult:
    found = state.find_commit(request, AccessLevel.CONTENT)
    if not isinstance(found, tuple):
        return found
    history = file_payloads.build_commits(*found)
    return _build_json_response(msgspec.json.encode(history), {"X-Total-Count": str(len(history))})


def _check_auth(state: HubState, request: HubRequest) -> RouteResult:
    found = state.find_repo(request, AccessLevel.CONTENT)
    return _build_json_response(b"{}") if isinstance(found, HubRepo) else found


def _get_whoami(_state: HubState, request: HubRequest) -> RouteResult:
    if not request.caller.is_authenticated:
        return RouteError(status=401, message="Invalid username or password.")
    return _build_json_response(
        msgspec.json.encode(
            {
                "type": "user",
                "id": "0000000000000000000000aa",
                "name": "local-user",
                "fullname": "Local User",
                "isPro": False,
                "orgs": [],
                "auth": {"type": "access_token", "accessToken": {"displayName": "local", "role": "read"}},
            }
        )
    )


def _build_json_response(body: bytes, headers: Mapping[str, str] | None = None) -> RouteResponse:
    return RouteResponse(200, body, headers=headers or {})


def _build_next_link(request: HubRequest, cursor: str | None) -> dict[str, str]:
    if cursor is None:
        return {}
    return {"Link": f'<{request.origin}{request.raw_path}?{request.query.replace("cursor", cursor)}>; rel="next"'}


_HANDLERS: Final[Mapping[RouteKind, Callable[[HubState, HubRequest], RouteResult]]] = {
    RouteKind.MODEL_INFO: _get_model_info,
    RouteKind.LISTING: _list_models,
    RouteKind.TREE: _get_tree,
    RouteKind.PATHS_INFO: _get_paths_info,
    RouteKind.REFS: _get_refs,
    RouteKind.COMMITS: _get_commits,
    RouteKind.AUTH_CHECK: _check_auth,
    RouteKind.WHOAMI: _get_whoami,
}
