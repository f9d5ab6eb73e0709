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
  hubresolve report --author openai --output report.html
"""
)
@click.argument("answers", metavar="[ANSWERS]", required=False)
@click.option("--store", metavar="PATH|URL", help="Report this store.  [env: HUBRESOLVE_STORE]")
@click.option("--endpoint", metavar="URL", help="Of a store: only repos of this Hub.  [env: HF_ENDPOINT]")
@click.option("--author", metavar="A", help="Of a store: only repos of this user or organisation.")
@click.option("-o", "--output", metavar="F", help="Write the page to this file instead of standard output.")
@click.option("--title", metavar="T", help="Title of the page.  [default: Hub repos]")
@click.option("--quiet", is_flag=True, help="Do not tell the size of the page.")
def report(
    answers: str | None,
    store: str | None,
    endpoint: str | None,
    author: str | None,
    output: str | None,
    title: str | None,
    quiet: bool,
) -> int:
    """Make one page of HTML about answers: counts, failures, conflicts, and a table to search.

    ANSWERS is a file that `resolve` wrote as JSON lines, CSV or Parquet; - is standard input. Without it, the page is
    about the store, and has the evidence of answers that need attention. The page needs no network.
    """
    from resolver.cli.reporting import report_file, report_store
    from resolver.cli.running import run
    from resolver.settings import Settings

    if answers is not None:
        if store is not None or endpoint is not None or author is not None:
            raise click.UsageError("--store, --endpoint and --author are about a store: give no ANSWERS with them")
        return report_file(answers, output=output, title=title, quiet=quiet)
    settings = Settings(store=store, endpoint=endpoint)
    return run(report_store(settings, author, output=output, title=title, quiet=quiet))
