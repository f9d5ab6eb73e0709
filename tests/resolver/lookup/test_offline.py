"""Offline: no socket, the store first, then the local Hugging Face cache, else a clear refusal."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest
from huggingface_hub.errors import EntryNotFoundError

from resolver.errors import OfflineError
from resolver.local_hub import Catalog, HubOptions, LocalHub
from resolver.resolution import Resolution, Source
from tests.resolver.support import (
    BERT,
    BERT_SHA,
    READER,
    ROWS,
    TOKENS,
    Clock,
    answer,
    answers,
    catalog_of,
    codes,
    rows_without_source,
    settings_for,
)

PUBLIC = [row["id"] for row in ROWS if not ({"private", "disabled", "repo_type", "gated"} & row.keys())]
NO_HUB = "http://127.0.0.1:9"


@pytest.fixture
def no_sockets(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """From its call on, whoever connects to anything fails the test."""

    def forbid(*_: Any, **__: Any) -> Any:
        raise AssertionError("a socket was used while offline")

    def block() -> None:
        for name in ("connect", "connect_ex", "sendto", "bind"):
            monkeypatch.setattr(socket.socket, name, forbid)
        monkeypatch.setattr(socket, "getaddrinfo", forbid)
        monkeypatch.setattr(socket, "create_connection", forbid)

    return block


async def test_the_store_answers_offline_whatever_the_age_and_without_a_socket(
    catalog: Catalog, store: Path, clock: Clock, no_sockets: Callable[[], None]
) -> None:
    async with LocalHub(catalog) as hub:
        online = await answers(settings_for(hub, store), [*PUBLIC, "legacy", ("acme/bert", BERT_SHA)])
    clock.now_s += 10 * 365 * 24 * 3600
    no_sockets()
    settings = settings_for(hub, store, offline=True, token=None)
    offline = await answers(settings, [*PUBLIC, "legacy", ("acme/bert", BERT_SHA)])
    assert {item.source for item in offline if isinstance(item, Resolution)} == {Source.STORE}
    assert rows_without_source(offline) == rows_without_source(online)
    old = await answer(settings, "acme/bert", clock=clock)
    pinned = await answer(settings, "acme/bert", BERT_SHA, clock=clock)
    assert (old.task, old.stale, pinned.stale) == ("fill-mask", True, False)
    assert not any(item.stale for item in offline if isinstance(item, Resolution))


async def test_what_nobody_knows_is_a_clear_miss(store: Path, no_sockets: Callable[[], None]) -> None:
    no_sockets()
    settings = settings_for(NO_HUB, store, offline=True, token=None)
    assert await codes(settings, ["acme/bert", "a--b", ("acme/bert", "v2")]) == [
        *("offline_miss", "invalid_repo_id", "offline_miss")
    ]
    with pytest.raises(OfflineError, match="acme/bert@main"):
        await answer(settings, "acme/bert")


@pytest.mark.parametrize("name", ["HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"])
@pytest.mark.parametrize("value", ["1", "true", "ON", "Yes"])
async def test_the_environment_can_forbid_the_network(
    store: Path, monkeypatch: pytest.MonkeyPatch, no_sockets: Callable[[], None], name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    no_sockets()
    assert await codes(settings_for(NO_HUB, store, offline=None), ["acme/bert"]) == ["offline_miss"]


async def test_a_stale_ref_is_good_enough_offline_and_unknown_revisions_are_not(
    hub: LocalHub, store: Path, clock: Clock
) -> None:
    await answer(settings_for(hub, store), "acme/bert", clock=clock)
    clock.now_s += 10**8
    offline = settings_for(hub, store, offline=True, max_age_s=0)
    assert (await answer(offline, "acme/bert", clock=clock)).commit_hash == BERT_SHA
    assert await codes(offline, [("acme/bert", "v1")]) == ["offline_miss"]


async def test_a_miss_says_what_would_answer_it(hub: LocalHub, store: Path) -> None:
    await answers(settings_for(hub, store), ["legacy", "acme/sd"])
    await answers(settings_for(hub, store, token=READER), ["acme/private"])
    known = ((("acme/bert", "v9"), "acme/bert@main"), (("legacy", "v9"), "legacy@main"))
    for asked, named in known:
        with pytest.raises(OfflineError, match=rf"the store knows.*{named} \(seen \d+ days ago\)"):
            await answer(settings_for(hub, store, offline=True), *asked)
    with pytest.raises(OfflineError, match=f"the store knows it from: {hub.endpoint}"):
        await answer(settings_for(NO_HUB, store, offline=True), "acme/sd")
    with pytest.raises(OfflineError) as caught:
        await answer(settings_for(hub, store, offline=True), "acme/private", "v9")
    assert "the store knows" not in str(caught.value)
    with pytest.raises(OfflineError, match="the store knows"):
        await answer(settings_for(hub, store, token=READER, offline=True), "acme/private", "v9")


@pytest.mark.usefixtures("hf_hub")
async def test_the_cache_of_a_renamed_repo_answers_under_both_names(hub: LocalHub, store: Path, tmp_path: Path) -> None:
    await answers(settings_for(hub, store), ["legacy"])
    hub.catalog.push("acme/bert", {"config.json": BERT, "new": "x"}, branch="dev")
    await download(hub, tmp_path / "hf-home" / "hub", repo_id="legacy", revision="dev")
    for name in ("legacy", "acme/bert"):
        found = await answer(settings_for(hub, store, offline=True), name, "dev")
        assert (found.source, found.architecture) == (Source.HF_CACHE, "BertForMaskedLM")


@pytest.fixture
def hf_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    """huggingface_hub's own client asks nobody else and draws nothing."""
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_DISABLE_TELEMETRY", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_DISABLE_PROGRESS_BARS", True)


