"""The page of `hubresolve report` in a real headless Chromium, by keyboard and mouse."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from resolver.cli.reporting import report_file, report_store
from resolver.local_hub import Catalog, LocalHub
from resolver.render import render_json_line
from tests.resolver.cli.browser import NAMES, Page, find_chromium, open_page
from tests.resolver.support import answers, settings_for
from tests.resolver.test_rows import BASE, FAILED, FULL

PROGRAM = find_chromium()

pytestmark = pytest.mark.skipif(PROGRAM is None, reason=f"no browser is installed: {', '.join(NAMES)}, or CHROMIUM")

COUNT = 5_000
EVIL = "<img src=x onerror=document.title='evil'>"

SHOWN = "document.getElementById('shown').textContent"
FIRST = "document.querySelector('#rows td button').textContent"
FOCUSED = "document.activeElement.textContent"


def write_rows(path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {**BASE.to_dict(), "repo_id": f"acme/r{number:05}", "task": f"task-{number % 10}", "notes": [EVIL]}
        for number in range(COUNT - 2)
    ]
    rows += [{**FULL.to_dict()}, {**FAILED.to_dict(), "repo_id": EVIL}]
    path.write_text("".join(f"{render_json_line(row)}\n" for row in rows))


@pytest_asyncio.fixture
async def page(tmp_path: Path) -> AsyncIterator[Page]:
    """The report of `COUNT` rows, open."""
    assert PROGRAM is not None
    written, report = tmp_path / "answers.jsonl", tmp_path / "report.html"
    write_rows(written)
    assert report_file(str(written), output=str(report), title=None, quiet=True) == 0
    async with open_page(PROGRAM, report.as_uri(), tmp_path / "profile") as opened:
        yield opened
        # Nothing was requested but the page, no script failed, and no value of a row has run.
        assert {url.partition("#")[0] for url in opened.requests} == {report.as_uri()}
        assert opened.problems == [] and await opened.read("document.title") == "Hub repos"


async def test_filters_sorts_and_shows_all_values_of_a_repo(page: Page) -> None:
    assert await page.read(SHOWN) == "5,000 of 5,000 rows"
    assert await page.read("document.querySelectorAll('#rows tr').length") < 100
    await page.read("document.getElementById('search').focus()")
    await page.type("acme/r task-7")
    await page.wait(f"{SHOWN} === '500 of 5,000 rows'")
    await page.click("th[data-key=repo_id] button")
    await page.click("th[data-key=repo_id] button")
    assert await page.read("document.querySelector('th[data-key=repo_id]').getAttribute('aria-sort')") == "descending"
    assert await page.read(FIRST) == "acme/r04997"
    assert "sort=-repo_id" in await page.read("location.hash")
    await page.click("#rows td button")
    assert await page.read("document.getElementById('details').open")
    assert EVIL in await page.read("document.getElementById('details-values').textContent")
    await page.press("Escape")
    await page.wait("!document.getElementById('details').open")
    await page.click("#clear")
    assert await page.read(SHOWN) == "5,000 of 5,000 rows" and await page.read("location.hash") == ""
    await page.click(".picture button[data-value='task-3']")
    assert await page.read(SHOWN) == "500 of 5,000 rows"
    await page.click("#chosen button")
    assert await page.read(SHOWN) == "5,000 of 5,000 rows"


async def test_the_keyboard_reaches_every_row_and_few_are_in_the_document(page: Page) -> None:
    await page.read("document.querySelector('#rows th:last-child button').focus()")
    await page.press("Tab")
    assert await page.read(FOCUSED) == "acme/r00000"
    for key, expected in (
        ("ArrowDown", "acme/r00001"),
        ("End", EVIL),
        ("ArrowUp", "acme/x@v1"),
        ("Home", "acme/r00000"),
    ):
        await page.press(key)
        await page.wait(f"{FOCUSED} === {json.dumps(expected)}")
        assert await page.read("document.querySelectorAll('#rows tr').length") < 100
    await page.press("PageDown")
    assert await page.read(FOCUSED) > "acme/r00005"
    name = await page.read(FOCUSED)
    await page.press("Enter")
    assert await page.read("document.getElementById('details-heading').textContent") == name
    await page.press("Escape")
    await page.wait(f"{FOCUSED} === {json.dumps(name)}")
    inside = """(() => {
      const box = document.getElementById('scroller').getBoundingClientRect();
      const row = document.activeElement.getBoundingClientRect();
      return row.top >= box.top && row.bottom <= box.bottom;
    })()"""
    assert await page.read(inside)


async def test_the_evidence_of_a_repo_is_shown(catalog: Catalog, store: Path, tmp_path: Path) -> None:
    assert PROGRAM is not None
    report = tmp_path / "report.html"
    async with LocalHub(catalog) as hub:
        catalog.change("acme/bert", pipeline_tag="text-to-image")
        await answers(settings_for(hub, store), ["acme/bert", "acme/sd"])
        settings = settings_for(hub, store)
    assert await report_store(settings, None, output=str(report), title=None, quiet=True) == 0
    async with open_page(PROGRAM, report.as_uri(), tmp_path / "profile") as page:
        evidence = "document.getElementById('details-evidence')"
        for repo_id, is_shown in (("acme/bert", True), ("acme/sd", False)):
            await page.read(f"location.hash = '#search={repo_id}'")
            await page.wait(f"{SHOWN} === '1 of 2 rows'")
            await page.wait(f"{FIRST} === {json.dumps(repo_id)}")
            await page.click("#rows td button")
            assert await page.read(f"!{evidence}.hidden") is is_shown
            assert ("text-to-image" in await page.read(f"{evidence}.textContent")) is is_shown
            await page.press("Escape")
            await page.wait("!document.getElementById('details').open")


async def test_an_address_opens_the_view_that_it_names(page: Page) -> None:
    await page.read("location.hash = '#only=error&sort=task&repo=' + encodeURIComponent(\"acme/x@v1\")")
    await page.wait(f"{SHOWN} === '1 of 5,000 rows'")
    assert await page.read("document.getElementById('details-heading').textContent") == "acme/x@v1"
    await page.read("location.hash = '#only=nothing&sort=nothing&where.nothing=1&repo=nobody'")
    await page.wait(f"{SHOWN} === '5,000 of 5,000 rows'")


async def test_dark_light_and_paper(page: Page) -> None:
    colours = set()
    for scheme in ("dark", "light"):
        await page.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        colours.add(await page.read("getComputedStyle(document.body).backgroundColor"))
    assert colours == {"rgb(15, 20, 25)", "rgb(255, 255, 255)"}
    printed = await page.call("Page.printToPDF")
    assert base64.b64decode(printed["data"]).startswith(b"%PDF")
    await page.wait("document.querySelectorAll('#rows tr').length < 100")


async def test_every_control_has_a_name_for_screen_readers(page: Page) -> None:
    await page.call("Accessibility.enable")
    tree = await page.call("Accessibility.getFullAXTree")
    nodes = [node for node in tree["nodes"] if not node.get("ignored")]
    roles = {"button", "searchbox", "combobox", "columnheader", "grid", "table", "search"}
    named = [(node["role"]["value"], node.get("name", {}).get("value", "")) for node in nodes]
    found = {role for role, _ in named}
    assert {"button", "searchbox", "combobox", "columnheader", "grid", "search"} <= found
    assert [role for role, name in named if role in roles - {"table", "search"} and not name] == []
    assert await page.read("document.getElementById('rows').getAttribute('aria-rowcount')") == str(COUNT + 1)
