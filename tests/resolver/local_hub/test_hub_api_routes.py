"""Checks the `/api/…` routes with a plain HTTP client."""

from __future__ import annotations

from typing import Any

import aiohttp
import pytest
from yarl import URL

from resolver.local_hub import Catalog, HubOptions, LocalHub


async def get_json(http: aiohttp.ClientSession, url: str, **kwargs: Any) -> Any:
    async with http.get(url, **kwargs) as response:
        assert response.status == 200, await response.text()
        return await response.json()


@pytest.mark.asyncio
async def test_model_info_without_expand_has_the_full_body(hub: LocalHub, http: aiohttp.ClientSession) -> None:
    body = await get_json(http, f"{hub.endpoint}/api/models/acme/bert")
    assert {"_id", "id", "modelId", "sha", "siblings", "config", "createdAt", "gated", "private"} <= set(body)
    assert body["sha"] == "a" * 40
    assert body["config"] == {"architectures": ["BertForMaskedLM"], "model_type": "bert", "tokenizer_config": {}}
    assert body["pipeline_tag"] == "fill-mask"
    assert body["gated"] is False
    assert len(body["_id"]) == 24


@pytest.mark.asyncio
@pytest.mark.parametrize("key", ["expand", "expand[]"])
async def test_expand_returns_exactly_the_requested_properties_that_exist(
    hub: LocalHub, http: aiohttp.ClientSession, key: str
) -> None:
    params = [(key, "sha"), (key, "baseModels"), (key, "gguf"), (key, "gated")]
    body = await get_json(http, f"{hub.endpoint}/api/models/acme/gated", params=params)
    assert set(body) == {"_id", "id", "sha", "gated"}
    assert body["gated"] == "manual"


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("repo_id", "extract"),
    [
        pytest.param("acme/sd", {"diffusers": {"_class_name": "StableDiffusionPipeline"}}, id="model_index"),
        pytest.param("acme/Resnet.a1", {}, id="timm"),
        pytest.param("acme/gguf", {}, id="gguf"),
    ],
)
async def test_the_extract_has_the_keys_of_each_library(
    hub: LocalHub, http: aiohttp.ClientSession, repo_id: str, extract: dict[str, Any]
) -> None:
    body = await get_json(http, f"{hub.endpoint}/api/models/{repo_id}?expand=config")
    assert body["config"] == extract


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("path", "fragment"),
    [
        ("/api/models/acme/bert?expand=sha&expand=nonsense", "Invalid option: expected one of"),
        ("/api/models/acme/bert?expand=sha&expand=nonsense", "at expand[1]"),
        ("/api/models/acme/bert?expand=_id", "Invalid option"),
        ("/api/models?expand=usedStorage", "Invalid option"),
        ("/api/models?limit=none", "limit"),
        ("/api/models?cursor=%21", "cursor"),
        ("/api/models?sort=likes&cursor=WyJhIiwxXQ%3D%3D", "cursor"),
        ("/api/models/acme/bert/tree/main?cursor=WyJhIl0%3D", "cursor"),
        ("/api/models?sort=colour", "sort"),
    ],
)
async def test_an_invalid_parameter_is_a_400(
    hub: LocalHub, http: aiohttp.ClientSession, path: str, fragment: str
) -> None:
    async with http.get(hub.endpoint + path) as response:
        assert response.status == 400
        assert fragment in (await response.json())["error"]


@pytest.mark.asyncio
async def test_a_mirror_may_ignore_expand(catalog: Catalog, http: aiohttp.ClientSession) -> None:
    async with LocalHub(catalog, HubOptions(ignore_expand=True)) as hub:
        assert "modelId" in await get_json(http, f"{hub.endpoint}/api/models/acme/bert?expand=sha")


@pytest.mark.asyncio
@pytest.mark.parametrize("revision", ["main", "HEAD", "v1", "a" * 40, "a" * 8, "refs%2Fpr%2F1", "refs%2Fheads%2Fmain"])
async def test_a_revision_may_be_a_branch_a_tag_a_pull_request_or_a_commit(
    hub: LocalHub, http: aiohttp.ClientSession, revision: str
) -> None:
    commit = "a" * 40
    hub.catalog.change("acme/bert", git_tags={"v1": commit}, branches={"main": commit, "refs/pr/1": commit})
    for path in (f"/api/models/acme/bert/revision/{revision}", f"/acme/bert/resolve/{revision}/config.json"):
        async with http.get(URL(hub.endpoint + path, encoded=True)) as response:
            assert response.status == 200


