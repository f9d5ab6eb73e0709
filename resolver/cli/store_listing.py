"""Runs `hubresolve store list`: writes the answers that a store can give without the Hub."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from resolver.answer import Answer
from resolver.cli.exits import ALL_ANSWERED, ERROR_ROWS, NOTHING_FOUND
from resolver.cli.messages import show_message
from resolver.cli.output import OutputOptions, open_output, open_text
from resolver.cli.selection import ENDPOINT
from resolver.cli.summary import Summary
from resolver.lookup.stored import list_stored
from resolver.registry_in_force import get_registry
from resolver.render import make_printable
from resolver.settings import FilledSettings, Settings
from store.store import MetadataStore


async def list_public(store: MetadataStore, settings: FilledSettings, author: str | None) -> AsyncGenerator[Answer]:
    """The answers of the store that are public and of the settings' endpoint."""
    registry = await get_registry(store, settings.registry)
    listed = list_stored(
        store,
        registry,
        endpoint=settings.endpoint,
        max_age_s=settings.max_age_s,
        now_s=time.time(),
        author=author,
    )
    async with aclosing(listed):
        async for answer in listed:
            yield answer


async def list_answers(
    settings: Settings, author: str | None, output: OutputOptions, *, endpoints: Sequence[str] = (), every: bool = False
) -> int:
    """Write the rows of the store that are chosen; the exit code.

    `endpoints` are base URLs of Hubs, that of the settings where there is none; `every`: all that the store has. Rows
    of several endpoints have the key `endpoint` too.
    """
    filled = settings.fill()
    asked = [Settings(endpoint=endpoint).fill().endpoint for endpoint in endpoints] or [filled.endpoint]
    listed, selected = 0, Summary()
    async with MetadataStore(filled.store, may_create=False) as store:
        asked = await store.list_endpoints() if every else list(dict.fromkeys(asked))
        has_endpoint = every or len(asked) > 1
        with open_output(output.with_key(ENDPOINT) if has_endpoint else output) as write:
            for endpoint in asked:
                answers = list_public(store, dataclasses.replace(filled, endpoint=endpoint), author)
                async with aclosing(answers):
                    async for answer in answers:
                        row = answer.to_dict()
                        listed += 1
                        if output.selection.accepts(row):
                            write({ENDPOINT: endpoint, **row} if has_endpoint else row)
                            selected.add(row)
        known = [] if listed else await store.list_endpoints()
    if output.format_ == "summary":
        with open_text(output.path) as file:
            file.write(make_printable(f"{selected.render(shows_all=True)}{selected.total:,} of {listed:,} repos\n"))
    if selected.failed:
        return ERROR_ROWS
    if not selected.total:
        nothing = (
            f"none of the {listed:,} repos has the values of --where" if listed else explain_empty(asked, author, known)
        )
        show_message(nothing)
        return NOTHING_FOUND
    return ALL_ANSWERED


def explain_empty(asked: Sequence[str], author: str | None, known: Sequence[str]) -> str:
    """Why a store has no answers of the endpoints `asked`; it has some of those that are `known`."""
    place = f" from {', '.join(asked)}" if asked else ""
    nothing = f"the store has no public repo{f' of {author}' if author else ''}{place}"
    others = [item for item in known if item not in asked]
    return f"{nothing}; it has some from {', '.join(others)}: use --endpoint" if others else nothing
