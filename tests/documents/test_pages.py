"""The README and every page of the site, followed by a reader with a local Hub: each code block runs."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tests.documents.blocks import LANGUAGES, Block, find_blocks
from tests.documents.reader import Reader, list_pages
from tests.documents.setups import PAGES_WITH_MODELS, prepare, serve
from tests.ports import find_free_port
from tests.resolver.support import ROOT

BLOCKS = {str(page): find_blocks((ROOT / page).read_text("utf-8")) for page in list_pages()}
SLOW = PAGES_WITH_MODELS
MOST_LEFT = 12
"""Blocks of all pages that do not run, each with its reason."""


def is_run(block: Block) -> bool:
    return block.left is None and block.language not in ("text", "json", "toml", "yaml")


def choose_ports(endpoint: str) -> dict[str, int]:
    """The port of the practice Hub in the pages is that of this Hub; that of the reader's own server is a free one."""
    return {"8123": int(endpoint.rpartition(":")[2]), "8000": find_free_port()}


def list_cases() -> list[object]:
    marks = {page: [pytest.mark.slow] if page in SLOW else [] for page in BLOCKS}
    return [
        pytest.param(page, id=page, marks=marks[page]) for page, blocks in BLOCKS.items() if any(map(is_run, blocks))
    ]


@pytest.mark.independent
@pytest.mark.parametrize("page", list_cases())
def test_every_block_of_a_page_runs(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "reader"
    folder.mkdir()
    monkeypatch.chdir(folder)
    catalog, names = prepare(folder, page)
    with serve(catalog) as endpoint:
        for name, value in {
            "HF_ENDPOINT": endpoint,
            "HUBRESOLVE_STORE": str(tmp_path / "store.sqlite3"),
            "HOME": str(tmp_path),
            "NO_COLOR": "1",
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "OMP_NUM_THREADS": "1",
        }.items():
            monkeypatch.setenv(name, value)
        reader = Reader(folder, dict(os.environ), names, choose_ports(endpoint))
        try:
            for block in BLOCKS[page]:
                try:
                    reader.follow(block)
                except Exception as error:
                    error.add_note(f"{page}, line {block.line}")
                    raise
        finally:
            reader.close()


def test_every_block_says_its_language() -> None:
    wrong = [
        (page, block.line)
        for page, blocks in BLOCKS.items()
        for block in blocks
        if block.language not in LANGUAGES or (not is_run(block) and "$ hubresolve" in block.text and not block.left)
    ]
    assert wrong == []


def test_few_blocks_are_not_run() -> None:
    left = [(page, block.line, block.left) for page, blocks in BLOCKS.items() for block in blocks if block.left]
    assert len(left) <= MOST_LEFT, left