@pytest.mark.asyncio
async def test_a_push_moves_the_branch_and_keeps_the_old_commit(hub: LocalHub, http: aiohttp.ClientSession) -> None:
    config = {"architectures": ["BertModel"], "model_type": "bert"}
    pushed = hub.catalog.push("acme/bert", {"config.json": config, "onnx/model.onnx": None, "extra.txt": "hello"})
    body = await get_json(http, f"{hub.endpoint}/api/models/acme/bert")
    names = [sibling["rfilename"] for sibling in body["siblings"]]
    assert body["sha"] == pushed
    assert body["config"]["architectures"] == ["BertModel"]
    assert "extra.txt" in names and "onnx/model.onnx" not in names
    old = await get_json(http, f"{hub.endpoint}/api/models/acme/bert/revision/{'a' * 40}")
    assert old["sha"] == "a" * 40
    assert old["config"]["architectures"] == ["BertForMaskedLM"]


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("path", "location"),
    [
        ("/api/models/legacy", "/api/models/acme/bert"),
        ("/api/models/legacy?expand[]=author", "/api/models/acme/bert?expand[]=author"),
        ("/api/models/ACME/Bert", "/api/models/acme/bert"),
        ("/api/models/acme/resnet.a1/tree/main", "/api/models/acme/Resnet.a1/tree/main"),
        ("/api/models/acme/b%45RT/revision/refs%2Fpr%2F1", "/api/models/acme/bert/revision/refs%2Fpr%2F1"),
        ("/legacy/resolve/main/config.json", "/acme/bert/resolve/main/config.json"),
    ],
)
async def test_legacy_renamed_and_miscased_ids_redirect_relatively(
    hub: LocalHub, http: aiohttp.ClientSession, path: str, location: str
) -> None:
    async with http.get(URL(hub.endpoint + path, encoded=True), allow_redirects=False) as response:
        assert (response.status, response.headers["Location"]) == (307, location)
        assert response.content_type == "text/plain"
        assert "X-Repo-Commit" not in response.headers and "X-Error-Code" not in response.headers
        assert "RateLimit" in response.headers


@pytest.mark.asyncio
async def test_a_rename_keeps_the_object_id_and_redirects_old_names(hub: LocalHub, http: aiohttp.ClientSession) -> None:
    before = await get_json(http, f"{hub.endpoint}/api/models/acme/bert")
    hub.catalog.rename("acme/bert", "other/bert-2")
    for old in ("acme/bert", "legacy", "Acme/BERT"):
        after = await get_json(http, f"{hub.endpoint}/api/models/{old}")
        assert (after["id"], after["_id"], after["author"]) == ("other/bert-2", before["_id"], "other")


@pytest.mark.asyncio
async def test_a_one_part_id_is_served_as_it_is(hub: LocalHub, http: aiohttp.ClientSession) -> None:
    for path in ("/api/models/single", "/api/models/single/revision/main"):
        body = await get_json(http, hub.endpoint + path)
        assert body["id"] == "single" and "author" not in body


@pytest.mark.asyncio
async def test_listing_pages_are_linked_absolutely_and_keep_the_parameters(
    hub: LocalHub, http: aiohttp.ClientSession
) -> None:
    seen, url, pages = [], f"{hub.endpoint}/api/models?limit=2&author=acme&expand=sha&expand=siblings", 0
    while url:
        async with http.get(URL(url, encoded=True)) as response:
            items = await response.json()
            link = response.links.get("next")
            assert len(items) <= 2 and all(set(item) == {"_id", "id", "sha", "siblings"} for item in items)
            seen += [item["id"] for item in items]
            pages += 1
            url = response.headers["Link"].partition("<")[2].partition(">")[0] if link else ""
            assert not url or url.startswith(f"{hub.endpoint}/api/models?limit=2&author=acme&expand=sha")
    assert seen == ["acme/Resnet.a1", "acme/bert", "acme/gated", "acme/gguf", "acme/off", "acme/sd"]
    assert pages == 3


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("search=RESNET", ["acme/Resnet.a1"]),
        ("filter=diffusers", ["acme/sd"]),
        ("filter=transformers&filter=bert", ["acme/bert"]),
        ("filter=transformers&filter=diffusers", []),
        ("pipeline_tag=fill-mask", ["acme/bert"]),
        ("gated=true", ["acme/gated"]),
        ("author=nobody", []),
    ],
)
async def test_listing_filters(hub: LocalHub, http: aiohttp.ClientSession, query: str, expected: list[str]) -> None:
    assert [item["id"] for item in await get_json(http, f"{hub.endpoint}/api/models?{query}")] == expected


@pytest.mark.asyncio
@pytest.mark.parametrize("sort", ["downloads", "likes", "createdAt", "id"])
async def test_every_sort_order_visits_each_repo_once(hub: LocalHub, http: aiohttp.ClientSession, sort: str) -> None:
    seen, url = [], f"{hub.endpoint}/api/models?limit=3&sort={sort}"
    while url:
        async with http.get(url) as response:
            seen += [item["id"] for item in await response.json()]
            url = str(response.links["next"]["url"]) if "next" in response.links else ""
    assert sorted(seen) == sorted(set(seen)) and len(seen) == 7


@pytest.mark.asyncio
async def test_listing_shapes_follow_the_flags_and_hide_private_repos(
    hub: LocalHub, http: aiohttp.ClientSession, reader: dict[str, str]
) -> None:
    url = f"{hub.endpoint}/api/models?search=acme"
    plain, full = await get_json(http, url), await get_json(http, f"{url}&full=true&config=true")
    assert all("sha" not in item and "config" not in item for item in plain)
    assert all({"sha", "siblings", "config", "gated"} <= set(item) for item in full)
    assert "acme/hidden" not in {item["id"] for item in plain}
    assert "acme/hidden" in {item["id"] for item in await get_json(http, url, headers=reader)}


