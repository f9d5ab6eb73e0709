"""Checks what each caller may read, and the error responses."""

from __future__ import annotations

from dataclasses import dataclass

import aiohttp
import pytest

from resolver.local_hub import Catalog, HubOptions, LocalHub

INFO, FILE, CHECK = "/api/models/{}", "/{}/resolve/main/config.json", "/api/models/{}/auth-check"
HIDDEN_MESSAGE = "Invalid username or password."


@dataclass(frozen=True)
class Case:
    id: str
    path: str
    token: str | None
    status: int
    code: str | None = None
    message: str | None = None


CASES = [
    Case("missing, anonymous", INFO.format("acme/nope"), None, 401, None, HIDDEN_MESSAGE),
    Case("missing owner, anonymous", INFO.format("nobody/nope"), None, 401, None, HIDDEN_MESSAGE),
    Case("missing file's repo, anonymous", FILE.format("acme/nope"), None, 401, None, HIDDEN_MESSAGE),
    Case("missing, with a token", INFO.format("acme/nope"), "hf_stranger", 404, "RepoNotFound"),
    Case("private, anonymous", INFO.format("acme/hidden"), None, 401, None, HIDDEN_MESSAGE),
    Case("private in the wrong case, anonymous", INFO.format("ACME/hidden"), None, 401, None, HIDDEN_MESSAGE),
    Case("private, no grant", FILE.format("acme/hidden"), "hf_stranger", 404, "RepoNotFound"),
    Case("private, granted", FILE.format("acme/hidden"), "hf_reader", 200),
    Case("a dataset requested as a model", INFO.format("acme/words"), "hf_reader", 404, "RepoNotFound"),
    Case("a dataset requested as a dataset", "/api/datasets/acme/words", None, 200),
    Case("unknown revision", INFO.format("acme/bert/revision/x"), None, 404, "RevisionNotFound", "Invalid rev id: x"),
    Case("unknown revision of a file", "/acme/bert/resolve/x/config.json", None, 404, "RevisionNotFound"),
    Case("missing file", "/acme/bert/resolve/main/nope", None, 404, "EntryNotFound", "Entry not found"),
    Case("gated info", INFO.format("acme/gated"), None, 200),
    Case("gated tree", INFO.format("acme/gated/tree/main"), None, 200),
    Case("gated file, anonymous", FILE.format("acme/gated"), None, 401, "GatedRepo"),
    Case("gated file, no grant", FILE.format("acme/gated"), "hf_stranger", 403, "GatedRepo"),
    Case("gated file, granted", FILE.format("acme/gated"), "hf_reader", 200),
    Case("gated check, no grant", CHECK.format("acme/gated"), "hf_stranger", 403, "GatedRepo"),
    Case("gated check, granted", CHECK.format("acme/gated"), "hf_reader", 200),
    Case("disabled info", INFO.format("acme/off"), None, 200),
    Case("disabled file", FILE.format("acme/off"), None, 403, None, "Access to this resource is disabled."),
    Case("bad token", INFO.format("acme/bert"), "hf_bad", 401, None, "Invalid credentials in Authorization header"),
]


@pytest.mark.asyncio
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
async def test_each_caller_gets_the_response_of_the_real_hub(
    hub: LocalHub, http: aiohttp.ClientSession, case: Case
) -> None:
    headers = {"Authorization": f"Bearer {case.token}"} if case.token else {}
    async with http.get(hub.endpoint + case.path, headers=headers) as response:
        text = await response.text()
        assert response.status == case.status, text
        assert response.headers.get("X-Error-Code") == case.code
        assert "RateLimit" in response.headers and "X-Request-Id" in response.headers
        if case.message is not None:
            assert response.headers["X-Error-Message"] == case.message
            assert case.message in text
        if case.status == 401:
            assert response.headers["WWW-Authenticate"].startswith("Bearer realm=")
        if response.status >= 400:
            assert response.content_type == ("application/json" if case.path.startswith("/api/") else "text/plain")


@pytest.mark.asyncio
async def test_the_response_for_a_missing_file_names_the_commit_on_head_too(
    hub: LocalHub, http: aiohttp.ClientSession
) -> None:
    for method in ("GET", "HEAD"):
        async with http.request(method, f"{hub.endpoint}/acme/bert/resolve/main/nope") as response:
            assert response.headers["X-Repo-Commit"] == "a" * 40
            assert response.headers["X-Error-Code"] == "EntryNotFound"


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("options", "headers", "path", "expected"),
    [
        (HubOptions(anonymous_missing=404), {}, "/api/models/a/b", (404, "RepoNotFound")),
        (HubOptions(http_error_codes=True), {}, "/api/models/a/b", (401, "RepoNotFound")),
        (HubOptions(invalid_token="ignore"), {"Authorization": "Bearer x"}, "/api/models/acme/bert", (200, None)),
        (HubOptions(invalid_token="ignore"), {"Authorization": "Bearer x"}, "/api/models/a/b", (401, None)),
    ],
)
async def test_options_cover_the_differences_between_recordings(
    catalog: Catalog,
    http: aiohttp.ClientSession,
    options: HubOptions,
    headers: dict[str, str],
    path: str,
    expected: tuple[int, str | None],
) -> None:
    async with (
        LocalHub(catalog, options) as hub,
        http.get(hub.endpoint + path, headers=headers) as response,
    ):
        assert (response.status, response.headers.get("X-Error-Code")) == expected


@pytest.mark.asyncio
async def test_a_deleted_repo_is_missing_under_every_name(hub: LocalHub, http: aiohttp.ClientSession) -> None:
    hub.catalog.delete("acme/bert")
    for name in ("acme/bert", "legacy", "ACME/bert"):
        async with http.get(f"{hub.endpoint}/api/models/{name}") as response:
            assert response.status == 401
