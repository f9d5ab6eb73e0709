"""Answers of the `/api/…` routes: model info, listings, tree, refs, commits, who-am-I. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec

from resolver.local_hub.catalog.catalog import HubRepo
from resolver.local_hub.catalog.contents import paths_of
from resolver.local_hub.protocol import file_payloads, payloads
from resolver.local_hub.protocol.access import Need, is_visible
from resolver.local_hub.protocol.listing import (
    MAX_PAGE,
    SORTS,
    ListingQuery,
    decode_cursor,
    encode_cursor,
    key_shape,
    select_page,
)
from resolver.local_hub.protocol.request import HubRequest
from resolver.local_hub.protocol.response import (
    NO_METHOD,
    UNKNOWN_ROUTE,
    Refusal,
    RouteResponse,
    bad_request,
    entry_not_found,
)
from resolver.local_hub.protocol.routing import RouteKind
from resolver.local_hub.server.state import HubState

RouteResult = RouteResponse | Refusal
EXPANDED_TREE_PAGE: Final = 50


def answer_api(state: HubState, ask: HubRequest) -> RouteResult:
    """The answer of an API route."""
    handler = _HANDLERS.get(ask.route.kind)
    if handler is None:
        return UNKNOWN_ROUTE
    methods = ("POST",) if ask.route.kind is RouteKind.PATHS_INFO else ("GET", "HEAD")
    return handler(state, ask) if ask.method in methods else NO_METHOD


def _model_info(state: HubState, ask: HubRequest) -> RouteResult:
    expand = () if state.options.ignore_expand else ask.query.expand
    problem = payloads.expand_problem(expand, payloads.INFO_EXPANDS)
    if problem is not None:
        return bad_request(problem)
    found = state.find_commit(ask, Need.METADATA)
    if not isinstance(found, tuple):
        return found
    repo, commit_hash = found
    body = state.body(repo, commit_hash, payloads.info_keys(expand), payloads.build_body)
    if not expand and ("blobs" in ask.query.raw or "securityStatus" in ask.query.raw):
        body = _with_extras(state, ask, repo, commit_hash, body)
    return _json(body)


def _with_extras(state: HubState, ask: HubRequest, repo: HubRepo, commit_hash: str, body: bytes) -> bytes:
    extended: dict[str, Any] = msgspec.json.decode(body)
    if ask.query.is_true("blobs"):
        files = repo.commits[commit_hash]
        extended["siblings"] = payloads.siblings_with_blobs(files, state.options.lfs_threshold_bytes)
    if ask.query.is_true("securityStatus"):
        extended["securityRepoStatus"] = {"scansDone": True, "filesWithIssues": []}
    return msgspec.json.encode(extended)


def _listing(state: HubState, ask: HubRequest) -> RouteResult:
    if ask.route.repo_type != "model":
        return _json(b"[]")
    wanted = _parse_wanted(ask, state.options.listing_page_size)
    if isinstance(wanted, Refusal):
        return wanted
    query = ask.query
    problem = payloads.expand_problem(query.expand, payloads.LISTING_EXPANDS)
    if problem is not None:
        return bad_request(problem)
    keys = payloads.item_keys(
        query.expand, full=query.is_true("full"), config=query.is_true("config"), card=query.is_true("cardData")
    )
    page, cursor = select_page(state.catalog, wanted, lambda repo: is_visible(repo, ask.caller, state.options))
    items = [state.body(repo, repo.head, keys, payloads.build_body) for repo in page]
    return _json(b"[" + b",".join(items) + b"]", _next_link(ask, cursor))


def _parse_wanted(ask: HubRequest, page_size: int) -> ListingQuery | Refusal:
    query = ask.query
    limit_text, sort, cursor, gated = query.get("limit"), query.get("sort"), query.get("cursor"), query.get("gated")
    if limit_text is not None and not (limit_text.isascii() and limit_text.isdigit() and int(limit_text) > 0):
        return bad_request("limit must be a positive number")
    if sort is not None and sort not in SORTS:
        return bad_request(f"Invalid option: expected one of {'|'.join(SORTS)} at sort")
    after = decode_cursor(cursor, key_shape(sort or "id")) if cursor is not None else None
    if cursor is not None and after is None:
        return bad_request("Invalid cursor")
    return ListingQuery(
        author=query.get("author"),
        search=query.get("search"),
        tags=query.get_all("filter"),
        pipeline_tag=query.get("pipeline_tag"),
        gated=None if gated is None else query.is_true("gated"),
        sort=sort or "id",
        limit=min(int(limit_text) if limit_text is not None else page_size, MAX_PAGE),
        after=after,
    )


def _tree(state: HubState, ask: HubRequest) -> RouteResult:
    found = state.find_commit(ask, Need.METADATA)
    if not isinstance(found, tuple):
        return found
    repo, commit_hash = found
    files, query = repo.commits[commit_hash], ask.query
    listed = file_payloads.tree_paths(paths_of(files), ask.route.path, recursive=query.is_true("recursive"))
    if not listed and ask.route.path:
        return entry_not_found(commit_hash)
    cursor = query.get("cursor")
    after = decode_cursor(cursor, (int,)) if cursor is not None else (0,)
    if after is None:
        return bad_request("Invalid cursor")
    expanded = query.is_true("expand")
    size = min(EXPANDED_TREE_PAGE, state.options.tree_page_size) if expanded else state.options.tree_page_size
    start = max(int(after[0]), 0)
    end = start + size
    entries = [
        file_payloads.folder_entry(path)
        if is_folder
        else file_payloads.file_entry(path, files[path], state.options.lfs_threshold_bytes)
        for path, is_folder in listed[start:end]
    ]
    next_cursor = encode_cursor((end,)) if end < len(listed) else None
    return _entries(repo, commit_hash, entries, _next_link(ask, next_cursor), expanded=expanded)


def _paths_info(state: HubState, ask: HubRequest) -> RouteResult:
    found = state.find_commit(ask, Need.METADATA)
    if not isinstance(found, tuple):
        return found
    repo, commit_hash = found
    paths = ask.form.get("paths", ())
    entries = file_payloads.paths_info(repo.commits[commit_hash], paths, state.options.lfs_threshold_bytes)
    return _entries(repo, commit_hash, entries, {}, expanded="true" in map(str.lower, ask.form.get("expand", ())))


def _entries(
    repo: HubRepo, commit_hash: str, entries: Sequence[dict[str, Any]], headers: Mapping[str, str], *, expanded: bool
) -> RouteResponse:
    if expanded:
        commit = file_payloads.last_commit(repo, commit_hash)
        entries = [{**entry, "lastCommit": commit} for entry in entries]
    return _json(msgspec.json.encode(entries), headers)


def _refs(state: HubState, ask: HubRequest) -> RouteResult:
    found = state.find(ask, Need.METADATA)
    if not isinstance(found, HubRepo):
        return found
    return _json(msgspec.json.encode(file_payloads.refs(found, with_pull_requests=ask.query.is_true("include_prs"))))


def _commits(state: HubState, ask: HubRequest) -> RouteResult:
    found = state.find_commit(ask, Need.CONTENT)
    if not isinstance(found, tuple):
        return found
    history = file_payloads.commits(*found)
    return _json(msgspec.json.encode(history), {"X-Total-Count": str(len(history))})


def _auth_check(state: HubState, ask: HubRequest) -> RouteResult:
    found = state.find(ask, Need.CONTENT)
    return _json(b"{}") if isinstance(found, HubRepo) else found


def _whoami(_state: HubState, ask: HubRequest) -> RouteResult:
    if not ask.caller.known:
        return Refusal(status=401, message="Invalid username or password.")
    return _json(
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


def _json(body: bytes, headers: Mapping[str, str] | None = None) -> RouteResponse:
    return RouteResponse(200, body, headers=headers or {})


def _next_link(ask: HubRequest, cursor: str | None) -> dict[str, str]:
    if cursor is None:
        return {}
    return {"Link": f'<{ask.origin}{ask.raw_path}?{ask.query.replaced("cursor", cursor)}>; rel="next"'}


_HANDLERS: Final[Mapping[RouteKind, Callable[[HubState, HubRequest], RouteResult]]] = {
    RouteKind.MODEL_INFO: _model_info,
    RouteKind.LISTING: _listing,
    RouteKind.TREE: _tree,
    RouteKind.PATHS_INFO: _paths_info,
    RouteKind.REFS: _refs,
    RouteKind.COMMITS: _commits,
    RouteKind.AUTH_CHECK: _auth_check,
    RouteKind.WHOAMI: _whoami,
}
