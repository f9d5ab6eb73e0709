"""Mirrors that refuse `expand`, under a path of their server, and say in their own words what they have not."""

from __future__ import annotations

from pathlib import Path

import pytest

from resolver.errors import RepositoryNotFoundError, RevisionNotFoundError
from resolver.local_hub import HubOptions, LocalHub
from tests.resolver.network.mirror import NOT_HERE, serve_mirror
from tests.resolver.network.official_client import ask_official_client
from tests.resolver.support import BERT_SHA, answer, bert_row, catalog_of, code_of, codes, open_resolver, settings_for

pytestmark = pytest.mark.usefixtures("official_client")


@pytest.mark.parametrize("expand_status", [400, 404])
async def test_a_mirror_that_refuses_expand_is_asked_without_and_that_is_remembered(
    hub: LocalHub, store: Path, expand_status: int
) -> None:
    async with serve_mirror(hub.endpoint, expand_status=expand_status, missing_status=404) as mirror:
        async with open_resolver(settings_for(mirror.endpoint, store)) as resolver:
            found = await resolver.resolve("acme/bert")
            assert sum("expand" in path for path in mirror.asked) == 1
            other = await resolver.resolve("acme/st")
            assert sum("expand" in path for path in mirror.asked) == 1
        assert await ask_official_client(mirror.endpoint, "acme/bert") == found.commit_hash == BERT_SHA
    assert (found.library, found.task) == ("transformers", "fill-mask")
    assert (other.library, other.task) == ("sentence_transformers", "sentence-similarity")


@pytest.mark.parametrize("missing_status", [400, 404])
async def test_what_a_mirror_has_not_is_told_in_its_own_words(hub: LocalHub, store: Path, missing_status: int) -> None:
    async with serve_mirror(hub.endpoint, expand_status=400, missing_status=missing_status) as mirror:
        settings = settings_for(mirror.endpoint, store)
        with pytest.raises(RepositoryNotFoundError, match=f'it says: "{NOT_HERE}"') as missing:
            await answer(settings, "acme/none")
        with pytest.raises(RevisionNotFoundError, match=f"acme/bert has no revision 'v9'.*{NOT_HERE}") as unknown:
            await answer(settings, "acme/bert", "v9")
        with pytest.raises(RepositoryNotFoundError, match="acme/none does not exist"):
            await answer(settings, "acme/none", "v9")
        assert await ask_official_client(mirror.endpoint, "acme/none") is None
        # Only the Hub's own word withdraws or is remembered.
        assert (await answer(settings, "acme/bert")).commit_hash == BERT_SHA
        assert await codes(settings_for(mirror.endpoint, store, offline=True), ["acme/none"]) == ["offline_miss"]
    assert missing.value.status == unknown.value.status == missing_status


async def test_a_revision_is_told_from_a_repo_by_a_mirror_that_expands_too(hub: LocalHub, store: Path) -> None:
    async with serve_mirror(hub.endpoint, expand_status=None, missing_status=404) as mirror:
        ids = ["acme/bert", "acme/bert@v9", "acme/none@v9", "acme/none"]
        async with open_resolver(settings_for(mirror.endpoint, store)) as resolver:
            await resolver.resolve("acme/st")
            found = [code_of(item) async for item in resolver.resolve_many(ids)]
        assert found == [None, "revision_not_found", "repo_not_found", "repo_not_found"]
        assert all("expand" in path for path in mirror.asked if path.startswith("/api/models/"))


async def test_a_hub_that_expands_is_never_asked_without(hub: LocalHub, store: Path) -> None:
    ids = ["acme/none", "acme/bert", "acme/none2"]
    assert await codes(settings_for(hub, store), ids) == ["repo_not_found", None, "repo_not_found"]
    infos = [entry.path for entry in hub.requests if "/api/models/" in entry.path]
    assert len(infos) == len(ids) and all("expand=sha" in path for path in infos)


async def test_a_branch_of_a_mirror_is_found_by_its_name(store: Path) -> None:
    catalog = catalog_of(bert_row("acme/x"))
    async with LocalHub(catalog, HubOptions()) as hub:
        moved = catalog.push("acme/x", {"README.md": b"new"}, branch="feature/1")
        async with serve_mirror(hub.endpoint, expand_status=404, missing_status=404) as mirror:
            found = await answer(settings_for(mirror.endpoint, store), "acme/x", "feature/1")
    assert found.commit_hash == moved
