"""What the routes share: the catalog, the options, the second origin and the bodies already built."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote

from resolver.local_hub.catalog.catalog import Catalog, HubRepo
from resolver.local_hub.protocol.access import Need, is_visible, refuse_missing, refuse_repo
from resolver.local_hub.protocol.request import HubRequest
from resolver.local_hub.protocol.response import Refusal, RouteResponse, redirect, revision_not_found
from resolver.local_hub.protocol.routing import RouteKind
from resolver.local_hub.server.options import HubOptions


class HubState:
    """Look-ups that every route makes. `files_origin` is where large files are redirected to."""

    def __init__(self, catalog: Catalog, options: HubOptions) -> None:
        self.catalog = catalog
        self.options = options
        self.files_origin = ""
        self._bodies: dict[tuple[str, str, tuple[str, ...]], tuple[HubRepo, bytes]] = {}

    def find(self, ask: HubRequest, need: Need) -> HubRepo | RouteResponse | Refusal:
        """The repo a request asks for, the redirect to its canonical id, or the refusal."""
        route = ask.route
        repo = self.catalog.get(route.repo_id)
        if repo is None:
            canonical = self.catalog.canonical_id(route.repo_id)
            repo = self.catalog.get(canonical) if canonical is not None else None
        if repo is None or repo.repo_type != route.repo_type or not is_visible(repo, ask.caller, self.options):
            return refuse_missing(ask.caller, self.options)
        if repo.id != route.repo_id:
            return self._redirect_to(repo.id, ask)
        return refuse_repo(repo, ask.caller, self.options, need) or repo

    def find_commit(self, ask: HubRequest, need: Need) -> tuple[HubRepo, str] | RouteResponse | Refusal:
        """The repo and the commit that the revision in the path means (the default branch where it names none)."""
        found = self.find(ask, need)
        if not isinstance(found, HubRepo):
            return found
        revision = ask.route.revision
        commit_hash = found.head if revision is None else found.commit_hash(revision)
        return revision_not_found(revision or "") if commit_hash is None else (found, commit_hash)

    def body(
        self,
        repo: HubRepo,
        commit_hash: str,
        keys: tuple[str, ...],
        build: Callable[[HubRepo, str, tuple[str, ...]], bytes],
    ) -> bytes:
        """The JSON of these keys, built once for each state of a repo.

        An entry holds the repo it was built from: a changed repo is another object, so nothing needs invalidating.
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

    def _redirect_to(self, repo_id: str, ask: HubRequest) -> RouteResponse:
        route, segments = ask.route, ask.raw_path.split("/")
        match route.kind:
            case RouteKind.RESOLVE_CACHE:
                start = 4
            case RouteKind.RESOLVE | RouteKind.RAW:
                start = 1 if route.repo_type == "model" else 2
            case _:
                start = 3
        after = start + route.repo_id.count("/") + 1
        path = "/".join([*segments[:start], quote(repo_id), *segments[after:]])
        return redirect(f"{path}?{ask.query.raw}" if ask.query.raw else path)
