"""Defines the subcommands of `hubresolve store`."""

from __future__ import annotations

from typing import Any

import click

from resolver.cli.durations import DURATION, MOMENT
from resolver.cli.output_options import output_options, take_output_options
from resolver.cli.running import run
from resolver.cli.shared_options import json_option, store_option


@click.group()
def store() -> None:
    """Inspect and maintain the store."""


@store.command("info")
@json_option
@store_option
def store_info(location: str | None, format_: str) -> int:
    """Show counts, size, ages and hit rates."""
    from resolver.cli.stores import show_info

    return run(show_info(location, as_json=format_ == "json"))


@store.command(
    "list",
    epilog="""\b
Examples:
  hubresolve store list --author openai
  hubresolve store list --where library=diffusers --sort task --format csv --output answers.csv
""",
)
@click.option("--author", metavar="A", help="Only repos of this user or organisation.")
@click.option("--endpoint", metavar="URL", help="Base URL of the Hub that they are of.  [env: HF_ENDPOINT]")
@click.option(
    "--max-age", type=DURATION, metavar="AGE", help="Call older answers stale: 3600, 15m, 12h, 1d.  [default: 1d]"
)
@output_options
@store_option
def store_list(
    author: str | None, endpoint: str | None, max_age: float | None, location: str | None, **more: Any
) -> int:
    """List the answer for each public repo and revision in the store, as `resolve --offline` gives it."""
    from resolver.cli.store_listing import list_answers
    from resolver.settings import Settings

    output, _ = take_output_options(more)
    settings = Settings(store=location, endpoint=endpoint, max_age_s=max_age)
    return run(list_answers(settings, author, output))


@store.command("export")
@click.argument("file", metavar="F")
@click.argument("ids", nargs=-1, metavar="[ID]...")
@click.option("--with-private", is_flag=True, help="Include rows that only certain tokens may see.")
@store_option
def store_export(file: str, ids: tuple[str, ...], with_private: bool, location: str | None) -> int:
    """Export the store, or only the given repos, to one file F."""
    from resolver.cli.stores import export_to

    return run(export_to(location, file, ids, with_private=with_private))


@store.command(
    "import",
    epilog="""\b
Examples:
  hubresolve store import answers.bundle
  hubresolve store import models.parquet --as-of 2026-11-01
""",
)
@click.argument("file", metavar="F")
@click.option("--endpoint", metavar="URL", help="Of model infos: the Hub that they are of.  [env: HF_ENDPOINT]")
@click.option(
    "--as-of",
    type=MOMENT,
    metavar="WHEN",
    help="Of model infos: when they were seen, as a date, a time or 12h, 1d ago.  [default: when F was last changed]",
)
@store_option
def store_import(file: str, endpoint: str | None, as_of: float | None, location: str | None) -> int:
    """Merge a file written by `store export`, or a snapshot of model infos (JSON lines, Parquet). If both have a ref,
    the one checked later is kept.
    """
    from resolver.cli.stores import import_from

    return run(import_from(location, file, endpoint=endpoint, as_of_s=as_of))


@store.command("prune")
@click.option(
    "--older-than", type=DURATION, metavar="AGE", help="Only refs last checked longer ago: 3600, 15m, 12h, 30d, 2w."
)
@click.option("--endpoint", metavar="URL", help="Only refs of this Hub.")
@click.option("--repo", "repo_ids", metavar="ID", multiple=True, help="Only refs of this repo. May be repeated.")
@store_option
def store_prune(older_than: float | None, endpoint: str | None, repo_ids: tuple[str, ...], location: str | None) -> int:
    """Remove the refs that match all given options, and the rows that no ref leads to any more."""
    from resolver.cli.stores import prune_rows

    if older_than is None and endpoint is None and not repo_ids:
        raise click.UsageError("no criterion is given: use --older-than, --endpoint or --repo")
    return run(prune_rows(location, older_than_s=older_than, endpoint=endpoint, repo_ids=repo_ids))


@store.command("verify")
@click.option("--drop", is_flag=True, help="Remove the rows that have a problem.")
@store_option
def store_verify(drop: bool, location: str | None) -> int:
    """Check every row against its digest, and repeat every decision that the current rules made."""
    from resolver.cli.stores import verify_rows

    return run(verify_rows(location, drop=drop))
