"""Defines the subcommands that read the answers of earlier runs: `diff` and `report`."""

from __future__ import annotations

import click


@click.command(
    epilog="""\b
Examples:
  hubresolve diff monday.jsonl tuesday.jsonl
  hubresolve diff old.csv new.parquet --format jsonl
  hubresolve diff old.csv new.csv --columns task,requires_remote_code
"""
)
@click.argument("old", metavar="OLD")
@click.argument("new", metavar="NEW")
@click.option(
    "--format",
    "format_",
    type=click.Choice(("table", "jsonl")),
    default="table",
    show_default=True,
    help="Format of the output.",
)
@click.option(
    "--columns", metavar="K,K", help="Compare these keys of a row instead of commit, library, task and so on."
)
@click.option("--output", metavar="F", help="Write the differences to a file instead of standard output.")
@click.option("--quiet", is_flag=True, help="Show no counts at the end.")
def diff(old: str, new: str, format_: str, columns: str | None, output: str | None, quiet: bool) -> int:
    """Show what is different in NEW.

    OLD and NEW are files that `resolve` wrote as JSON lines, CSV or Parquet; - is standard input. The exit code is 0 if
    nothing is different, and 1 if something is.
    """
    from resolver.cli.diffing import diff_files
    from resolver.cli.selection import SelectionError, parse_selection

    if old == "-" == new:
        raise click.UsageError("standard input can be one of the files, not both")
    try:
        keys = parse_selection(columns=columns).columns
    except SelectionError as error:
        raise click.UsageError(str(error)) from error
    return diff_files(old, new, keys, as_json=format_ == "jsonl", output=output, quiet=quiet)


@click.command(
    epilog="""\b
Examples:
  hubresolve resolve --file ids.txt --format jsonl --output answers.jsonl
  hubresolve report answers.jsonl --output report.html
"""
)
@click.argument("answers", metavar="ANSWERS")
@click.option("-o", "--output", metavar="F", help="Write the page to this file instead of standard output.")
@click.option("--title", metavar="T", help="Title of the page.  [default: Hub repos]")
@click.option("--quiet", is_flag=True, help="Do not tell the size of the page.")
def report(answers: str, output: str | None, title: str | None, quiet: bool) -> int:
    """Make one page of HTML about the answers of a run: counts, failures, conflicts, and a table to search.

    ANSWERS is a file that `resolve` wrote as JSON lines, CSV or Parquet; - is standard input. The page needs no
    network.
    """
    from resolver.cli.reporting import write_report

    return write_report(answers, output=output, title=title, quiet=quiet)
