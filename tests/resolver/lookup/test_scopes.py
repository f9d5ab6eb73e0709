"""What was learned with a token is for that token alone, and the token itself is nowhere to be found."""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import Any, Literal

import pytest

from resolver.local_hub import HubOptions, LocalHub, faults
from resolver.lookup.request import Request
from resolver.resolution import Resolution
from resolver.settings import Settings
from store.bundle.exporting import export_bundle
from store.bundle.importing import import_bundle
from store.store import MetadataStore
from tests.resolver.support import (
    BERT_SHA,
    READER,
    STRANGER,
    TOKENS,
    answers,
    catalog_of,
    code_of,
    codes,
    open_resolver,
    settings_for,
)

HIDDEN = ["acme/private", "acme/gated"]


async def test_a_private_repo_is_answered_to_nobody_but_who_may_see_it(hub: LocalHub, store: Path) -> None:
    assert await codes(settings_for(hub, store, token=READER), ["acme/private"]) == [None]
    assert await codes(settings_for(hub, store, token=READER, offline=True), ["acme/private"]) == [None]
    for token in (STRANGER, False):
        offline = settings_for(hub, store, token=token, offline=True)
        assert await codes(offline, ["acme/private", ("acme/private", "f" * 40)]) == ["offline_miss"] * 2
        assert await codes(settings_for(hub, store, token=token), ["acme/private"]) == ["repo_not_found"]


async def test_what_a_token_read_of_a_gated_repo_stays_with_it(hub: LocalHub, store: Path) -> None:
    hub.catalog.change("acme/gated", extract={}, pipeline_tag="text-ranking")
    (inside,) = await answers(settings_for(hub, store, token=READER), ["acme/gated"])
    assert isinstance(inside, Resolution) and inside.architecture == "BertForMaskedLM"
    for token in (STRANGER, False):
        assert await codes(settings_for(hub, store, token=token, offline=True), ["acme/gated"]) == ["offline_miss"]
        (outside,) = await answers(settings_for(hub, store, token=token), ["acme/gated"])
        assert isinstance(outside, Resolution) and outside.architecture is None
        assert any("gated" in note for note in outside.decision.notes)


async def test_a_file_that_was_out_of_reach_is_asked_for_again(hub: LocalHub, store: Path) -> None:
    hub.catalog.change("acme/gated", extract={}, pipeline_tag="text-ranking")
    (outside,) = await answers(settings_for(hub, store), ["acme/gated"])
    hub.catalog.change("acme/gated", gated=None)
    (granted,) = await answers(settings_for(hub, store, refresh=True), ["acme/gated"])
    assert isinstance(outside, Resolution) and isinstance(granted, Resolution)
    assert (outside.architecture, granted.architecture) == (None, "BertForMaskedLM")


@pytest.mark.parametrize(
    ("turned", "checked_by"),
    [
        ({"private": True}, READER),
        ({"private": True}, STRANGER),
        ({"private": True}, False),
        ({"gated": "manual"}, READER),
        ({"gated": "manual"}, STRANGER),
    ],
    ids=str,
)
async def test_a_repo_that_turns_private_or_gated_is_answered_to_no_other_after_the_next_check(
    hub: LocalHub, store: Path, turned: dict[str, Any], checked_by: str | Literal[False]
) -> None:
    wanted: list[Request] = ["acme/bert", "legacy", ("acme/bert", BERT_SHA)]
    await codes(settings_for(hub, store), [*wanted, "acme/sd"])
    hub.catalog.change("acme/bert", **turned)
    mine = settings_for(hub, store, token=checked_by, refresh=True)
    assert await codes(mine, ["acme/bert"]) == (
        ["repo_not_found"] if "private" in turned and checked_by != READER else [None]
    )
    for token in {READER, STRANGER, False} - {checked_by}:
        others = settings_for(hub, store, token=token, offline=True)
        assert None not in await codes(others, wanted)
        assert await codes(others, ["acme/sd"]) == [None]


async def test_a_repo_that_is_public_again_is_answered_to_all_again(hub: LocalHub, store: Path) -> None:
    await codes(settings_for(hub, store), ["acme/bert"])
    hub.catalog.change("acme/bert", private=True)
    assert await codes(settings_for(hub, store, refresh=True), ["acme/bert"]) == ["repo_not_found"]
    hub.catalog.change("acme/bert", private=False)
    # Of the same second the tombstone wins.
    async with open_resolver(settings_for(hub, store, refresh=True), clock=lambda: time.time() + 1) as resolver:
        await resolver.resolve("acme/bert")
    assert await codes(settings_for(hub, store, token=STRANGER, offline=True), ["acme/bert"]) == [None]


