"""The README and every page of the site, followed by a reader with a local Hub: each code block runs."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import pytest

from tests.documents.blocks import LANGUAGES, Block, find_blocks, split_console
from tests.documents.reader import Reader, list_pages
from tests.documents.setups import PAGES_WITH_MODELS, SHELL_BEFORE, prepare, serve
from tests.ports import find_free_port
from tests.resolver.exporting.checking import silence_libraries
from tests.resolver.support import ROOT
from tests.store import postgres

BLOCKS = {str(page): find_blocks((ROOT / page).read_text("utf-8")) for page in list_pages()}
DATABASE = "postgresql+asyncpg://hubresolve@db.example/hubresolve"
MOST_FAST_COMMANDS = 3
"""A page with more commands of the shell than these is slow: each takes half a second."""
MOST_LEFT = 21
"""Blocks of all pages that do not run, each with its reason."""


OWN_TESTS = frozenset({"docs/many-repos.md", "docs/serving.md"})
"""Pages with commands that run until they are stopped, or need more than a reader has: `test_many_repos_page.py` and
`test_recipes.py` run what they say.
"""


def is_run(block: Block) -> bool:
    return block.left is None and block.language not in ("text", "json", "toml", "yaml")


def choose_ports(endpoint: str) -> dict[str, str]:
    """The port of the practice Hub in the pages is that of this Hub; the reader's own servers get free ones."""
    return {"8123": endpoint.rpartition(":")[2], "8000": str(find_free_port()), "9100": str(find_free_port())}


def has_database(page: str) -> bool:
    return any(DATABASE in block.text for block in BLOCKS[page])


def is_slow(page: str) -> bool:
    commands = sum(len(split_console(block.text)) for block in BLOCKS[page] if block.language == "console")
    return page in PAGES_WITH_MODELS or has_database(page) or commands > MOST_FAST_COMMANDS


def list_cases() -> list[object]:
    marks = {page: [pytest.mark.slow] if is_slow(page) else [] for page in BLOCKS}
    return [
        pytest.param(page, id=page, marks=marks[page])
        for page, blocks in BLOCKS.items()
        if page not in OWN_TESTS and any(map(is_run, blocks))
    ]


@pytest.mark.independent
@pytest.mark.parametrize("page", list_cases())
def test_every_block_of_a_page_runs(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "reader"
    folder.mkdir()
    monkeypatch.chdir(folder)
    with ExitStack() as exits:
        if page in PAGES_WITH_MODELS:
            exits.enter_context(silence_libraries())
        catalog, names = prepare(folder, page)
        endpoint = exits.enter_context(serve(catalog))
        for name, value in build_environment(endpoint, tmp_path).items():
            monkeypatch.setenv(name, value)
        replacements = choose_ports(endpoint)
        if has_database(page):
            replacements[DATABASE] = exits.enter_context(open_database())
        reader = exits.enter_context(closing(Reader(folder, names, replacements)))
        if page in SHELL_BEFORE:
            assert reader.run_shell(SHELL_BEFORE[page])[1] == 0
        for block in BLOCKS[page]:
            try:
                reader.follow(block)
            except Exception as error:
                error.add_note(f"{page}, line {block.line}")
                raise


def build_environment(endpoint: str, folder: Path) -> dict[str, str]:
    """What a reader's terminal has: this Hub and source tree, and nothing of the machine's own user."""
    return {
        "HF_ENDPOINT": endpoint,
        "HUBRESOLVE_STORE": str(folder / "store.sqlite3"),
        "HOME": str(folder),
        "NO_COLOR": "1",
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": os.pathsep.join(map(str, (ROOT / "tests" / "resolver" / "loading" / "site", ROOT))),
        "OMP_NUM_THREADS": "1",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    }


@contextmanager
def open_database() -> Iterator[str]:
    """The URL of an empty database of a PostgreSQL server."""
    with postgres.run_server_or_skip() as server:
        yield f"{server}/postgres"


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
