"""Defines the command `watch`."""

from __future__ import annotations

import click

from resolver.cli.durations import DURATION

DEFAULT_EVERY_S = 3_600.0


@click.command(
    epilog="""\b
Examples:
  hubresolve watch --file ids.txt --every 1h
  hubresolve watch --file ids.txt --once --format jsonl
  hubresolve watch --file ids.txt --every 15m --run "python on_change.py"
  hubresolve watch openai/whisper-small --every 1h --post https://example.org/hook
"""
)
@click.argument("ids", nargs=-1, metavar="[ID[@REV] | URL]...")
@click.option("--file", metavar="F|-", help="Read ids from a file (- for standard input); it is read at each check.")
@click.option("--revision", metavar="R", help="Branch or tag for ids without a revision.  [default: main]")
@click.option("--every", type=DURATION, metavar="T", help="Time between two checks: 15m, 1h, 1d.  [default: 1h]")
@click.option("--once", is_flag=True, help="Check once; the exit code is 0 if nothing has changed, else 1.")
@click.option(
    "--run", "command", metavar="COMMAND", help="Run this program for each event, given as JSON on its stdin."
)
@click.option("--post", "url", metavar="URL", help="Post each event as JSON to this address.")
@click.option("--lean", is_flag=True, default=None, help="Fetch config.json only if it can change the answer.")
@click.option("--endpoint", metavar="URL", help="Base URL of the Hub.  [env: HF_ENDPOINT]")
@click.option("--store", metavar="PATH|URL", help="Database that keeps the answers.  [env: HUBRESOLVE_STORE]")
@click.option("--concurrency", type=int, metavar="N", help="Maximum number of requests in flight.  [default: 64]")
@click.option(
    "--format",
    "format_",
    type=click.Choice(("text", "jsonl")),
    default="text",
    show_default=True,
    help="Format of the events, one a line.",
)
@click.option("--output", metavar="F", help="Write the events to a file instead of standard output.")
@click.option("--quiet", is_flag=True, help="Show no counts.")
def watch(
    ids: tuple[str, ...],
    file: str | None,
    revision: str | None,
    every: float | None,
    once: bool,
    command: str | None,
    url: str | None,
    lean: bool | None,
    endpoint: str | None,
    store: str | None,
    concurrency: int | None,
    format_: str,
    output: str | None,
    quiet: bool,
) -> int:
    """Check repos at the Hub at intervals, within its quota, and report what has changed.

    The first check is compared with what the store knew before. COMMAND is a program with its arguments. It is started
    without a shell, and reads the event from its standard input.
    """
    from resolver.cli.running import run
    from resolver.cli.watching import WatchRequest, watch as watch_repos
    from resolver.settings import Settings

    if not ids and file is None:
        raise click.UsageError("nothing to watch: give ids, or --file")
    if once and every is not None:
        raise click.UsageError("give --every or --once, not both")
    if every is not None and every < 1:
        raise click.UsageError("--every: at least a second must be between two checks")
    request = WatchRequest(
        ids=ids,
        file=file,
        revision=revision,
        every_s=None if once else every or DEFAULT_EVERY_S,
        command=command,
        url=url,
        as_json=format_ == "jsonl",
        output=output,
        quiet=quiet,
    )
    settings = Settings(endpoint=endpoint, store=store, lean=lean, concurrency=concurrency, max_stale_s=0)
    return run(watch_repos(request, settings))
