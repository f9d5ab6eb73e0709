"""The options that choose the revision, task, Hub and store, and where ids are read from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from resolver.cli.durations import DURATION

CommandFunction = TypeVar("CommandFunction", bound=Callable[..., Any])

file_option = click.option(
    "--file",
    "file",
    metavar="F|-",
    help="Read ids from a file (- for standard input): lines, CSV, JSON lines or Parquet.",
)
ray_option = click.option(
    "--ray", "ray_address", metavar="ADDRESS", help="Work on the Ray cluster at this address; auto: on the running one."
)


def hub_options(command: CommandFunction) -> CommandFunction:
    """`command` with the options that choose the revision, task, Hub and store."""
    options = (
        click.option(
            "--revision", metavar="R", help="Branch, tag or commit for ids without a revision.  [default: main]"
        ),
        click.option("--task", metavar="T", help="Resolve for this task. A repo that cannot serve it is an error."),
        click.option(
            "--library", metavar="L", help="Resolve for this library. A repo that it cannot load is an error."
        ),
        click.option(
            "--offline", is_flag=True, default=None, help="Do not use the network. Answer from the store and the cache."
        ),
        click.option(
            "--max-age",
            type=DURATION,
            metavar="AGE",
            help="Check a branch again if its last check is older: 3600, 15m, 12h, 1d.  [default: 1d]",
        ),
        click.option(
            "--max-stale",
            type=DURATION,
            metavar="AGE",
            help="If the Hub cannot be reached, give answers checked within this time, marked stale.  [default: 0]",
        ),
        click.option(
            "--refresh",
            is_flag=True,
            default=None,
            help="Check every branch at the Hub, however recent the last check is.",
        ),
        click.option("--lean", is_flag=True, default=None, help="Fetch config.json only if it can change the answer."),
        click.option("--endpoint", metavar="URL", help="Base URL of the Hub.  [env: HF_ENDPOINT]"),
        click.option("--store", metavar="PATH|URL", help="Database that keeps the answers.  [env: HUBRESOLVE_STORE]"),
        click.option(
            "--concurrency", type=int, metavar="N", help="Maximum number of requests in flight.  [default: 64]"
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command