@pytest.mark.asyncio
async def test_tree_is_flat_or_recursive_and_comes_in_pages(catalog: Catalog, http: aiohttp.ClientSession) -> None:
    async with LocalHub(catalog, HubOptions(tree_page_size=2)) as hub:
        url = f"{hub.endpoint}/api/models/acme/bert/tree/main"
        first = await get_json(http, url)
        assert [(entry["type"], entry["path"]) for entry in first] == [("directory", "onnx"), ("file", "README.md")]
        paths, page = [], f"{url}?recursive=true"
        while page:
            async with http.get(page) as response:
                entries = await response.json()
                paths += [entry["path"] for entry in entries]
                page = str(response.links["next"]["url"]) if "next" in response.links else ""
        assert len(entries) <= 2
        assert sorted(paths) == sorted(
            ["onnx", "onnx/fp16", *dict(catalog.get("acme/bert").commits["a" * 40])]  # type: ignore[union-attr]
        )
        async with http.get(f"{url}/no-such-folder") as response:
            assert (response.status, response.headers["X-Error-Code"]) == (404, "EntryNotFound")


@pytest.mark.asyncio
async def test_large_files_have_an_lfs_entry_in_the_tree(hub: LocalHub, http: aiohttp.ClientSession) -> None:
    entries = await get_json(http, f"{hub.endpoint}/api/models/acme/bert/tree/main?expand=true")
    by_path = {entry["path"]: entry for entry in entries}
    assert len(by_path["model.safetensors"]["lfs"]["oid"]) == 64
    assert "lfs" not in by_path["config.json"] and len(by_path["config.json"]["oid"]) == 40
    assert by_path["config.json"]["lastCommit"]["id"] == "a" * 40


@pytest.mark.asyncio
@pytest.mark.parametrize("encoding", ["data", "json"])
async def test_paths_info_leaves_out_unknown_paths(hub: LocalHub, http: aiohttp.ClientSession, encoding: str) -> None:
    body: dict[str, Any] = {encoding: {"paths": ["config.json", "onnx", "nope"]}}
    if encoding == "data":
        body = {"data": [("paths", "config.json"), ("paths", "onnx"), ("paths", "nope"), ("expand", "false")]}
    async with http.post(f"{hub.endpoint}/api/models/acme/bert/paths-info/main", **body) as response:
        assert [(entry["path"], entry["type"]) for entry in await response.json()] == [
            ("config.json", "file"),
            ("onnx", "directory"),
        ]


@pytest.mark.asyncio
async def test_refs_and_commits_return_the_history(hub: LocalHub, http: aiohttp.ClientSession) -> None:
    pushed = hub.catalog.push("acme/bert", {"config.json": {}}, branch="refs/pr/7")
    refs = await get_json(http, f"{hub.endpoint}/api/models/acme/bert/refs?include_prs=1")
    assert refs["branches"] == [{"name": "main", "ref": "refs/heads/main", "targetCommit": "a" * 40}]
    assert refs["pullRequests"] == [{"name": "7", "ref": "refs/pr/7", "targetCommit": pushed}]
    history = await get_json(http, f"{hub.endpoint}/api/models/acme/bert/commits/refs%2Fpr%2F7")
    assert [commit["id"] for commit in history] == [pushed, "a" * 40]


@pytest.mark.asyncio
async def test_whoami_accepts_valid_tokens_only(
    hub: LocalHub, http: aiohttp.ClientSession, reader: dict[str, str]
) -> None:
    assert (await get_json(http, f"{hub.endpoint}/api/whoami-v2", headers=reader))["type"] == "user"
    async with http.get(f"{hub.endpoint}/api/whoami-v2") as response:
        assert response.status == 401


@pytest.mark.asyncio
@pytest.mark.parametrize("path", ["/api/agent-harnesses", "/api/models/a/b/c", "/api/models//b", "/acme/bert", "/"])
async def test_unknown_routes_are_a_404_without_a_code(hub: LocalHub, http: aiohttp.ClientSession, path: str) -> None:
    async with http.get(URL(hub.endpoint + path, encoded=True)) as response:
        assert response.status == 404
        assert "X-Error-Code" not in response.headers


@pytest.mark.asyncio
async def test_json_is_gzipped_only_where_switched_on_and_accepted(
    catalog: Catalog, http: aiohttp.ClientSession
) -> None:
    async with LocalHub(catalog, HubOptions(gzip=True)) as hub:
        async with http.get(f"{hub.endpoint}/api/models?full=true") as response:
            assert response.headers["Content-Encoding"] == "gzip"
            assert len(await response.json()) == 7
        plain = {"Accept-Encoding": "identity"}
        async with http.get(f"{hub.endpoint}/api/models?full=true", headers=plain) as response:
            assert "Content-Encoding" not in response.headers
