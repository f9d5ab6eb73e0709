"""One commit per decision, whatever happens between two requests."""

from __future__ import annotations

from pathlib import Path

import pytest

from registry.facts import CONFIG
from resolver.errors import HubResponseError
from resolver.local_hub import Catalog, HubOptions, LocalHub, faults
from tests.resolver.support import BERT, BERT_SHA, answer, catalog_of, settings_for

INFO, RESOLVE, CACHE = "/api/models/*", "*/resolve/main/*", "/api/resolve-cache/*"
OTHER = {CONFIG: {**BERT, "architectures": ["BertForTokenClassification"]}}


async def test_a_push_between_the_two_requests_is_noticed_and_the_file_asked_for_again(
    hub: LocalHub, catalog: Catalog, store: Path
) -> None:
    catalog.change("acme/bert", pipeline_tag=None)
    # Model info tells of the commit before the push, the file comes from the one after.
    head = catalog.push("acme/bert", OTHER)
    hub.faults.add(faults.ServeInstead(f"/api/models/acme/bert/revision/{BERT_SHA}"), INFO)
    found = await answer(settings_for(hub, store), "acme/bert")
    assert (found.commit_hash, found.task) == (BERT_SHA, "fill-mask")
    asked = [entry.path for entry in hub.requests if entry.kind == "resolve"]
    assert asked == [f"/acme/bert/resolve/main/{CONFIG}", f"/acme/bert/resolve/{BERT_SHA}/{CONFIG}"]
    later = await answer(settings_for(hub, store, refresh=True), "acme/bert")
    assert (later.commit_hash, later.task) == (head, "token-classification")


async def test_a_file_of_another_commit_is_asked_for_at_the_commit_of_model_info(
    hub: LocalHub, catalog: Catalog, store: Path
) -> None:
    catalog.change("acme/bert", pipeline_tag=None)
    head = catalog.push("acme/bert", OTHER)
    # A cache in front of the file route still has the former commit.
    stale = f"/acme/bert/resolve/{BERT_SHA}/{CONFIG}"
    hub.faults.add(faults.ServeInstead(stale), f"/acme/bert/resolve/main/{CONFIG}")
    found = await answer(settings_for(hub, store), "acme/bert")
    assert (found.commit_hash, found.task) == (head, "token-classification")
    asked = [entry.path for entry in hub.requests if entry.kind == "resolve"]
    assert asked == [f"/acme/bert/resolve/main/{CONFIG}", f"/acme/bert/resolve/{head}/{CONFIG}"]


@pytest.mark.parametrize("direct_files", [True, False])
async def test_a_server_that_does_not_say_the_commit_is_asked_at_the_commit(store: Path, direct_files: bool) -> None:
    async with LocalHub(catalog_of(), HubOptions(direct_files=direct_files)) as hub:
        for path in ("*/resolve/main/*", CACHE):
            hub.faults.add(faults.no_commit(), path, times=None)
        found = await answer(settings_for(hub, store), "acme/bert")
        asked = [entry.path for entry in hub.requests if entry.kind == "resolve"]
    assert found.commit_hash == BERT_SHA
    assert asked == [f"/acme/bert/resolve/main/{CONFIG}", f"/acme/bert/resolve/{BERT_SHA}/{CONFIG}"]


async def test_model_info_about_another_commit_than_the_pinned_one_is_refused(hub: LocalHub, store: Path) -> None:
    hub.faults.add(faults.wrong_sha("9" * 40), INFO, times=None)
    with pytest.raises(HubResponseError, match="9999"):
        await answer(settings_for(hub, store), "acme/bert", BERT_SHA)


async def test_a_file_that_is_listed_but_not_there_is_not_taken_for_absent(hub: LocalHub, store: Path) -> None:
    missing = faults.Reply(status=404, headers={"X-Error-Code": "EntryNotFound", "X-Repo-Commit": BERT_SHA})
    hub.faults.add(missing, "*/resolve/*", times=None)
    found = await answer(settings_for(hub, store), "acme/bert")
    assert (found.library, found.task) == ("transformers", "fill-mask")
    assert any("listed" in note for note in found.decision.notes)


async def test_a_file_that_is_not_listed_cannot_fail_the_repo(hub: LocalHub, store: Path) -> None:
    hub.faults.add(faults.failing(500), "*/resolve/main/config.json", times=None)
    assert (await answer(settings_for(hub, store), "acme/sd")).library == "diffusers"


async def test_every_way_to_name_a_commit_gives_its_full_hash(catalog: Catalog, store: Path) -> None:
    head = catalog.push("acme/bert", OTHER, branch="dev/x")
    pull = catalog.push("acme/bert", {"README.md": "pull"}, branch="refs/pr/4")
    catalog.change("acme/bert", git_tags={"v1.0": BERT_SHA})
    wanted = {"main": BERT_SHA, "v1.0": BERT_SHA, "dev/x": head, "refs/pr/4": pull, head: head, "HEAD": BERT_SHA}
    async with LocalHub(catalog, HubOptions()) as hub:
        for revision, commit_hash in wanted.items():
            found = await answer(settings_for(hub, store), "acme/bert", revision)
            assert (found.revision, found.commit_hash) == (revision, commit_hash)