async def download(hub: LocalHub, cache: Path, *files: str, repo_id: str = "acme/bert", **more: Any) -> None:
    """Fill the cache as a user's program does."""
    common = {"repo_id": repo_id, "cache_dir": cache, "endpoint": hub.endpoint, "token": False, **more}

    def fill() -> None:
        if not files:
            huggingface_hub.snapshot_download(**common)
        for file in files:
            with contextlib.suppress(EntryNotFoundError):
                huggingface_hub.hf_hub_download(filename=file, **common)

    await asyncio.to_thread(fill)


CACHED: dict[str, tuple[tuple[str, ...], dict[str, Any]]] = {
    "a whole snapshot": ((), {}),
    "config.json alone": (("config.json",), {}),
    "config and weights": (("config.json", "model.safetensors"), {}),
    "all but the weights": ((), {"ignore_patterns": ["*.safetensors"]}),
    "all but the config": ((), {"ignore_patterns": ["config.json"]}),
}


@pytest.mark.usefixtures("hf_hub")
@pytest.mark.parametrize("name", CACHED)
async def test_the_hugging_face_cache_answers_where_the_store_cannot(
    store: Path, tmp_path: Path, no_sockets: Callable[[], None], name: str
) -> None:
    files, more = CACHED[name]
    cache = tmp_path / "hf-home" / "hub"
    catalog = catalog_of()
    card = "---\npipeline_tag: fill-mask\nlibrary_name: transformers\n---\n# BERT\n"
    catalog.push("acme/bert", {"README.md": card})
    async with LocalHub(catalog, HubOptions(http_error_codes=True)) as hub:
        await download(hub, cache, *files, **more)
        online = await answer(settings_for(hub, tmp_path / "other.sqlite3"), "acme/bert")
    no_sockets()
    settings = settings_for(NO_HUB, store, offline=True, token=None)
    found = await answer(settings, "acme/bert")
    assert (found.source, found.commit_hash) == (Source.HF_CACHE, online.commit_hash)
    assert (found.library, found.task) == (online.library, online.task)
    if name != "all but the config":
        assert (found.architecture, found.model_class) == (online.architecture, online.model_class)
    if name != "config.json alone":
        assert found.framework == "pt"
    pinned = await answer(settings, "acme/bert", online.commit_hash)
    assert pinned.decision == found.decision
    assert await codes(settings, [("acme/bert", "dev")]) == ["offline_miss"]


@pytest.mark.usefixtures("hf_hub")
async def test_a_whole_snapshot_gives_the_same_lines_as_the_hub(store: Path, tmp_path: Path) -> None:
    card = "---\npipeline_tag: {}\nlibrary_name: {}\n---\n"
    catalog = catalog_of()
    ids = ["acme/bert", "acme/sd", "acme/st"]
    for repo_id in ids:
        repo = catalog.get(repo_id)
        assert repo is not None
        catalog.push(repo_id, {"README.md": card.format(repo.pipeline_tag, repo.library_name)})
    async with LocalHub(catalog, HubOptions(http_error_codes=True)) as hub:
        for repo_id in ids:
            await download(hub, tmp_path / "hf-home" / "hub", repo_id=repo_id)
        online = await answers(settings_for(hub, tmp_path / "other.sqlite3"), ids)
    offline = await answers(settings_for(NO_HUB, store, offline=True), ids)
    assert {item.source for item in offline if isinstance(item, Resolution)} == {Source.HF_CACHE}
    assert rows_without_source(offline) == rows_without_source(online)


@pytest.mark.usefixtures("hf_hub")
async def test_a_file_known_to_be_missing_is_knowledge(store: Path, tmp_path: Path) -> None:
    cache = tmp_path / "hf-home" / "hub"
    async with LocalHub(catalog_of(), HubOptions(http_error_codes=True)) as hub:
        await download(hub, cache, "config.json", "model_index.json", repo_id="acme/sd")
    assert (cache / "models--acme--sd" / ".no_exist" / ("b" * 40) / "config.json").exists()
    assert (await answer(settings_for(NO_HUB, store, offline=True), "acme/sd")).library == "diffusers"


@pytest.mark.usefixtures("hf_hub")
async def test_the_store_counts_before_the_cache(store: Path, tmp_path: Path) -> None:
    catalog = catalog_of()
    async with LocalHub(catalog, HubOptions(http_error_codes=True, tokens=TOKENS)) as hub:
        await download(hub, tmp_path / "hf-home" / "hub")
        head = catalog.push("acme/bert", {"config.json": BERT, "new": "x"})
        await answer(settings_for(hub, store), "acme/bert")
    found = await answer(settings_for(hub, store, offline=True), "acme/bert")
    assert (found.source, found.commit_hash) == (Source.STORE, head)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("refs/main", "not a commit"),
        ("refs/main", ""),
        ("refs/main/x", "a folder"),
        ("trees/" + "a" * 40 + ".json", "not JSON"),
        ("trees/" + "a" * 40 + ".json", '{"format_version": 99, "files": {}}'),
        ("trees/" + "a" * 40 + ".json", '{"format_version": 1, "files": [7]}'),
        ("trees/" + "a" * 40 + ".json", "[" * 10_000),
        ("snapshots/" + "a" * 40, "a file"),
    ],
)
async def test_a_damaged_cache_is_a_miss(store: Path, tmp_path: Path, path: str, text: str) -> None:
    repo = tmp_path / "hf-home" / "hub" / "models--acme--bert"
    file = repo / path
    file.parent.mkdir(parents=True)
    file.write_text(text)
    if not path.startswith("refs"):
        (repo / "refs").mkdir()
        (repo / "refs" / "main").write_text("a" * 40)
    assert await codes(settings_for(NO_HUB, store, offline=True), ["acme/bert"]) == ["offline_miss"]
