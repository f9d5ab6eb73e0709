"""`HubState`: finds repos and commits for all routes and caches JSON bodies. Pure."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote

from resolver.local_hub.catalog.catalog import Catalog, HubRepo
from resolver.local_hub.options import HubOptions
from resolver.local_hub.protocol.access import AccessLevel, build_missing_error, check_repo_access, is_visible
from resolver.local_hub.protocol.request import HubRequest
from resolver.local_hub.protocol.response import RouteResponse, RouteResult, build_redirect, build_revision_not_found
from resolver.local_hub.protocol.routing import RouteKind


class HubState:
    """Finds repos and commits for the routes. Large files are redirected to `files_origin`."""

    def __init__(self, catalog: Catalog, options: HubOptions) -> None:
        self.catalog = catalog
        self.options = options
        self.files_origin = ""
        self._bodies: dict[tuple[str, str, tuple[str, ...]], tuple[HubRepo, bytes]] = {}

    def find_repo(self, request: HubRequest, level: AccessLevel) -> HubRepo | RouteResult:
        """The requested repo, a redirect to its canonical id, or an error."""
        route = request.route
        repo = self.catalog.get(route.repo_id)
        if repo is None:
            canonical_id = self.catalog.find_canonical_id(route.repo_id)
            repo = self.catalog.get(canonical_id) if canonical_id is not None else None
        if repo is None or repo.repo_type != route.repo_type or not is_visible(repo, request.caller, self.options):
            return build_missing_error(request.caller, self.options)
        if repo.id != route.repo_id:
            return self._redirect_to_canonical(repo.id, request)
        return check_repo_access(repo, request.caller, self.options, level) or repo

    def find_commit(self, request: HubRequest, level: AccessLevel) -> tuple[HubRepo, str] | RouteResult:
        """The requested repo and commit (the default branch's where no revision is named), a redirect, or an error."""
        found = self.find_repo(request, level)
        if not isinstance(found, HubRepo):
            return found
        revision = request.route.revision
        commit_hash = found.head if revision is None else found.find_commit(revision)
        return build_revision_not_found(revision or "") if commit_hash is None else (found, commit_hash)

    def get_body(
        self,
        repo: HubRepo,
        commit_hash: str,
        keys: tuple[str, ...],
        build: Callable[[HubRepo, str, tuple[str, ...]], bytes],
    ) -> bytes:
        """The JSON of a repo with these keys, from the cache or built.

        An entry holds the repo that it was built from. A changed repo is a new object, so no entry is ever outdated.
        """
        key = (repo.id, commit_hash, keys)
        entry = self._bodies.get(key)
        if entry is not None and entry[0] is repo:
            return entry[1]
        body = build(repo, commit_hash, keys)
        if len(self._bodies) >= self.options.payload_cache_size:
            self._bodies.clear()
        self._bodies[key] = (repo, body)
        return body

    def _redirect_to_canonical(self, repo_id: str, request: HubRequest) -> RouteResponse:
        route, segments = request.route, request.raw_path.split("/")
        match route.kind:
            case RouteKind.RESOLVE_CACHE:
                start = 4
            case RouteKind.RESOLVE | RouteKind.RAW:
                start = 1 if route.repo_type == "model" else 2
            case _:
                start = 3
        after = start + route.repo_id.count("/") + 1
        path = "/".join([*segments[:start], quote(repo_id), *segments[after:]])
        return build_redirect(f"{path}?{request.query.raw}" if request.query.raw else path)
