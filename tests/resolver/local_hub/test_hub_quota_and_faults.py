"""Checks quotas, counters, latency and every fault."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from typing import Literal

import aiohttp
import pytest

from resolver.local_hub import Catalog, HubOptions, LocalHub, faults
from resolver.local_hub.protocol.quota import FixedWindowLimiter, QuotaBucket

INFO = "/api/models/acme/bert"
CONFIG = "/acme/bert/resolve/main/config.json"


def test_a_window_ends_for_each_caller_and_bucket_apart() -> None:
    limiter = FixedWindowLimiter({QuotaBucket.API: 2, QuotaBucket.RESOLVERS: None}, window_s=300)
    rows = [
        # caller, bucket, now, allowed, remaining, reset_s
        ("", QuotaBucket.API, 0.0, True, 1, 300),
        ("", QuotaBucket.API, 4.5, True, 0, 296),
        ("", QuotaBucket.API, 5.0, False, 0, 295),
        ("token", QuotaBucket.API, 5.0, True, 1, 300),
        ("", QuotaBucket.RESOLVERS, 5.0, True, 999_999_999, 300),
        # 212.2 + 300 - 212.2 is a little more than 300.
        ("other", QuotaBucket.API, 212.2, True, 1, 300),
        ("", QuotaBucket.API, 299.9, False, 0, 1),
        ("", QuotaBucket.API, 300.0, True, 1, 300),
    ]
    for caller, bucket, now, allowed, remaining, reset_s in rows:
        allowance = limiter.take(caller, bucket, now)
        assert (allowance.allowed, allowance.remaining, allowance.reset_s) == (allowed, remaining, reset_s)


@pytest.mark.asyncio
async def test_an_empty_window_is_a_429_until_the_clock_moves_on(catalog: Catalog, http: aiohttp.ClientSession) -> None:
    now = [1000.0]
    options = HubOptions(quota_api=3, window_s=300, clock=lambda: now[0])
    async with LocalHub(catalog, options) as hub:
        seen = []
        for path in ("/api/models/legacy", "/api/models/acme/nope", INFO):
            async with http.get(hub.endpoint + path) as response:
                seen.append((response.status, response.headers["RateLimit"]))
        assert seen == [(200, '"api";r=1;t=300'), (401, '"api";r=0;t=300'), (429, '"api";r=0;t=300')]
        assert response.headers["RateLimit-Policy"] == '"fixed window";"api";q=3;w=300'
        async with http.get(hub.endpoint + CONFIG) as response:
            assert response.status == 200
        now[0] += 300
        async with http.get(hub.endpoint + INFO) as response:
            assert response.status == 200


@pytest.mark.asyncio
async def test_the_second_hop_of_a_file_may_be_free(catalog: Catalog, http: aiohttp.ClientSession) -> None:
    for metered, statuses in ((True, [200, 429]), (False, [200, 200])):
        options = HubOptions(quota_resolvers=2, meter_resolve_cache=metered)
        async with LocalHub(catalog, options) as hub:
            received = []
            for _ in range(2):
                async with http.get(hub.endpoint + CONFIG) as response:
                    received.append(response.status)
            assert received == statuses


@pytest.mark.asyncio
async def test_requests_are_counted_and_logged_until_reset(hub: LocalHub, http: aiohttp.ClientSession) -> None:
    for path in (INFO, CONFIG, "/nowhere"):
        async with http.get(hub.endpoint + path):
            pass
    assert hub.count.bucket == {"api": 1, "resolvers": 2, "pages": 1}
    assert [entry.kind for entry in hub.requests] == ["model_info", "resolve", "resolve_cache", "unknown_page"]
    async with http.get(f"{hub.endpoint}/-/counts") as response:
        assert await response.json() == hub.count.as_json()
        assert "RateLimit" not in response.headers
    hub.reset_counts()
    assert hub.count.total == 0 and not hub.requests


@pytest.mark.asyncio
async def test_latency_delays_every_response(hub: LocalHub, http: aiohttp.ClientSession) -> None:
    hub.latency_s = 0.1
    started = time.perf_counter()
    async with http.get(hub.endpoint + INFO):
        assert time.perf_counter() - started >= 0.1


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("fault", "status", "headers"),
    [
        (faults.failing(404, "RepoNotFound"), 404, {"X-Error-Code": "RepoNotFound"}),
        (faults.failing(500), 500, {"X-Error-Code": None}),
        (faults.rate_limited(reset_s=7), 429, {"RateLimit": '"api";r=0;t=7', "Retry-After": None}),
        (faults.rate_limited(remaining=9, retry_after_s=2), 429, {"RateLimit": '"api";r=9;t=5', "Retry-After": "2"}),
        (faults.rate_limited(remaining=None, retry_after_s=2), 429, {"RateLimit": None, "Retry-After": "2"}),
        (faults.rate_limited(remaining=None), 429, {"RateLimit": None, "RateLimit-Policy": None, "Retry-After": None}),
        (faults.html_page(), 503, {"Content-Type": "text/html; charset=utf-8"}),
        (faults.redirect_to("http://localhost:1/x"), 307, {"Location": "http://localhost:1/x"}),
        (faults.wrong_content_type("image/png"), 200, {"Content-Type": "image/png"}),
    ],
    ids=str,
)
async def test_a_fault_hits_one_request_and_the_next_response_is_correct(
    hub: LocalHub, http: aiohttp.ClientSession, fault: faults.Action, status: int, headers: dict[str, str | None]
) -> None:
    armed_fault = hub.faults.add(fault, "/api/models/*")
    async with http.get(hub.endpoint + INFO, allow_redirects=False) as response:
        assert response.status == status
        assert {name: response.headers.get(name) for name in headers} == headers
    async with http.get(hub.endpoint + INFO) as response:
        assert response.status == 200 and response.content_type == "application/json"
    assert armed_fault.hits == 1


@pytest.mark.asyncio
async def test_a_fault_may_skip_requests_hit_several_and_be_limited_to_a_method(
    hub: LocalHub, http: aiohttp.ClientSession
) -> None:
    hub.faults.add(faults.failing(503), lambda path: path == INFO, skip=1, times=2, method="GET")

    def methods() -> Iterator[str]:
        yield from ("GET", "HEAD", "GET", "GET", "GET")

    received = []
    for method in methods():
        async with http.request(method, hub.endpoint + INFO) as response:
            received.append(response.status)
    assert received == [200, 200, 503, 503, 200]


@pytest.mark.asyncio
async def test_truncated_json_is_a_complete_response_that_does_not_parse(
    hub: LocalHub, http: aiohttp.ClientSession
) -> None:
    hub.faults.add(faults.truncated())
    async with http.get(hub.endpoint + INFO) as response:
        with pytest.raises(ValueError):
            await response.json()


@pytest.mark.asyncio
async def test_a_cut_resets_the_connection_inside_the_body(hub: LocalHub, http: aiohttp.ClientSession) -> None:
    hub.faults.add(faults.Cut(after_bytes=20))
    async with http.get(hub.endpoint + INFO) as response:
        with pytest.raises(aiohttp.ClientError):
            await response.read()


@pytest.mark.asyncio
@pytest.mark.parametrize("where", ["headers", "body"])
async def test_a_stall_outlasts_an_impatient_client_but_not_a_patient_one(
    hub: LocalHub, http: aiohttp.ClientSession, where: str
) -> None:
    place: Literal["headers", "body"] = "body" if where == "body" else "headers"
    hub.faults.add(faults.Stall(600.0, place))
    hub.faults.add(faults.Stall(0.05, place))
    with pytest.raises(asyncio.TimeoutError):
        async with http.get(hub.endpoint + INFO, timeout=aiohttp.ClientTimeout(total=0.1)) as response:
            await response.read()
    async with http.get(hub.endpoint + INFO) as response:
        assert (await response.json())["id"] == "acme/bert"


@pytest.mark.asyncio
async def test_commits_can_be_wrong_missing_or_moved_between_two_requests(
    hub: LocalHub, http: aiohttp.ClientSession
) -> None:
    hub.faults.add(faults.wrong_sha("9" * 40), "/api/models/*")
    async with http.get(hub.endpoint + INFO) as response:
        assert (await response.json())["sha"] == "9" * 40
    hub.faults.add(faults.wrong_commit("8" * 40), "/api/resolve-cache/*")
    async with http.get(hub.endpoint + CONFIG) as response:
        assert response.headers["X-Repo-Commit"] == "8" * 40
    hub.faults.add(faults.no_commit(), "*config.json", times=2)
    async with http.get(hub.endpoint + CONFIG) as response:
        assert "X-Repo-Commit" not in response.headers
        assert all("X-Repo-Commit" not in hop.headers for hop in response.history)
    hub.faults.add(faults.Run(lambda: hub.catalog.push("acme/bert", {"config.json": {"a": 1}})), "*/resolve/*")
    async with http.get(hub.endpoint + INFO) as info, http.get(hub.endpoint + CONFIG) as file:
        assert (await info.json())["sha"] != file.headers["X-Repo-Commit"]


@pytest.mark.asyncio
async def test_another_repos_body_can_be_served(hub: LocalHub, http: aiohttp.ClientSession) -> None:
    hub.faults.add(faults.ServeInstead("/api/models/acme/sd"), INFO)
    async with http.get(hub.endpoint + INFO) as response:
        assert (await response.json())["id"] == "acme/sd"


@pytest.mark.asyncio
async def test_a_redirect_loop_never_ends(hub: LocalHub, http: aiohttp.ClientSession) -> None:
    hub.faults.add(faults.redirect_loop(), times=None)
    with pytest.raises(aiohttp.TooManyRedirects):
        await http.get(hub.endpoint + INFO)


@pytest.mark.asyncio
async def test_bodies_can_be_huge_packed_or_not(hub: LocalHub, http: aiohttp.ClientSession) -> None:
    hub.faults.add(faults.gzip_bomb(5 << 20), INFO)
    async with http.get(hub.endpoint + INFO, auto_decompress=False) as response:
        assert int(response.headers["Content-Length"]) < 100_000
        assert response.headers["Content-Encoding"] == "gzip"
    hub.faults.add(faults.huge_config(3 << 20), CONFIG.replace("resolve", "*"), times=None)
    hub.faults.add(faults.huge_config(3 << 20), "/api/resolve-cache/*")
    async with http.get(hub.endpoint + CONFIG) as response:
        assert len(await response.read()) == 3 << 20
        assert (await response.json(content_type=None))["model_type"] == "bert"
