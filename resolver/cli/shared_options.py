"""Defines the options that commands of several groups have."""

from __future__ import annotations

import click

json_option = click.option(
    "--format",
    "format_",
    type=click.Choice(("text", "json")),
    default="text",
    show_default=True,
    help="Format of the output.",
)

store_option = click.option("--store", "location", metavar="PATH|URL", help="Store to use.  [env: HUBRESOLVE_STORE]")
