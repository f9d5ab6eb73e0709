"""Registry updates in a store: kept, replaced, removed; damaged ones are not used."""

from __future__ import annotations

import sqlite3
import zlib
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from registry.defaults import shipped_registry
from registry.releases.update import RegistryUpdate
from store.bundle.exporting import export_bundle
from store.bundle.format import BundleWriter, Header
from store.bundle.importing import import_bundle
from store.errors import BundleError
from store.maintenance.verify import verify
from store.store import MetadataStore
from store.tables import ROWS_SCHEMA

PEFT = RegistryUpdate(
    library="peft",
    version="0.99.0",
    source="peft.whl",
    read_at_s=1_800_000_000,
    tables=b'{"task_types":{"SNIFFING":{"task":"token-classification","model_class":"AutoPeftModelForSniffing"}}}',
)
NEWER = RegistryUpdate(library="peft", version="1.0.0", source="p.whl", read_at_s=1_900_000_000, tables=PEFT.tables)


async def test_an_update_is_kept_replaced_and_removed(location: str) -> None:
    async with MetadataStore(location) as store:
        assert await store.get_registry_updates() == ()
        await store.put_registry_updates([PEFT])
    async with MetadataStore(location) as store, MetadataStore(location) as other:
        assert await store.get_registry_updates() == (PEFT,)
        await other.put_registry_updates([NEWER])
        assert await store.get_registry_updates() == (NEWER,)
        assert await store.remove_registry_updates() == 1
        assert await other.get_registry_updates() == ()


@pytest.mark.parametrize(
    ("statement", "values"),
    [
        ("UPDATE registry_updates SET version = '9.9.9'", ()),
        ("UPDATE registry_updates SET body = substr(body, 1, 20)", ()),
        ("UPDATE registry_updates SET body = 1, read_at = 'x'", ()),
        ("UPDATE registry_updates SET body = ?", (zlib.compress(b" " * 50 * 2**20),)),
        ("UPDATE registry_updates SET digest = 'x'", ()),
    ],
    ids=["version", "cut", "types", "endless", "digest"],
)
async def test_a_damaged_update_is_not_used_and_verify_removes_it(
    statement: str, values: tuple[bytes, ...], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "store.sqlite3"
    async with MetadataStore(path) as store:
        await store.put_registry_updates([PEFT])
    with sqlite3.connect(path) as connection:
        connection.execute(statement, values)
    connection.close()

    async with MetadataStore(path) as store:
        assert await store.get_registry_updates() == ()
        assert "the registry update of 'peft' is damaged" in caplog.text
        report = await verify(store, shipped_registry(), drop=True)
        assert ["the registry update of 'peft' is damaged" in problem for problem in report.problems] == [True]
        assert (await verify(store, shipped_registry())).problems == []
        await store.put_registry_updates([PEFT])
        assert await store.get_registry_updates() == (PEFT,)


async def test_a_bundle_brings_updates_that_are_newer_than_those_of_the_store(location: str, tmp_path: Path) -> None:
    bundle, older = tmp_path / "newer.bundle", tmp_path / "older.bundle"
    async with MetadataStore(tmp_path / "one.sqlite3") as store:
        await store.put_registry_updates([PEFT])
        await export_bundle(store, older)
        await store.put_registry_updates([NEWER])
        await export_bundle(store, bundle)
    async with MetadataStore(location) as other:
        for path, brought in ((bundle, (NEWER,)), (bundle, ()), (older, ())):
            assert (await import_bundle(other, path)).updates == brought
            assert await other.get_registry_updates() == (NEWER,)


@pytest.mark.parametrize("change", [{"tables": b"[]"}, {"library": "os"}], ids=["another form", "another library"])
async def test_a_bundle_with_an_invalid_update_is_refused_whole(change: dict[str, Any], tmp_path: Path) -> None:
    bundle = tmp_path / "bad.bundle"
    update = replace(PEFT, **change)
    with BundleWriter(bundle, Header(schema=ROWS_SCHEMA, made_at_s=1, with_private=False, updates=(update,))):
        pass
    async with MetadataStore(tmp_path / "store.sqlite3") as store:
        with pytest.raises(BundleError, match=r"damaged: the registry update of .* nothing was imported"):
            await import_bundle(store, bundle)
        assert await store.get_registry_updates() == ()
