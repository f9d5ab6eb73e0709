"""The site builds without a warning and without the network, and its reference has every public name and command."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

from resolver.cli.main import cli
from resolver.row import ROW_KEYS
from tests.resolver.support import ROOT, environment
from tools.site_directives import list_row_keys, read_public_names

PACKAGES = ("resolver", "store", "registry", "resolver.exporting", "registry.export")

WITHOUT_NETWORK = """
import socket, sys

def refuse(event, arguments):
    if event == "socket.connect":
        raise AssertionError(f"the build opens a connection: {arguments}")

sys.addaudithook(refuse)
from tools.build_docs import main
sys.exit(main())
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    program = [sys.executable, "-c", WITHOUT_NETWORK, "--output", str(folder)]
    done = subprocess.run(program, cwd=ROOT, env=environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def list_commands(command: click.Command, path: str) -> list[str]:
    inner = command.commands.items() if isinstance(command, click.Group) else ()
    return [path, *(found for name, item in inner for found in list_commands(item, f"{path} {name}"))]


@pytest.mark.slow
def test_the_site_has_every_page(site: Path) -> None:
    pages = {page.relative_to(ROOT / "docs").with_suffix(".html") for page in (ROOT / "docs").rglob("*.md")}
    assert {str(page) for page in pages if not (site / page).exists()} == set()


@pytest.mark.slow
def test_the_reference_describes_every_public_name(site: Path) -> None:
    text = (site / "reference" / "api.html").read_text("utf-8")
    for package in PACKAGES:
        names = [name for section in read_public_names(package) for name in section.names]
        assert names
        assert [name for name in names if f'id="{package}.{name}"' not in text and f">{name}</" not in text] == []


@pytest.mark.slow
def test_the_reference_describes_every_command_and_key(site: Path) -> None:
    text = (site / "reference" / "command.html").read_text("utf-8")
    headings = {re.sub(r"<[^>]+>", "", heading) for heading in re.findall(r"<h\d>(.*?)<a", text)}
    commands = list_commands(cli, "hubresolve")
    assert len(commands) > 10
    assert [command for command in commands if command.rpartition(" ")[2] not in headings] == []
    rows = (site / "reference" / "rows.html").read_text("utf-8")
    assert [key for key in ROW_KEYS if f">{key}<" not in rows] == []


@pytest.mark.slow
def test_no_page_loads_anything_from_elsewhere(site: Path) -> None:
    loaded = re.compile(r"""<(?:script|img|link rel="stylesheet")[^>]+(?:src|href)="(?:https?:)?//[^"]*\"""")
    assert {page.name: loaded.findall(page.read_text("utf-8")) for page in site.rglob("*.html")} == {
        page.name: [] for page in site.rglob("*.html")
    }


def test_public_names_are_read_with_their_headings() -> None:
    sections = {section.heading: section.names for section in read_public_names("resolver")}
    assert sections["Many answers as one table"] == ("to_arrow", "to_pandas", "to_polars")
    assert "Resolver" in {name for names in sections.values() for name in names}


def test_every_key_of_a_row_has_a_type_and_a_meaning() -> None:
    rows = list(list_row_keys())
    assert tuple(key for key, _, _ in rows) == ROW_KEYS
    assert all(kind and meaning for _, kind, meaning in rows)
