"""Defines the subcommands that read the answers of earlier runs: `diff` and `report`."""

from __future__ import annotations

import click

from resolver.cli.moments import MOMENT


@click.command(
    epilog="""\b
Examples:
  hubresolve diff monday.jsonl tuesday.jsonl
  hubresolve diff old.csv new.parquet --format jsonl
  hubresolve diff old.csv new.csv --columns task,requires_remote_code
  hubresolve diff yesterday.sqlite3 today.sqlite3
  hubresolve diff --since 7d
  hubresolve diff --since 2026-01-01 --until 2026-01-31T12:00
"""
)
@click.argument("old", metavar="[OLD]", required=False)
@click.argument("new", metavar="[NEW]", required=False)
@click.option("--since", type=MOMENT, metavar="WHEN", help="Compare the store with what it was then: a date, or 7d.")
@click.option("--until", type=MOMENT, metavar="WHEN", help="Compare with the store at this time.  [default: now]")
@click.option("--store", metavar="PATH|URL", help="Store that --since reads.  [env: HUBRESOLVE_STORE]")
@click.option("--endpoint", metavar="URL", help="With stores: only repos of this Hub.  [env: HF_ENDPOINT]")
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
def diff(
    old: str | None,
    new: str | None,
    since: float | None,
    until: float | None,
    store: str | None,
    endpoint: str | None,
    format_: str,
    columns: str | None,
    output: str | None,
    quiet: bool,
) -> int:
    """Compare two runs or stores, or the store with what it was at an earlier time.

    OLD and NEW are files that `resolve` wrote as JSON lines, CSV or Parquet (- is standard input), or stores. The exit
    code is 0 if nothing is different, and 1 if something is.
    """
    from resolver.cli.diffing import DiffOutput, diff_files, diff_moments, diff_stores, is_store
    from resolver.cli.running import run
    from resolver.cli.selection import SelectionError, parse_selection
    from resolver.settings import Settings

    try:
        keys = parse_selection(columns=columns).columns
    except SelectionError as error:
        raise click.UsageError(str(error)) from error
    options = DiffOutput(columns=keys, as_json=format_ == "jsonl", path=output, quiet=quiet)
    if since is not None:
        if old is not None:
            raise click.UsageError("give OLD and NEW, or --since, not both")
        return run(diff_moments(Settings(store=store, endpoint=endpoint), since, until, options))
    if old is None or new is None:
        raise click.UsageError("give OLD and NEW, or --since")
    if until is not None or store is not None:
        raise click.UsageError("--until and --store are about two moments of a store: give --since with them")
    if old == "-" == new:
        raise click.UsageError("standard input can be one of the files, not both")
    if is_store(old) or is_store(new):
        return run(diff_stores(old, new, endpoint, options))
    if endpoint is not None:
        raise click.UsageError("--endpoint is about stores, and OLD and NEW are files")
    return diff_files(old, new, options)


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
@click.option("--endpoint", metavar="URL", help="With a store: only repos of this Hub.  [env: HF_ENDPOINT]")
@click.option("--author", metavar="A", help="With a store: only repos of this user or organisation.")
@click.option("-o", "--output", metavar="F", help="Write the page to this file instead of standard output.")
@click.option("--title", metavar="T", help="Title of the page.  [default: Hub repos]")
@click.option("--quiet", is_flag=True, help="Do not report the size of the page.")
def report(
    answers: str | None,
    store: str | None,
    endpoint: str | None,
    author: str | None,
    output: str | None,
    title: str | None,
    quiet: bool,
) -> int:
    """Make an HTML page about answers: counts, failures, conflicts, and a table to search.

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
