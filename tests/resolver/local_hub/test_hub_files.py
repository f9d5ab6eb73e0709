"""Checks file routes: redirects, the second origin of large files, conditional requests, raw contents."""

from __future__ import annotations

import hashlib

import aiohttp
import pytest
from yarl import URL

from resolver.local_hub import Catalog, HubOptions, LocalHub


@pytest.mark.asyncio
async def test_a_small_file_is_one_relative_redirect_and_then_plain_text(
    hub: LocalHub, http: aiohttp.ClientSession
) -> None:
    url = f"{hub.endpoint}/acme/bert/resolve/main/config.json"
    async with http.get(url, allow_redirects=False) as first:
        assert first.status == 307
        assert first.headers["Location"].startswith(
            f"/api/resolve-cache/models/acme/bert/{'a' * 40}/config.json?%2Facme"
        )
        assert first.headers["X-Repo-Commit"] == "a" * 40
    async with http.get(url) as second:
        content = await second.read()
        blob = hashlib.sha1(b"blob %d\x00" % len(content) + content).hexdigest()
        assert second.content_type == "text/plain"
        assert second.headers["ETag"] == f'"{blob}"' == first.headers["X-Linked-ETag"]
        assert second.headers["X-Repo-Commit"] == "a" * 40
        assert (await second.json(content_type=None))["vocab_size"] == 30522
    assert hub.count.kind == {"resolve": 2, "resolve_cache": 1}


@pytest.mark.asyncio
async def test_an_unchanged_file_is_a_304_on_both_hops(hub: LocalHub, http: aiohttp.ClientSession) -> None:
    url = f"{hub.endpoint}/acme/bert/resolve/main/config.json"
    async with http.get(url) as response:
        etag, cached_url = response.headers["ETag"], response.url
    for file_url in (URL(url), cached_url):
        async with http.get(file_url, headers={"If-None-Match": etag}) as response:
            assert (response.status, await response.read()) == (304, b"")
        async with http.get(file_url, headers={"If-None-Match": '"other"'}) as response:
            assert response.status == 200
    async with http.get(f"{hub.endpoint}/acme/bert/raw/main/config.json", headers={"If-None-Match": etag}) as response:
        assert response.status == 200


@pytest.mark.asyncio
async def test_a_large_file_is_served_by_another_origin_which_gets_no_token(
    hub: LocalHub, http: aiohttp.ClientSession, reader: dict[str, str]
) -> None:
    url = f"{hub.endpoint}/acme/gated/resolve/main/model.safetensors"
    async with http.get(url, headers=reader, allow_redirects=False) as first:
        assert first.status == 302
        assert first.headers["Location"].startswith(hub.files_endpoint)
        assert "X-Hub-Cache" not in first.headers
    async with http.get(url, headers=reader) as second:
        content = await second.read()
        assert second.status == 200
    assert first.headers["X-Linked-Size"] == str(len(content))
    assert first.headers["X-Linked-ETag"] == f'"{hashlib.sha256(content).hexdigest()}"' != second.headers["ETag"]
    log = {(entry.bucket, "Authorization" in entry.headers) for entry in hub.requests}
    assert log == {("resolvers", True), ("cdn", False)}


@pytest.mark.asyncio
async def test_the_second_origin_refuses_a_requoted_signature(hub: LocalHub) -> None:
    async with (
        aiohttp.ClientSession() as requoting,
        requoting.get(f"{hub.endpoint}/acme/bert/resolve/main/model.safetensors") as response,
    ):
        assert response.status == 403


@pytest.mark.asyncio
async def test_a_file_above_the_threshold_is_large_for_any_name(catalog: Catalog, http: aiohttp.ClientSession) -> None:
    async with (
        LocalHub(catalog, HubOptions(lfs_threshold_bytes=10)) as hub,
        http.get(f"{hub.endpoint}/acme/bert/resolve/main/config.json", allow_redirects=False) as response,
    ):
        assert response.status == 302


@pytest.mark.asyncio
async def test_raw_gives_the_pointer_of_a_large_file(hub: LocalHub, http: aiohttp.ClientSession) -> None:
    async with http.get(f"{hub.endpoint}/acme/bert/raw/main/model.safetensors") as response:
        assert (await response.text()).startswith("version https://git-lfs.github.com/spec/v1\noid sha256:")


@pytest.mark.asyncio
async def test_direct_files_are_sent_without_a_redirect(catalog: Catalog, http: aiohttp.ClientSession) -> None:
    async with (
        LocalHub(catalog, HubOptions(direct_files=True)) as hub,
        http.get(f"{hub.endpoint}/acme/bert/resolve/main/config.json", allow_redirects=False) as response,
    ):
        assert (response.status, response.headers["X-Repo-Commit"]) == (200, "a" * 40)


@pytest.mark.asyncio
async def test_head_has_the_headers_of_get_and_no_body(hub: LocalHub, http: aiohttp.ClientSession) -> None:
    for path in ("/api/models/acme/bert", "/acme/bert/raw/main/config.json", "/acme/bert/resolve/main/nope"):
        async with http.get(hub.endpoint + path) as got, http.head(hub.endpoint + path) as head:
            assert (head.status, await head.read()) == (got.status, b"")
            assert head.headers.get("ETag") == got.headers.get("ETag")
            assert head.headers["Content-Length"] == str(len(await got.read()))


@pytest.mark.asyncio
async def test_listed_files_without_known_content_have_valid_placeholders(
    hub: LocalHub, http: aiohttp.ClientSession
) -> None:
    async with http.get(f"{hub.endpoint}/acme/sd/resolve/main/vae/config.json") as response:
        assert await response.json(content_type=None) == {}
    async with http.get(f"{hub.endpoint}/acme/bert/resolve/main/model.safetensors") as response:
        content = await response.read()
        assert int.from_bytes(content[:8], "little") == len(content) - 8
