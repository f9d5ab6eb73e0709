"""Runs `hubresolve watch`: checks repos again and again, and tells what has changed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any, TextIO

import click

from resolver.answer import Answer, Failure
from resolver.cli.comparing import COMPARED_KEYS, Change, ComparedRun, compare_repo, get_name
from resolver.cli.diffing import list_cells
from resolver.cli.exits import ALL_ANSWERED, DIFFERENT, ERROR_ROWS
from resolver.cli.input.ids import read_ids
from resolver.cli.messages import show_message
from resolver.cli.output import open_text
from resolver.cli.reactions import React, open_reactions
from resolver.errors import (
    HubResponseError,
    HubUnavailableError,
    InternalError,
    OfflineError,
    RateLimitedError,
)
from resolver.lookup.request import Request
from resolver.render import make_printable, render_json_line
from resolver.resolution import Resolution, Source
from resolver.resolver import Resolver
from resolver.row import format_time
from resolver.settings import Settings

NOT_CHECKED = frozenset(
    kind.code for kind in (HubResponseError, HubUnavailableError, InternalError, OfflineError, RateLimitedError)
)
"""Error codes that say nothing about a repo: it counts as it was before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchRequest:
    """The repos to watch, how often, and what to do with an event. `every_s` None: once."""

    ids: tuple[str, ...]
    file: str | None
    revision: str | None
    every_s: float | None
    command: str | None
    url: str | None
    as_json: bool
    output: str | None
    quiet: bool


@dataclass(slots=True)
class Round:
    """Counts of one check of all repos."""

    repos: int = 0
    events: int = 0
    unchecked: int = 0
    failed_reactions: int = 0


async def watch(request: WatchRequest, settings: Settings) -> int:
    """Tell what is different from what the store knew before, then from each check to the next; the exit code.

    Raises:
        click.UsageError: the ids cannot be read, or the command does not exist.
    """
    if settings.fill().offline:
        raise click.UsageError("watch asks the Hub, which must not be asked while offline (HF_HUB_OFFLINE)")
    ids = await _list_ids(request, settings.endpoint)
    known = ComparedRun()
    async for answer in _resolve(replace(settings, offline=True), ids, request.revision):
        # What the Hugging Face cache has was not checked by anybody.
        if not _is_unchecked(answer) and not (isinstance(answer, Resolution) and answer.source is not Source.STORE):
            known.add(answer.to_dict())
    with open_text(request.output) as file:
        async with open_reactions(request.command, request.url) as react:
            while True:
                started_s = time.monotonic()
                checked = await _check(request, replace(settings, refresh=True), ids, known, file, react)
                if not request.quiet:
                    _show_round(checked)
                if request.every_s is None:
                    break
                await asyncio.sleep(max(0.0, started_s + request.every_s - time.monotonic()))
                if request.file != "-":
                    ids = await _list_ids(request, settings.endpoint)
    if checked.events:
        return DIFFERENT
    return ERROR_ROWS if checked.unchecked else ALL_ANSWERED


async def _check(
    request: WatchRequest, settings: Settings, ids: Sequence[Request], known: ComparedRun, file: TextIO, react: React
) -> Round:
    """Check all repos once; `known` is what was known of them, and becomes what is known now."""
    checked, keys = Round(), set(COMPARED_KEYS)
    async for answer in _resolve(settings, ids, request.revision):
        checked.repos += 1
        if _is_unchecked(answer):
            checked.unchecked += 1
            continue
        row = answer.to_dict()
        before = known.rows.get(get_name(row))
        name = known.add(row)
        change = compare_repo(name, before, known.rows[name], COMPARED_KEYS, keys)
        # Of a repo that was not known, an error is no news.
        if change is None or (before is None and isinstance(answer, Failure)):
            continue
        checked.events += 1
        event = {"at": format_time(time.time()), **change.to_dict()}
        print(render_json_line(event) if request.as_json else _render_line(change), file=file, flush=True)
        checked.failed_reactions += not await react(event)
    return checked


async def _resolve(settings: Settings, ids: Sequence[Request], revision: str | None) -> Any:
    async with Resolver(settings) as resolver:
        answers = resolver.resolve_many(ids, revision=revision, ordered=False)
        async with aclosing(answers):
            async for answer in answers:
                yield answer


async def _list_ids(request: WatchRequest, endpoint: str | None) -> list[Request]:
    found = read_ids(request.ids, request.file, endpoint)
    if isinstance(found, AsyncIterable):
        return [item async for item in found]
    return await asyncio.to_thread(list, found)


def _is_unchecked(answer: Answer) -> bool:
    return isinstance(answer, Failure) and answer.error.code in NOT_CHECKED


def _render_line(change: Change) -> str:
    """An event in one line: "org/name@main moved: commit_hash 1234567890 -> 0987654321"."""
    values = (f"{key} {old} -> {new}" for *_, key, old, new in list_cells(change, True) if key)
    text = f"{change.repo_id}@{change.revision} {change.event}: {'; '.join(values)}"
    return make_printable(text).replace("\n", "\\n")


def _show_round(checked: Round) -> None:
    parts: Mapping[str, int] = {
        "events": checked.events,
        "could not be checked": checked.unchecked,
        "reactions failed": checked.failed_reactions,
    }
    counts = ", ".join(f"{count:,} {name}" for name, count in parts.items() if count or name == "events")
    repos = "repo" if checked.repos == 1 else "repos"
    click.echo(f"{format_time(time.time())}: {checked.repos:,} {repos} checked: {counts}", err=True)
    if checked.repos and checked.unchecked == checked.repos:
        show_message("no repo could be checked: is the Hub there?")
