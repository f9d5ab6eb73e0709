"""`load` refuses code of a repo for exactly those lookalikes whose answers say that they require it."""

from __future__ import annotations

from pathlib import Path

import pytest

from resolver.errors import ResolveError
from resolver.local_hub import LocalHub
from resolver.resolver import Resolver
from tests.resolver.lookalikes import LOOKALIKES, REMOTE_CODE
from tests.resolver.support import catalog_of, open_resolver, settings_for

CODE = [item for item in LOOKALIKES if item.expected.get("requires_remote_code")]


@pytest.mark.parametrize("lean", [False, True])
async def test_what_requires_remote_code_is_refused_for_it(lean: bool, store: Path, tmp_path: Path) -> None:
    async with LocalHub(catalog_of(*(item.row for item in LOOKALIKES))) as hub:
        settings = settings_for(hub, store, cache_dir=tmp_path / "cache", lean=lean)
        async with open_resolver(settings) as resolver:
            found = {item.id: await find_refusal(resolver, item.row["id"]) for item in LOOKALIKES}
    assert {name for name, code in found.items() if code == "remote_code"} == {item.id for item in CODE}
    assert len(CODE) >= len(REMOTE_CODE) - 1


async def find_refusal(resolver: Resolver, repo_id: str) -> str | None:
    """The code of the error with which the repo is refused before its weights are fetched; None where it is not."""
    try:
        await resolver.prepare_load(repo_id)
    except ResolveError as error:
        return error.code
    return None
