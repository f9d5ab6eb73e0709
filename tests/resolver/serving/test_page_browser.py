"""The page of the service in a real headless Chromium."""

from __future__ import annotations

from pathlib import Path

import pytest

from resolver.local_hub import HubOptions, LocalHub
from tests.resolver.cli.browser import NAMES, find_chromium, open_page
from tests.resolver.serving.support import serving
from tests.resolver.support import READER, TOKENS, bert_row, catalog_of

PROGRAM = find_chromium()

pytestmark = pytest.mark.skipif(PROGRAM is None, reason=f"no browser is installed: {', '.join(NAMES)}, or CHROMIUM")

EVIL = "<img src=x onerror=document.title='evil'>"
SHOWN = "document.getElementById('shown').textContent"
FIRST = "document.querySelector('#rows td button').textContent"


async def test_what_is_known_is_looked_through(store: Path, tmp_path: Path) -> None:
    assert PROGRAM is not None
    rows = [
        bert_row("acme/one", pipeline_tag=EVIL, library_name=EVIL),
        bert_row("acme/two"),
        bert_row("other/three"),
        bert_row("acme/secret", private=True),
    ]
    async with LocalHub(catalog_of(*rows), HubOptions(tokens=TOKENS)) as hub, serving(hub, store) as client:
        await client.resolve("acme/one", "acme/two", "other/three", "acme/secret", "acme/none")
        await client.get_model("acme/secret", Authorization=f"Bearer {READER}")
        async with open_page(PROGRAM, f"{client.url}/", tmp_path / "profile") as page:
            assert await page.read(SHOWN) == "3 of 3 rows"
            await page.read("document.getElementById('search').focus()")
            await page.type("three")
            await page.wait(f"{SHOWN} === '1 of 3 rows'")
            assert await page.read(FIRST) == "other/three"
            await page.read("location.hash = ''")
            await page.wait(f"{SHOWN} === '3 of 3 rows'")
            # The form asks the service for one author.
            await page.read("document.querySelector('input[name=author]').focus()")
            await page.type("acme")
            await page.click("#author-form button")
            await page.wait("location.search === '?author=acme' && document.readyState === 'complete'")
            await page.wait(f"{SHOWN} === '2 of 2 rows'")
            assert await page.read("document.querySelector('input[name=author]').value") == "acme"
            await page.read("location.hash = '#search=one'")
            await page.wait(f"{SHOWN} === '1 of 2 rows'")
            await page.click("#rows td button")
            values = await page.read("document.getElementById('details-values').textContent")
            assert EVIL in values and "acme/secret" not in await page.read("document.documentElement.outerHTML")
            # Nothing was requested elsewhere, no script failed, and no value of a row has run.
            assert {url.partition("#")[0] for url in page.requests} == {f"{client.url}/", f"{client.url}/?author=acme"}
            assert page.problems == [] and await page.read("document.title") == "Hub repos"


async def test_a_service_that_knows_nothing_has_a_page(hub: LocalHub, store: Path, tmp_path: Path) -> None:
    assert PROGRAM is not None
    async with serving(hub, store) as client, open_page(PROGRAM, f"{client.url}/", tmp_path / "profile") as page:
        assert await page.read(SHOWN) == "0 of 0 rows"
        assert page.problems == []
