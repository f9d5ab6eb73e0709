"""Runs `hubresolve serve`."""

from __future__ import annotations

from resolver.cli.exits import ALL_ANSWERED
from resolver.cli.messages import show_message
from resolver.serving.service import ServeOptions, run_service


async def serve_until_stopped(options: ServeOptions) -> int:
    """Answer until a signal comes; the exit code."""
    await run_service(options, show_message)
    return ALL_ANSWERED
