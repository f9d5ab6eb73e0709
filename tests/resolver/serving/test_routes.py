"""Every route, over real sockets; each response is checked against the description."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from registry.defaults import default_registry
from registry.extension import Extension
from resolver.local_hub import Catalog, LocalHub, faults
from resolver.row import ROW_KEYS
from resolver.serving.limits import ServeLimits
from resolver.serving.openapi import build_description
from resolver.serving.routes import Service
from resolver.version import __version__
from tests.resolver.serving.support import DESCRIPTION, Client, serving
from tests.resolver.support import BERT_SHA, READER, ROOT, STRANGER


@pytest.mark.parametrize(
    ("asked", "canonical_id"),
    [
        ("acme/bert", "acme/bert"),
        ("acme%2Fbert", "acme/bert"),
        ("legacy", "acme/bert"),
        ("single", "single"),
        ("acme/bert@main", "acme/bert"),
        (f"acme/bert?revision={BERT_SHA}", "acme/bert"),
        ("acme/bert?task=fill-mask", "acme/bert"),
    ],
)
async def test_a_repo_is_answered(client: Client, hub: LocalHub, asked: str, canonical_id: str) -> None:
    hub.catalog.alias("legacy", "acme/bert")
    reply = await client.get_model(asked)
    assert (reply.status, reply.code, reply.json["canonical_id"]) == (200, None, canonical_id)
    assert tuple(reply.json) == ROW_KEYS and reply.headers["Cache-Control"] == "no-cache"
    again = await client.get_model(asked)
    assert {**again.json, "source": "hub"} == reply.json


@pytest.mark.parametrize(
    ("asked", "status", "code"),
    [
        ("acme/none", 404, "repo_not_found"),
        ("acme/bert?revision=none", 404, "revision_not_found"),
        ("acme/words", 404, "not_a_model"),
        ("acme/disabled", 403, "disabled"),
        ("acme/bert?task=text-to-image", 422, "task_mismatch"),
        ("acme/bert?task=no-such-task", 422, "task_mismatch"),
        ("acme/bert?rev=main", 400, "bad_request"),
        ("acme/bert@main?revision=v1", 400, "invalid_repo_id"),
        ("acme/bert?revision=a%00b", 400, "invalid_repo_id"),
        ("datasets/acme/words", 404, "not_a_model"),
    ],
)
async def test_an_error_is_a_row_with_a_status(client: Client, asked: str, status: int, code: str) -> None:
    reply = await client.get_model(asked)
    assert (reply.status, reply.code) == (status, code)
    assert reply.headers["Cache-Control"] == "no-store" and "ETag" not in reply.headers


PATHS = ["./x", "../x", "/etc/passwd", "~", "~root", "a/b/../c", "a/b/c", "..", "C:\\x", "file:///etc/passwd", "."]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("is_escaped", [False, True], ids=["plain", "escaped"])
async def test_a_path_is_refused(client: Client, path: str, is_escaped: bool) -> None:
    escaped = "".join(f"%{byte:02x}" for byte in path.encode())
    reply = await client.get_model(escaped if is_escaped else path.replace("\\", "%5C"))
    assert (reply.status, reply.code, reply.json["repo_id"]) == (400, "invalid_repo_id", path)


async def test_a_folder_of_the_services_own_is_never_told(
    hub: LocalHub, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "acme" / "here"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text('{"model_type": "bert"}')
    (folder / "model.safetensors").write_bytes(b"")
    monkeypatch.chdir(tmp_path)
    async with serving(hub, store) as client:
        asked = ("acme/here", str(folder), "./acme/here", str(tmp_path / "none"))
        codes = [(await client.get_model(path)).code for path in asked]
        assert codes == ["repo_not_found", *["invalid_repo_id"] * 3]
        # Words about a path do not depend on whether it exists.
        texts = [(await client.get_model(path)).json["error"]["message"] for path in asked[1::2]]
        assert texts[0].replace(asked[1], "X") == texts[1].replace(asked[3], "X")
        rows = (await client.resolve(*asked)).rows
        assert [row["error"]["code"] for row in rows] == codes


async def test_a_list_is_answered_in_its_order(client: Client) -> None:
    ids = ["acme/bert", "", "# no id", "acme/none", "acme/sd@main", "./x", "acme/bert", "single"]
    reply = await client.resolve(*ids)
    assert reply.status == 200
    assert [row["repo_id"] for row in reply.rows] == ["acme/bert", "acme/none", "acme/sd", "./x", "acme/bert", "single"]
    assert [row["error"] and row["error"]["code"] for row in reply.rows] == [
        *(None, "repo_not_found", None, "invalid_repo_id", None, None)
    ]
    assert (await client.resolve()).rows == []
    pinned = await client.resolve("acme/bert", "single@main", query=f"?revision={BERT_SHA}&task=fill-mask")
    assert [row["revision"] for row in pinned.rows] == [BERT_SHA, "main"]


async def test_a_list_that_cannot_be_used_is_refused_as_a_whole(hub: LocalHub, store: Path) -> None:
    limits = ServeLimits(requests_per_s=0, max_body_bytes=1_000, max_ids=5)
    async with serving(hub, store, limits) as client:
        sent = {
            "task": await client.resolve("acme/bert", query="?task=no-such-task"),
            "query": await client.resolve("acme/bert", query="?tasks=x"),
            "lines": await client.resolve(*["a/b"] * 8),
            "bytes": await client.resolve("x" * 2_000),
            "packed": await client.send("POST", "/v1/resolve", b"\x1f\x8b", Content_Encoding="gzip"),
            "token": await client.resolve("acme/bert", Authorization="Basic eDp5"),
            "method": await client.get("/v1/resolve"),
        }
        found = {name: (reply.status, reply.code) for name, reply in sent.items()}
        assert found == {
            "task": (422, "task_mismatch"),
            "query": (400, "bad_request"),
            "lines": (413, "too_large"),
            "bytes": (413, "too_large"),
            "packed": (415, "bad_request"),
            "token": (401, "unauthorized"),
            "method": (405, "method_not_allowed"),
        }


async def test_an_answer_that_has_not_changed_is_not_sent_again(client: Client, hub: LocalHub) -> None:
    first = await client.get_model("acme/bert")
    tag = first.headers["ETag"]
    assert tag.startswith('W/"')
    for sent in (tag, tag.removeprefix("W/"), f'"x", {tag}', "*"):
        known = await client.get_model("acme/bert", If_None_Match=sent)
        assert (known.status, known.body, known.headers["ETag"]) == (304, b"", tag)
    assert (await client.get_model("acme/bert", If_None_Match='"other"')).body != b""
    assert (await client.get_model("acme/bert", If_None_Match="nonsense")).status == 200
    other = await client.get_model("acme/bert?task=feature-extraction")
    assert other.headers["ETag"] != tag


async def test_a_tag_changes_with_the_commit_the_hubs_tags_and_the_rules(
    hub: LocalHub, catalog: Catalog, store: Path
) -> None:
    changes: list[Any] = [
        lambda: None,
        lambda: catalog.push("acme/bert", {"more.txt": "x"}),
        lambda: catalog.change("acme/bert", pipeline_tag="text-to-image"),
    ]
    tags = []
    for change in changes:
        change()
        async with serving(hub, store, refresh=True) as client:
            tags.append((await client.get_model("acme/bert")).headers["ETag"])
    registry = default_registry().extended(Extension(name="mine", aliases={"chat": "text-generation"}))
    async with serving(hub, store, registry=registry) as client:
        tags.append((await client.get_model("acme/bert")).headers["ETag"])
    async with serving(hub, store) as client:
        assert (await client.get_model("acme/bert")).headers["ETag"] == tags[2]
    assert len(set(tags)) == 4


@pytest.mark.parametrize(
    ("fault", "status", "code", "retry"),
    [
        (faults.failing(503), 503, "hub_unavailable", True),
        (faults.rate_limited(), 429, "rate_limited", True),
        (faults.Edit(change_body=lambda _: b"{}"), 502, "bad_response", False),
    ],
    ids=["down", "limited", "nonsense"],
)
async def test_errors_of_the_hub_have_a_status_of_their_own(
    client: Client, hub: LocalHub, fault: Any, status: int, code: str, retry: bool
) -> None:
    hub.faults.add(fault, "/api/models/acme/bert/*", times=None)
    reply = await client.get_model("acme/bert")
    assert (reply.status, reply.code, "Retry-After" in reply.headers) == (status, code, retry)
    (row,) = (await client.resolve("acme/bert")).rows
    assert row["error"]["code"] == code


async def test_an_answer_that_takes_too_long_ends(hub: LocalHub, store: Path) -> None:
    released = asyncio.Event()
    hub.faults.add(faults.Hold(released.wait), "/api/models/acme/bert/*", times=None)
    async with serving(hub, store, ServeLimits(requests_per_s=0, answer_s=0.2)) as client:
        reply = await client.get_model("acme/bert")
        assert (reply.status, reply.code, reply.headers["Retry-After"]) == (503, "timeout", "30")
        assert (await client.get_model("acme/sd")).status == 200
        released.set()


async def test_what_is_stored_is_answered_offline(hub: LocalHub, store: Path) -> None:
    async with serving(hub, store) as client:
        await client.get_model("acme/bert")
    hub.reset_counts()
    async with serving(hub, store, offline=True) as client:
        assert (await client.get_model("acme/bert")).json["source"] == "store"
        missing = await client.get_model("acme/sd")
        assert (missing.status, missing.code) == (504, "offline_miss")
    assert hub.count.total == 0


async def test_health_and_description(client: Client) -> None:
    health = await client.get("/healthz")
    assert health.json == {"status": "ok", "version": __version__}
    described = (await client.get("/openapi.json")).json
    assert described == json.loads(json.dumps(build_description(__version__)))
    for path in ("/healthz?x=1", "/openapi.json?x=1"):
        assert (await client.get(path)).status == 400
    unknown = await client.get("/v1/nothing")
    assert (unknown.status, unknown.code) == (404, "not_found")
    assert all(reply.headers["Server"] == "hubresolve" for reply in (health, unknown))


def test_the_description_has_the_routes_and_the_row_of_the_docs() -> None:
    service = Service.__new__(Service)
    routes = {(route.method.lower(), route.path.replace("{id:.*}", "{id}")) for route in service.list_routes()}
    assert routes == {(method, path) for path, item in DESCRIPTION["paths"].items() for method in item}
    row_schema = json.loads((ROOT / "docs" / "row.schema.json").read_text("utf-8"))
    shipped = {name: DESCRIPTION["components"]["schemas"][name] for name in row_schema["$defs"]}
    assert json.loads(json.dumps(shipped).replace("#/components/schemas/", "#/$defs/")) == row_schema["$defs"]
    names = {f"#/components/schemas/{name}" for name in DESCRIPTION["components"]["schemas"]}
    assert set(_find_refs(DESCRIPTION)) == names


def _find_refs(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for key, item in value.items():
            if key == "$ref":
                yield item
            else:
                yield from _find_refs(item)
    elif isinstance(value, list):
        for item in value:
            yield from _find_refs(item)


async def test_metrics_are_counted_without_ids(client: Client) -> None:
    for name in ("acme/bert", "acme/bert", "acme/private", "./x"):
        await client.get_model(name)
    await client.resolve("acme/bert", "acme/none")
    await client.get("/no/such/route")
    text = (await client.get("/metrics")).body.decode()
    for line in (
        'hubresolve_http_requests_total{route="/v1/models/{id}",status="200"} 2.0',
        'hubresolve_http_requests_total{route="/v1/models/{id}",status="404"} 1.0',
        'hubresolve_http_requests_total{route="unknown",status="404"} 1.0',
        'hubresolve_http_rows_total{code=""} 3.0',
        'hubresolve_http_rows_total{code="repo_not_found"} 2.0',
        "hubresolve_http_requests_in_progress 1.0",
        'hubresolve_lookups_total{cache="answers",result="hit"} 1.0',
    ):
        assert line in text.splitlines()
    assert "acme" not in text and "/no/" not in text and "127.0.0.1" not in text


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"X_Forwarded_For": "192.0.2.1"}, 403),
        ({"Forwarded": "for=192.0.2.1"}, 403),
        ({"Host": "evil.example"}, 403),
        ({"Host": "localhost:80"}, 200),
        ({"Host": "[::1]"}, 200),
    ],
    ids=["direct", "X-Forwarded-For", "Forwarded", "another name", "localhost", "IPv6"],
)
async def test_metrics_are_for_the_operator(client: Client, headers: dict[str, str], status: int) -> None:
    assert (await client.get("/metrics", **headers)).status == status


async def test_metrics_may_be_for_whoever_has_their_token(
    hub: LocalHub, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HUBRESOLVE_METRICS_TOKEN", "of-the-operator")
    async with serving(hub, store) as client:
        for sent, status in (("Bearer of-the-operator", 200), (f"Bearer {READER}", 403), ("of-the-operator", 403)):
            assert (await client.get("/metrics", Authorization=sent, X_Forwarded_For="192.0.2.1")).status == status
        assert (await client.get("/metrics")).status == 403


async def test_the_page_has_only_what_is_public_and_is_not_sent_twice(client: Client, hub: LocalHub) -> None:
    await client.resolve("acme/bert", "acme/sd", "acme/gated", "acme/private", "legacy")
    await client.get_model("acme/private", Authorization=f"Bearer {READER}")
    await client.get_model("acme/gated", Authorization=f"Bearer {STRANGER}")
    page = await client.get("/")
    text = page.body.decode()
    assert "acme/bert" in text and "acme/private" not in text and "acme/gated" not in text
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy and "unsafe" not in policy
    assert (await client.get("/", If_None_Match=page.headers["ETag"])).status == 304
    other = await client.get("/?author=nobody")
    assert other.status == 200 and "acme/bert" not in other.body.decode()
    assert (await client.get("/?author=%3Cscript%3E")).status == 400
    assert (await client.get("/?q=x")).status == 400
