"""Runs `hubresolve store list`: writes the answers that a store can give without the Hub."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator
from contextlib import aclosing

from resolver.answer import Answer
from resolver.cli.exits import ALL_ANSWERED, ERROR_ROWS, NOTHING_FOUND
from resolver.cli.messages import show_message
from resolver.cli.output import OutputOptions, open_output, open_text
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


async def list_answers(settings: Settings, author: str | None, output: OutputOptions) -> int:
    """Write the rows of the store that are chosen; the exit code."""
    filled = settings.fill()
    listed, selected = 0, Summary()
    async with MetadataStore(filled.store, may_create=False) as store:
        with open_output(output) as write:
            answers = list_public(store, filled, author)
            async with aclosing(answers):
                async for answer in answers:
                    row = answer.to_dict()
                    listed += 1
                    if output.selection.accepts(row):
                        write(row)
                        selected.add(row)
        endpoints = [] if listed else await store.list_endpoints()
    if output.format_ == "summary":
        with open_text(output.path) as file:
            file.write(make_printable(f"{selected.render(shows_all=True)}{selected.total:,} of {listed:,} repos\n"))
    if selected.failed:
        return ERROR_ROWS
    if not selected.total:
        show_message(_explain_nothing(listed, filled.endpoint, author, endpoints))
        return NOTHING_FOUND
    return ALL_ANSWERED


def _explain_nothing(listed: int, endpoint: str, author: str | None, endpoints: list[str]) -> str:
    if listed:
        return f"none of the {listed:,} repos has these values"
    nothing = f"the store has no public repo{f' of {author}' if author else ''} from {endpoint}"
    others = [item for item in endpoints if item != endpoint]
    return f"{nothing}; it has some from {', '.join(others)}: use --endpoint" if others else nothing