async def test_a_revision_that_is_gone_takes_no_other_along(hub: LocalHub, store: Path) -> None:
    hub.catalog.push("acme/bert", {"new": "x"}, branch="dev")
    await codes(settings_for(hub, store), ["acme/bert", ("acme/bert", "dev")])
    hub.catalog.change("acme/bert", branches={"main": BERT_SHA})
    assert await codes(settings_for(hub, store, token=READER, refresh=True), [("acme/bert", "dev")]) == [
        "revision_not_found"
    ]
    offline = settings_for(hub, store, token=STRANGER, offline=True)
    assert await codes(offline, ["acme/bert", ("acme/bert", "dev")]) == [None, "offline_miss"]


async def test_an_older_bundle_does_not_bring_back_what_turned_private(
    hub: LocalHub, store: Path, tmp_path: Path
) -> None:
    await codes(settings_for(hub, store), ["acme/bert", ("acme/bert", BERT_SHA)])
    async with MetadataStore(store) as opened:
        await export_bundle(opened, tmp_path / "bundle")
    hub.catalog.change("acme/bert", private=True)
    await codes(settings_for(hub, store, token=READER, refresh=True), ["acme/bert"])
    async with MetadataStore(store) as opened:
        await import_bundle(opened, tmp_path / "bundle")
    offline = settings_for(hub, store, offline=True)
    assert await codes(offline, ["acme/bert", ("acme/bert", BERT_SHA)]) == ["offline_miss"] * 2


async def test_what_is_public_is_shared(hub: LocalHub, store: Path) -> None:
    await codes(settings_for(hub, store, token=READER), ["acme/bert"])
    hub.reset_counts()
    for token in (False, STRANGER, READER):
        assert await codes(settings_for(hub, store, token=token), ["acme/bert"]) == [None]
    assert hub.count.total == 0


async def test_a_server_that_does_not_say_what_is_private_is_not_trusted_with_sharing(store: Path) -> None:
    async with LocalHub(catalog_of(), HubOptions(tokens=TOKENS)) as hub:

        def silent(body: bytes) -> bytes:
            return body.replace(b'"private":true', b'"x":0').replace(b'"private":false', b'"x":0')

        hub.faults.add(faults.Edit(change_body=silent), "/api/models/*", times=None)
        assert await codes(settings_for(hub, store, token=READER), ["acme/private", "acme/bert"]) == [None, None]
        for token in (False, STRANGER):
            offline = settings_for(hub, store, token=token, offline=True)
            assert await codes(offline, ["acme/private", "acme/bert"]) == ["offline_miss"] * 2


async def test_another_endpoint_is_another_world(hub: LocalHub, store: Path) -> None:
    await codes(settings_for(hub, store), ["acme/bert"])
    assert await codes(settings_for("http://127.0.0.1:9", store, offline=True), ["acme/bert"]) == ["offline_miss"]


async def test_the_token_is_in_no_file_log_error_or_repr(
    hub: LocalHub, store: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    settings = settings_for(hub, store, token=READER)
    hub.faults.add(faults.failing(500), "/api/models/acme/sd/*", times=None)
    hub.faults.add(faults.failing(403, message="no"), "/api/models/acme/st/*", times=None)
    async with open_resolver(settings) as resolver:
        found = [
            item async for item in resolver.resolve_many([*HIDDEN, "acme/bert", "acme/sd", "acme/st", "acme/none"])
        ]
        shown = repr((settings, settings.fill(), resolver, found))
        shown += "".join(str(item.error) for item in found if not isinstance(item, Resolution))
        files = b"".join(path.read_bytes() for path in store.parent.glob("store.sqlite3*"))
    assert [code_of(item) for item in found].count(None) == 3
    assert len(files) > 1000
    assert READER.encode() not in files and READER not in shown and READER not in caplog.text


async def test_the_token_comes_from_the_environment_or_the_token_file(
    hub: LocalHub, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", READER)
    assert await codes(settings_for(hub, store, token=None), ["acme/private"]) == [None]
    monkeypatch.delenv("HF_TOKEN")
    (tmp_path / "hf-home").mkdir(exist_ok=True)
    (tmp_path / "hf-home" / "token").write_text(f"{READER}\n")
    assert await codes(settings_for(hub, store, token=None, offline=True), ["acme/private"]) == [None]
    assert await codes(settings_for(hub, store, token=None, refresh=True), ["acme/private"]) == [None]


def test_settings_show_no_token() -> None:
    assert READER not in repr(Settings(token=READER)) and READER not in repr(Settings(token=READER).fill({}))
