"""Runs a command, or posts JSON to a URL, for each event that `hubresolve watch` finds."""

from __future__ import annotations

import asyncio
import shlex
import shutil
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import click
import msgspec

from resolver.cli.messages import show_message

COMMAND_TIMEOUT_S = 300.0
"""Longest time that a command may take for one event."""

React = Callable[[Mapping[str, Any]], Awaitable[bool]]
"""Takes the event; whether everything was done."""


@asynccontextmanager
async def open_reactions(command: str | None, url: str | None) -> AsyncIterator[React]:
    """A function that runs `command` with the event as JSON on its standard input, and posts the event to `url`.

    A failure is shown, and does not end the watch.

    Raises:
        click.UsageError: the command does not exist.
        SettingsError: the URL cannot be used.
    """
    arguments = _split(command) if command is not None else None
    if url is None:

        async def run_only(event: Mapping[str, Any]) -> bool:
            return arguments is None or await _run(arguments, event)

        yield run_only
        return
    # Imported here: the HTTP library takes longer than the rest of the start.
    from resolver.hub.webhook import Webhook, WebhookError

    async with Webhook(url) as webhook:

        async def react(event: Mapping[str, Any]) -> bool:
            is_run = arguments is None or await _run(arguments, event)
            try:
                await webhook.post(event)
            except WebhookError as error:
                show_message(str(error))
                return False
            return is_run

        yield react


def _split(command: str) -> list[str]:
    """The program and its arguments: no shell reads them, so that no value of an event can be a command."""
    try:
        arguments = shlex.split(command)
    except ValueError as error:
        raise click.UsageError(f"--run {command}: {error}") from error
    if not arguments or shutil.which(arguments[0]) is None:
        raise click.UsageError(f"--run {command}: there is no such program")
    return arguments


async def _run(arguments: list[str], event: Mapping[str, Any]) -> bool:
    try:
        # What it prints is no event: it goes where messages go.
        process = await asyncio.create_subprocess_exec(*arguments, stdin=asyncio.subprocess.PIPE, stdout=sys.stderr)
    except OSError as error:
        show_message(f"{arguments[0]} cannot be run: {error.strerror or error}")
        return False
    try:
        async with asyncio.timeout(COMMAND_TIMEOUT_S):
            await process.communicate(msgspec.json.encode(event) + b"\n")
    except TimeoutError:
        show_message(f"{arguments[0]} took longer than {COMMAND_TIMEOUT_S:.0f} s and was ended")
        return False
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        show_message(f"{arguments[0]} failed with exit code {process.returncode}")
    return not process.returncode
