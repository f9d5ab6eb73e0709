"""Defines the subcommands of `hubresolve registry`."""

from __future__ import annotations

import click

from resolver.cli.running import run
from resolver.cli.shared_options import json_option, store_option


@click.group()
def registry() -> None:
    """Show and update the tables that decisions come from."""


@registry.command(
    "update",
    epilog="""\b
Examples:
  hubresolve registry update
  hubresolve registry update --from 5.25.0 --from peft
  pip download --no-deps transformers && hubresolve registry update --from transformers-5.25.0-py3-none-any.whl
""",
)
@click.option(
    "--from",
    "sources",
    multiple=True,
    metavar="WHEEL|FOLDER|VERSION",
    help="A wheel, a folder of wheels or with the packages, a release of transformers, or NAME==VERSION. May be "
    "repeated.  [default: the newest releases, fetched with pip]",
)
@store_option
def registry_update(sources: tuple[str, ...], location: str | None) -> int:
    """Read the tables of newer releases into the store. No release is installed, imported or run.

    Releases of transformers, diffusers, sentence-transformers and peft can be read. All programs that use the store
    decide by them from their next start on.
    """
    from resolver.cli.registry import parse_sources, update_registry

    return run(update_registry(location, parse_sources(sources)))


@registry.command("info")
@json_option
@store_option
def registry_info(location: str | None, format_: str) -> int:
    """Show the library releases of the tables in force, where the tables come from, and their age."""
    from resolver.cli.registry import show_registry

    return run(show_registry(location, as_json=format_ == "json"))


@registry.command("reset")
@store_option
def registry_reset(location: str | None) -> int:
    """Remove from the store what `registry update` has read."""
    from resolver.cli.registry import reset_registry

    return run(reset_registry(location))
