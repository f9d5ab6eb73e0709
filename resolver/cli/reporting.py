"""Runs `hubresolve report`: reads the answers of a run or of a store, and writes one page about them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import aclosing
from pathlib import Path, PurePath
from typing import Any

import click

from registry.decision import Evidence
from resolver.cli.exits import ALL_ANSWERED, NOTHING_FOUND
from resolver.cli.input.answers import read_answers
from resolver.cli.messages import show_message
from resolver.cli.output import open_text
from resolver.cli.store_listing import list_public
from resolver.cli.tables import format_bytes
from resolver.redaction import hide_secrets
from resolver.report.assets import DEFAULT_TITLE, load_parts
from resolver.report.findings import MARKS, find
from resolver.report.page import render_page
from resolver.report.table_data import EvidenceByPlace
from resolver.resolution import Resolution
from resolver.settings import Settings
from store.store import MetadataStore


def report_file(answers: str, *, output: str | None, title: str | None, quiet: bool) -> int:
    """Write the page about the answers in a file ("-": standard input); the exit code.

    Raises:
        click.UsageError: the file is not the output of a run, or the page cannot be written.
    """
    rows = list(read_answers(answers))
    source = PurePath(answers).name if answers != "-" else "standard input"
    return _write_page(rows, None, source, output=output, title=title, quiet=quiet)


async def report_store(
    settings: Settings, author: str | None, *, output: str | None, title: str | None, quiet: bool
) -> int:
    """Write the page about the answers that a store can give, with the evidence of those that need attention; the exit
    code.

    Raises:
        StoreError: there is no such store, or it cannot be read.
        click.UsageError: the page cannot be written.
    """
    filled = settings.fill()
    rows: list[Any] = []
    evidence: dict[int, Sequence[Evidence]] = {}
    async with MetadataStore(filled.store, may_create=False) as store:
        answers = list_public(store, filled, author)
        async with aclosing(answers):
            async for answer in answers:
                row = answer.to_dict()
                if isinstance(answer, Resolution) and any(row.get(key) for key in MARKS):
                    evidence[len(rows)] = answer.evidence
                rows.append(row)
    source = f"the store {Path(store.name).name}, from {hide_secrets(filled.endpoint)}"
    return _write_page(rows, evidence, source, output=output, title=title, quiet=quiet)


def _write_page(
    rows: Sequence[Any],
    evidence: EvidenceByPlace | None,
    source: str,
    *,
    output: str | None,
    title: str | None,
    quiet: bool,
) -> int:
    if not rows:
        show_message(f"nothing to report: no rows in {source}")
        return NOTHING_FOUND
    now_s = time.time()
    page = render_page(rows, find(rows, now_s), load_parts(title or DEFAULT_TITLE, source, now_s), evidence)
    with open_text(output) as file:
        file.write(page)
    if not quiet and output is not None:
        size = format_bytes(len(page.encode()))
        click.echo(f"{output}: {len(rows):,} rows, {size}", err=True)
    return ALL_ANSWERED
