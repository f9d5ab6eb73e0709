"""No link of a page leads nowhere: every file that is named exists, and has the heading that is named."""

from __future__ import annotations

import os.path
import re
from collections import Counter
from pathlib import Path

import pytest

from tests.documents.reader import list_pages
from tests.resolver.support import ROOT

PAGES = [*map(str, list_pages()), "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", "examples/README.md"]
INCLUDED = {"docs/project/changelog.md", "docs/project/contributing.md", "docs/project/reporting.md"}
"""Their text is that of another page."""

_LINK = re.compile(r"\[[^\]]*\]\((?P<target>[^)\s]+)\)")
_FENCED = re.compile(r"^( *)(`{3,}).*?^\1\2$", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"`[^`\n]*`")


def read(page: str) -> str:
    """The page without its code, where brackets are no links."""
    return _CODE.sub(lambda code: re.sub(r"[\[\]()]", "", code.group()), _FENCED.sub("", _read_file(page)))


def _read_file(page: str) -> str:
    return (ROOT / page).read_text("utf-8")


def list_anchors(page: str) -> set[str]:
    """The anchors that GitHub, and the site, give to the headings of a page."""
    found: Counter[str] = Counter()
    anchors: set[str] = set()
    for heading in re.findall(r"^#+ (.+)$", _FENCED.sub("", _read_file(page)), re.MULTILINE):
        anchor = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        anchors.add(f"{anchor}-{found[anchor]}" if found[anchor] else anchor)
        found[anchor] += 1
    return anchors


@pytest.mark.parametrize("page", [page for page in PAGES if page not in INCLUDED])
def test_every_link_of_a_page_leads_somewhere(page: str) -> None:
    dead = []
    for link in _LINK.finditer(read(page)):
        target, _, anchor = link["target"].partition("#")
        if re.match(r"[a-z]+:", target):
            continue
        path = os.path.normpath(Path(page).parent / target) if target else page
        is_page = path.endswith(".md")
        if not (ROOT / path).exists() or (anchor and is_page and anchor not in list_anchors(path)):
            dead.append(link["target"])
    assert dead == []


def test_links_are_found() -> None:
    assert len(_LINK.findall(read("docs/how-to/index.md"))) > 10
    assert "what-a-repo-is" in list_anchors("docs/how-it-works.md")


def test_the_pages_that_show_another_one_name_it() -> None:
    for page in INCLUDED:
        (name,) = re.findall(r"\{include\} (\S+)", _read_file(page))
        assert Path(ROOT / page).parent.joinpath(name).exists()
