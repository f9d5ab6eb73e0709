"""Defines the subcommands of `hubresolve store`."""

from __future__ import annotations

from pathlib import PurePath
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
@click.option(
    "--endpoint",
    "endpoints",
    metavar="URL",
    multiple=True,
    help="Base URL of the Hub that they are of. May be repeated.  [env: HF_ENDPOINT]",
)
@click.option("--all-endpoints", is_flag=True, help="Repos of all Hubs that the store has.")
@click.option(
    "--max-age", type=DURATION, metavar="AGE", help="Mark older answers as stale: 3600, 15m, 12h, 1d.  [default: 1d]"
)
@output_options
@store_option
def store_list(
    author: str | None,
    endpoints: tuple[str, ...],
    all_endpoints: bool,
    max_age: float | None,
    location: str | None,
    **more: Any,
) -> int:
    """List the answer for each public repo and revision in the store, as `resolve --offline` gives it.

    Rows of several endpoints have the key `endpoint` too.
    """
    from resolver.cli.store_listing import list_answers
    from resolver.settings import Settings

    output, _ = take_output_options(more)
    if endpoints and all_endpoints:
        raise click.UsageError("give --endpoint or --all-endpoints, not both")
    settings = Settings(store=location, max_age_s=max_age)
    return run(list_answers(settings, author, output, endpoints=endpoints, every=all_endpoints))


@store.command(
    "query",
    epilog="""\b
Examples:
  hubresolve store query "SELECT task, count(*) FROM answers GROUP BY task ORDER BY 2 DESC"
  hubresolve store query "SELECT repo_id, task FROM answers WHERE conflict" --format jsonl

The view answers has a row for each endpoint, public repo and revision, with the keys of an answer as columns;
answers_private has those that only certain tokens may see.
""",
)
@click.argument("sql", metavar="SQL|-")
@click.option(
    "--format",
    "format_",
    type=click.Choice(("table", "jsonl", "csv")),
    default="table",
    show_default=True,
    help="Format of the rows.",
)
@click.option("--output", metavar="F", help="Write the rows to a file instead of standard output.")
@click.option(
    "--csv-safe",
    is_flag=True,
    help="With --format csv: put ' before a cell that a spreadsheet would take for a formula.",
)
@click.option(
    "--timeout", type=DURATION, default="60s", show_default=True, metavar="T", help="Longest time for the query."
)
@store_option
def store_query(
    sql: str, format_: str, output: str | None, csv_safe: bool, timeout: float, location: str | None
) -> int:
    """Run one SQL statement that only reads the store. With -, read it from standard input."""
    from resolver.cli.querying import query_store

    if csv_safe and format_ != "csv":
        raise click.UsageError("--csv-safe is about spreadsheets: give --format csv with it")
    return run(query_store(location, sql, format_=format_, output=output, csv_safe=csv_safe, timeout_s=timeout))


@store.command(
    "export",
    epilog="""\b
Examples:
  hubresolve store export knowledge.bundle
  hubresolve store export answers.parquet
  hubresolve store export --format duckdb answers.db
""",
)
@click.argument("file", metavar="F")
@click.argument("ids", nargs=-1, metavar="[ID]...")
@click.option(
    "--format",
    "format_",
    type=click.Choice(("bundle", "sqlite", "parquet", "duckdb")),
    help="A bundle for another store, or a table of answers for other programs.  [default: as the name of F ends, else "
    "bundle]",
)
@click.option("--with-private", is_flag=True, help="Include rows that only certain tokens may see.")
@store_option
def store_export(file: str, ids: tuple[str, ...], format_: str | None, with_private: bool, location: str | None) -> int:
    """Export the store, or only the given repos, to one file F."""
    from resolver.cli.exporting_answers import FORMAT_BY_SUFFIX, export_answers
    from resolver.cli.stores import export_to

    format_ = format_ or FORMAT_BY_SUFFIX.get(PurePath(file).suffix.lower(), "bundle")
    if format_ == "bundle":
        return run(export_to(location, file, ids, with_private=with_private))
    return run(export_answers(location, file, ids, format_=format_, with_private=with_private))


@store.command(
    "import",
    epilog="""\b
Examples:
  hubresolve store import answers.bundle
  hubresolve store import models.parquet --as-of 2026-11-01
""",
)
@click.argument("file", metavar="F")
@click.option("--endpoint", metavar="URL", help="With model infos: the Hub that they come from.  [env: HF_ENDPOINT]")
@click.option(
    "--as-of",
    type=MOMENT,
    metavar="WHEN",
    help="With model infos: when they were read, as a date, a time or 12h, 1d ago.  [default: when F was last changed]",
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
