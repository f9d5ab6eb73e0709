"""Runs `hubresolve resolve` and `explain`: builds settings from options, writes answers, returns the exit code."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import aclosing
from typing import Any

import click

from resolver.cli.exits import ALL_ANSWERED, ERROR_ROWS, NOTHING_FOUND
from resolver.cli.input.ids import get_single_id, read_ids
from resolver.cli.messages import show_message
from resolver.cli.output import OutputOptions, open_output, open_text
from resolver.cli.progress import open_progress
from resolver.cli.resolve_request import ResolveRequest
from resolver.cli.summary import Summary, render_totals
from resolver.errors import ResolveError, UnknownTaskError
from resolver.render import make_printable, render_explanation, render_json_line
from resolver.resolver import Resolver
from resolver.settings import Settings


def build_settings(options: Mapping[str, Any]) -> Settings:
    """The settings of the command's options; an option that was not given leaves its setting open."""
    return Settings(
        endpoint=options["endpoint"],
        store=options["store"],
        offline=options["offline"],
        max_age_s=options["max_age"],
        max_stale_s=options["max_stale"],
        refresh=options["refresh"],
        lean=options["lean"],
        partial=options.get("partial"),
        concurrency=options["concurrency"],
    )


async def resolve_ids(
    request: ResolveRequest,
    hub_options: Mapping[str, Any],
    *,
    output: OutputOptions,
    ordered: bool,
    quiet: bool,
) -> int:
    """Resolve all repos and write their rows; the exit code."""
    started_s, summary, selected = time.monotonic(), Summary(), Summary()
    endpoint = hub_options["endpoint"]
    if request.retry_failed is not None:
        ids = read_ids(request.ids, request.retry_failed, endpoint, option="--retry-failed", only_failed=True)
        # That a repo is missing is remembered for a while: now it is asked for again.
        hub_options = {**hub_options, "refresh": None if hub_options["offline"] else True}
    else:
        ids = read_ids(request.ids, request.file, endpoint)
    resolver = Resolver(build_settings(hub_options))
    names = {"task": hub_options["task"], "library": hub_options["library"]}
    with open_output(output) as write:
        async with resolver:
            if request.is_listing:
                answers = resolver.resolve_listing(
                    request.author,
                    request.search,
                    request.filters,
                    request.limit,
                    since_s=request.since_s,
                    resume=request.resume,
                    sweep=request.sweep,
                    **names,
                )
            else:
                answers = resolver.resolve_many(
                    ids, revision=hub_options["revision"], subfolder=request.subfolder, ordered=ordered, **names
                )
            with open_progress(request.count, quiet=quiet) as advance:
                async with aclosing(answers):
                    async for answer in answers:
                        row = answer.to_dict()
                        summary.add(row)
                        if output.selection.accepts(row):
                            write(row)
                            selected.add(row)
                        advance(summary.total, summary.failed, resolver.quota_left)
    if output.format_ == "summary" or (not quiet and summary.total > 1):
        _write_summary(summary, selected, resolver, output, time.monotonic() - started_s)
    if summary.failed:
        return ERROR_ROWS
    if not selected.total and (summary.total or request.is_listing):
        show_message(_say_nothing_found(request, summary.total))
        return NOTHING_FOUND
    if not summary.total:
        source = request.retry_failed or request.file
        name = "standard input" if source == "-" else source
        show_message(f"{name} names no repo{' that failed' if request.retry_failed else ''}: nothing to resolve")
    return ALL_ANSWERED


def _say_nothing_found(request: ResolveRequest, answered: int) -> str:
    if answered:
        return f"none of the {answered:,} repos has the values of --where"
    return "no listed repo has changed since then" if request.since_s is not None else "the Hub lists no such repo"


def _write_summary(
    summary: Summary, selected: Summary, resolver: Resolver, output: OutputOptions, elapsed_s: float
) -> None:
    """Write the counts of the selected rows, and the totals of the run.

    They go to standard error, or, where they are the output, all of them to it.
    """
    is_output = output.format_ == "summary"
    totals = render_totals(
        summary,
        requests=resolver.requests,
        quota_left=resolver.quota_left,
        elapsed_s=elapsed_s,
        longest_wait_s=resolver.longest_wait_s,
    )
    text = make_printable(f"{selected.render(shows_all=is_output)}{totals}\n")
    if not is_output:
        click.echo(text, err=True, nl=False)
        return
    with open_text(output.path) as file:
        file.write(text)


async def explain_id(id_: str, hub_options: Mapping[str, Any], *, subfolder: str, as_json: bool) -> int:
    """Write the answer for one repo with the evidence that led to it; the exit code."""
    async with Resolver(build_settings(hub_options)) as resolver:
        try:
            answer = await resolver.resolve(
                get_single_id(id_, hub_options["endpoint"]),
                revision=hub_options["revision"],
                task=hub_options["task"],
                library=hub_options["library"],
                subfolder=subfolder,
            )
        except UnknownTaskError:
            # Wrong usage, as for `resolve`: no repo can be answered with such a name.
            raise
        except ResolveError as error:
            show_message(f"{error} ({error.code})")
            return ERROR_ROWS
    if as_json:
        evidence = [{"rule": item.rule, "saw": item.saw, "said": item.said} for item in answer.evidence]
        click.echo(render_json_line({**answer.to_dict(), "evidence": evidence}))
    else:
        click.echo(render_explanation(answer, time.time()), nl=False)
    return ALL_ANSWERED
