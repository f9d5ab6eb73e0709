"""Redirects: former names, wrong case, the hop of small files, other origins, and those that lead nowhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from resolver.errors import HubResponseError
from resolver.local_hub import Catalog, HubOptions, LocalHub, faults
from resolver.resolution import Source
from tests.resolver.support import BERT_SHA, READER, TOKENS, answer, bert_row, catalog_of, settings_for

INFO, RESOLVE = "/api/models/*", "*/resolve/*"


@pytest.mark.parametrize("asked", ["legacy", "Acme/Bert", "acme/BERT", "old-owner/old-name"])
async def test_a_repo_is_found_under_every_name_and_known_under_both(
    hub: LocalHub, catalog: Catalog, store: Path, asked: str
) -> None:
    catalog.alias("old-owner/old-name", "acme/bert")
    found = await answer(settings_for(hub, store), asked)
    assert (found.repo_id, found.canonical_id, found.commit_hash) == (asked, "acme/bert", BERT_SHA)
    offline = settings_for(hub, store, offline=True)
    for name in (asked, "acme/bert"):
        again = await answer(offline, name)
        assert (again.repo_id, again.canonical_id, again.source) == (name, "acme/bert", Source.STORE)
        assert again.decision == found.decision


async def test_a_repo_renamed_since_keeps_its_facts(hub: LocalHub, catalog: Catalog, store: Path) -> None:
    await answer(settings_for(hub, store), "acme/bert")
    catalog.rename("acme/bert", "newowner/newname")
    found = await answer(settings_for(hub, store, refresh=True), "acme/bert")
    assert (found.canonical_id, found.task) == ("newowner/newname", "fill-mask")
    assert (await answer(settings_for(hub, store, offline=True), "newowner/newname")).task == "fill-mask"


async def test_the_redirect_of_small_files_is_followed_and_not_needed(store: Path, tmp_path: Path) -> None:
    for number, direct in enumerate((False, True)):
        async with LocalHub(catalog_of(), HubOptions(direct_files=direct)) as hub:
            found = await answer(settings_for(hub, tmp_path / f"{number}.sqlite3"), "acme/bert")
            assert found.task == "fill-mask"
            assert hub.count.kind["resolve_cache"] == (0 if direct else 1)


async def test_the_token_goes_to_the_hub_and_never_to_a_file_server(store: Path) -> None:
    options = HubOptions(tokens=TOKENS, lfs_threshold_bytes=1)
    async with LocalHub(catalog_of(bert_row("acme/large", private=True)), options) as hub:
        found = await answer(settings_for(hub, store, token=READER), "acme/large")
        assert found.task == "fill-mask" and not found.decision.notes
        elsewhere = [entry for entry in hub.requests if entry.kind == "cdn"]
        assert len(elsewhere) == 1 and elsewhere[0].status == 200
        for entry in hub.requests:
            assert entry.headers.get("Authorization") == (None if entry in elsewhere else f"Bearer {READER}")


async def test_the_token_does_not_follow_model_info_to_another_origin(hub: LocalHub, store: Path) -> None:
    async with LocalHub(catalog_of()) as other:
        hub.faults.add(faults.redirect_to(f"{other.endpoint}/api/models/acme/bert"), INFO, times=None)
        found = await answer(settings_for(hub, store, token=READER), "acme/bert")
        assert found.task == "fill-mask"
        assert other.count.total == 1 and "Authorization" not in other.requests[0].headers


@pytest.mark.parametrize("path", [INFO, RESOLVE])
@pytest.mark.parametrize(
    "fault",
    [
        faults.redirect_loop(),
        faults.redirect_to("file:///etc/passwd"),
        faults.redirect_to("ftp://127.0.0.1/x"),
        faults.redirect_to("gopher:x"),
        faults.redirect_to("http://"),
        faults.redirect_to("http://[::1"),
        faults.redirect_to("http://127.0.0.1:99999/"),
        faults.redirect_to("javascript:alert(1)"),
        faults.redirect_to(""),
        faults.Reply(status=302),
        faults.Reply(status=304),
    ],
    ids=["loop", "file", "ftp", "gopher", "no host", "half address", "port", "script", "empty", "no location", "304"],
)
async def test_a_redirect_that_leads_nowhere_is_a_bad_response(
    hub: LocalHub, store: Path, path: str, fault: faults.Action
) -> None:
    hub.faults.add(fault, path, times=None)
    with pytest.raises(HubResponseError, match="acme/bert"):
        await answer(settings_for(hub, store), "acme/bert")


async def test_a_redirect_to_a_dead_server_is_the_hub_being_unavailable(hub: LocalHub, store: Path) -> None:
    async with LocalHub(catalog_of()) as gone:
        dead = gone.endpoint
    hub.faults.add(faults.redirect_to(f"{dead}/api/models/acme/bert"), INFO, times=None)
    with pytest.raises(Exception, match="cannot be reached") as caught:
        await answer(settings_for(hub, store), "acme/bert")
    assert getattr(caught.value, "code", None) == "hub_unavailable"
