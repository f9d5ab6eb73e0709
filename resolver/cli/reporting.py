"""Runs `hubresolve report`: reads the answers of a run and writes one page about them."""

from __future__ import annotations

import time
from importlib import resources
from pathlib import PurePath

import click

from resolver.cli.exits import ALL_ANSWERED, NOTHING_FOUND
from resolver.cli.input.answers import read_answers
from resolver.cli.messages import show_message
from resolver.cli.output import open_text
from resolver.cli.report.findings import find
from resolver.cli.report.page import PageParts, render_page
from resolver.cli.tables import format_bytes
from resolver.version import __version__

DEFAULT_TITLE = "Hub repos"


def write_report(answers: str, *, output: str | None, title: str | None, quiet: bool) -> int:
    """Write the page about the answers in a file ("-": standard input); the exit code.

    Raises:
        click.UsageError: the file is not the output of a run, or the page cannot be written.
    """
    rows = list(read_answers(answers))
    if not rows:
        show_message(f"{answers} has no rows")
        return NOTHING_FOUND
    now_s = time.time()
    assets = resources.files("resolver.cli.report")
    parts = PageParts(
        title=title or DEFAULT_TITLE,
        source=PurePath(answers).name if answers != "-" else "standard input",
        made_at_s=now_s,
        version=__version__,
        style=(assets / "page.css").read_text("utf-8"),
        script=(assets / "page.js").read_text("utf-8"),
    )
    page = render_page(rows, find(rows, now_s), parts)
    with open_text(output) as file:
        file.write(page)
    if not quiet and output is not None:
        size = format_bytes(len(page.encode()))
        click.echo(f"{output}: {len(rows):,} rows, {size}", err=True)
    return ALL_ANSWERED
