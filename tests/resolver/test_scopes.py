"""What was learned with a token is for that token alone, and the token itself is nowhere to be found."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from resolver.local_hub import HubOptions, LocalHub, faults
from resolver.resolution import Resolution
from resolver.resolver import Resolver
from resolver.settings import Settings
from tests.resolver.support import READER, STRANGER, TOKENS, answers, catalog_of, code_of, codes, settings_for

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
    async with Resolver(settings) as resolver:
        found = [
            item async for item in resolver.resolve_many([*HIDDEN, "acme/bert", "acme/sd", "acme/st", "acme/none"])
        ]
        shown = repr((settings, settings.filled(), resolver, found))
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
    assert READER not in repr(Settings(token=READER)) and READER not in repr(Settings(token=READER).filled({}))
