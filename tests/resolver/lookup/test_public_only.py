"""With `public_only` a token is used, and yet all is answered and remembered as without it; with `ids_only` nothing is
looked for on disk.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from resolver.answer import Failure
from resolver.local_hub import Catalog, HubOptions, LocalHub, faults
from resolver.local_hub.server.counts import LoggedRequest
from resolver.lookup.request import Request
from resolver.settings import Settings
from store.keys import ANONYMOUS, PUBLIC, derive_scope
from tests.resolver.support import (
    BERT_SHA,
    READER,
    TOKENS,
    answer,
    answers,
    bert_row,
    catalog_of,
    code_of,
    codes,
    open_resolver,
    rows_without_source,
    settings_for,
    wait_until_settled,
)


def token_of(request: LoggedRequest) -> str:
    return request.headers.get("Authorization", "").removeprefix("Bearer ")


EVERY_KIND: list[Request] = [
    "acme/bert",
    "acme/private",
    "acme/gated",
    "acme/disabled",
    "acme/words",
    "acme/missing",
    "legacy",
    *((name, "nope") for name in ("acme/bert", "acme/private", "acme/gated", "acme/missing")),
    *((name, sha * 40) for name, sha in (("acme/bert", "a"), ("acme/private", "f"), ("acme/gated", "e"))),
]


def as_service(hub: LocalHub, store: Path, **more: Any) -> Settings:
    return settings_for(hub, store, **{"token": READER, "public_only": True, "ids_only": True, **more})


@pytest.mark.parametrize("lean", [False, True])
async def test_every_kind_of_repo_is_answered_as_without_the_token(hub: LocalHub, store: Path, lean: bool) -> None:
    hub.catalog.change("acme/gated", extract={}, pipeline_tag="text-ranking")
    expected = await answers(settings_for(hub, store.with_name("anonymous"), lean=lean), EVERY_KIND)
    told = await answers(as_service(hub, store, lean=lean), EVERY_KIND)
    assert rows_without_source(told) == rows_without_source(expected)
    again = await answers(as_service(hub, store, lean=lean), EVERY_KIND)
    offline = await answers(as_service(hub, store, lean=lean, offline=True), EVERY_KIND)
    for later in (again, offline):
        assert [isinstance(item, Failure) for item in later] == [isinstance(item, Failure) for item in expected]


async def test_the_token_asks_for_what_is_public(hub: LocalHub, store: Path) -> None:
    await answers(as_service(hub, store), ["acme/bert", "acme/sd", "acme/st"])
    assert {token_of(entry) for entry in hub.requests} == {READER}


async def test_nothing_is_stored_for_the_token(hub: LocalHub, store: Path) -> None:
    await answers(as_service(hub, store), EVERY_KIND)
    with closing(sqlite3.connect(store)) as connection:
        scopes = {scope for (scope,) in connection.execute("SELECT scope FROM refs UNION SELECT scope FROM facts")}
    assert scopes == {PUBLIC, ANONYMOUS} and derive_scope(READER) not in scopes


@pytest.mark.parametrize("revision", ["main", "nope"])
async def test_a_private_repo_takes_the_same_requests_as_a_missing_one(
    hub: LocalHub, tmp_path: Path, revision: str
) -> None:
    """What could be counted or timed is the same: model info with the token, then what a stranger does."""
    seen = []
    for name in ("acme/private", "acme/missing"):
        hub.reset_counts()
        for _ in range(2):
            await codes(as_service(hub, tmp_path / name.replace("/", "-")), [(name, revision)])
        await wait_until_settled(lambda: len(hub.requests))
        # The file that is requested beside model info may be cancelled before it is sent.
        sent = [(entry.path.replace(name, "X"), token_of(entry)) for entry in hub.requests]
        seen.append([(path, token) for path, token in sent if path.startswith("/api/")])
    assert seen[0] == seen[1] and seen[0]


async def test_a_listing_hides_what_only_the_token_sees(store: Path) -> None:
    rows = [bert_row(f"acme/r{number:02}", private=number % 3 == 0) for number in range(60)]
    async with LocalHub(catalog_of(*rows), HubOptions(tokens=TOKENS)) as hub:
        found = await codes(as_service(hub, store), [row["id"] for row in rows])
        assert found == ["repo_not_found" if number % 3 == 0 else None for number in range(60)]
        async with open_resolver(as_service(hub, store)) as resolver:
            listed = [item.repo_id async for item in resolver.resolve_listing(author="acme")]
        assert listed == [row["id"] for row in rows if not row["private"]]


async def test_a_public_repo_that_turns_private_is_told_no_longer_after_the_next_check(
    hub: LocalHub, store: Path
) -> None:
    assert await codes(as_service(hub, store), ["acme/bert", ("acme/bert", BERT_SHA)]) == [None] * 2
    hub.catalog.change("acme/bert", private=True)
    assert await codes(as_service(hub, store, refresh=True), ["acme/bert"]) == ["repo_not_found"]
    wanted: list[Request] = ["acme/bert", ("acme/bert", BERT_SHA), "legacy"]
    assert None not in await codes(as_service(hub, store, offline=True), wanted)


async def test_a_server_that_does_not_tell_private_repos_is_asked_without_the_token(hub: LocalHub, store: Path) -> None:
    silent = faults.Edit(change_body=lambda body: body.replace(b'"private":true', b'"x":0'))
    hub.faults.add(silent, "/api/models/*", times=None)
    assert await codes(as_service(hub, store), ["acme/private"]) == ["repo_not_found"]


async def test_a_token_that_the_hub_refuses_does_not_fail_what_is_public(hub: LocalHub, store: Path) -> None:
    assert await codes(as_service(hub, store, token="hf_revoked_long_ago"), ["acme/bert"]) == [None]


@pytest.mark.parametrize("path", ["./acme/bert", "acme/bert/x", "~", "/", "..", "acme/../acme/bert", "acme\\bert"])
async def test_a_path_is_refused(
    hub: LocalHub, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    folder = tmp_path / "here" / "acme" / "bert"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(b"")
    monkeypatch.chdir(tmp_path / "here")
    assert await codes(as_service(hub, store), [path, Path("acme/bert")]) == ["invalid_repo_id"] * 2


async def test_an_id_is_a_repo_though_a_folder_has_its_name_and_the_disk_is_not_looked_at(
    hub: LocalHub, catalog: Catalog, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "here" / "acme" / "bert"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text('{"model_type": "gpt2", "architectures": ["GPT2LMHeadModel"]}')
    (folder / "model.safetensors").write_bytes(b"")
    monkeypatch.chdir(tmp_path / "here")
    assert (await answer(settings_for(hub, store), "acme/bert")).source == "local"
    looked_at: list[str] = []

    def record(event: str, arguments: tuple[object, ...]) -> None:
        if event in ("os.listdir", "os.scandir") and is_recording:
            looked_at.append(str(arguments[0]))

    is_recording = True
    sys.addaudithook(record)
    try:
        found = await answer(as_service(hub, store), "acme/bert")
        (many,) = await answers(as_service(hub, store), ["acme/bert"])
    finally:
        is_recording = False
    assert (found.model_type, found.source) == ("bert", "hub") and many.repo_id == "acme/bert"
    assert [path for path in looked_at if path in (".", os.fspath(tmp_path / "here"), "None")] == []


async def test_the_hugging_face_cache_is_not_read(hub: LocalHub, store: Path, tmp_path: Path) -> None:
    from huggingface_hub import hf_hub_download

    cache = tmp_path / "cache"
    fetch = asyncio.to_thread(
        hf_hub_download, "acme/private", "config.json", cache_dir=cache, endpoint=hub.endpoint, token=READER
    )
    await fetch
    mine = settings_for(hub, store, cache_dir=cache, offline=True)
    assert await codes(mine, ["acme/private"]) == [None]
    assert await codes(as_service(hub, store, cache_dir=cache, offline=True), ["acme/private"]) == ["offline_miss"]
    # Nor while the Hub does not answer, when a cached answer might stand in.
    hub.faults.add(faults.failing(503), "*", times=None)
    down: list[Request] = ["acme/private", ("acme/private", "f" * 40)]
    assert await codes(settings_for(hub, tmp_path / "mine", cache_dir=cache, max_stale_s=1e9), down[1:]) == [None]
    found = await answers(as_service(hub, store, cache_dir=cache, max_stale_s=1e9), down)
    assert [code_of(item) for item in found] == ["hub_unavailable"] * 2
    assert not any("cache" in str(item.error) for item in found if isinstance(item, Failure))
