"""Runs `hubresolve resolve` and `explain`: builds settings from options, writes answers, returns the exit code."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

import click

from resolver.answer import Failure
from resolver.cli.exits import ALL_ANSWERED, ERROR_ROWS
from resolver.cli.ids import read_ids
from resolver.cli.messages import show_message
from resolver.cli.output import OutputOptions, open_output
from resolver.cli.progress import open_progress
from resolver.errors import ResolveError, UnknownTaskError
from resolver.render import render_explanation
from resolver.resolver import Resolver
from resolver.settings import Settings


def build_settings(options: Mapping[str, Any]) -> Settings:
    """The settings of the command's options; an option that was not given leaves its setting open."""
    return Settings(
        endpoint=options["endpoint"],
        store=options["store"],
        offline=options["offline"],
        max_age_s=options["max_age"],
        refresh=options["refresh"],
        lean=options["lean"],
        concurrency=options["concurrency"],
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolveRequest:
    """The repos to resolve: the ids of the arguments and the lines of a file, or, with `is_listing`, a Hub listing."""

    ids: tuple[str, ...]
    file: str | None
    author: str | None
    search: str | None
    filters: tuple[str, ...]
    limit: int | None
    is_listing: bool

    @property
    def count(self) -> int | None:
        """How many repos there are; None if that is not known before the run."""
        return None if self.is_listing or self.file is not None else len(self.ids)


async def resolve_ids(
    request: ResolveRequest,
    hub_options: Mapping[str, Any],
    *,
    output: OutputOptions,
    ordered: bool,
    quiet: bool,
) -> int:
    """Resolve all repos and write their rows; the exit code."""
    started_s, counts = time.monotonic(), Counter[str]()
    ids = read_ids(request.ids, request.file)
    resolver = Resolver(build_settings(hub_options))
    names = {"task": hub_options["task"], "library": hub_options["library"]}
    with open_output(output) as write:
        async with resolver:
            if request.is_listing:
                answers = resolver.resolve_listing(
                    request.author, request.search, request.filters, request.limit, **names
                )
            else:
                answers = resolver.resolve_many(ids, revision=hub_options["revision"], ordered=ordered, **names)
            with open_progress(request.count, quiet=quiet) as advance:
                async with aclosing(answers):
                    async for answer in answers:
                        counts["failed" if isinstance(answer, Failure) else answer.source.value] += 1
                        write(answer)
                        advance(counts, resolver.quota_left)
    if not quiet and counts.total() > 1:
        summary = _build_summary(counts, resolver.requests, time.monotonic() - started_s, resolver.longest_wait_s)
        click.echo(summary, err=True)
    return ERROR_ROWS if counts["failed"] else ALL_ANSWERED


async def explain_id(id_: str, hub_options: Mapping[str, Any]) -> int:
    """Write the answer for one repo with the evidence that led to it; the exit code."""
    async with Resolver(build_settings(hub_options)) as resolver:
        try:
            answer = await resolver.resolve(
                id_, revision=hub_options["revision"], task=hub_options["task"], library=hub_options["library"]
            )
        except UnknownTaskError:
            # Wrong usage, as for `resolve`: no repo can be answered with such a name.
            raise
        except ResolveError as error:
            show_message(f"{error} ({error.code})")
            return ERROR_ROWS
    click.echo(render_explanation(answer, time.time()), nl=False)
    return ALL_ANSWERED


def _build_summary(counts: Counter[str], requests: Mapping[str, int], elapsed_s: float, longest_wait_s: float) -> str:
    total, failed = counts.total(), counts["failed"]
    sources = ", ".join(f"{count} from {name}" for name, count in counts.most_common() if name != "failed")
    sent = ", ".join(f"{count} {bucket}" for bucket, count in requests.items()) or "none"
    waited = f"; longest wait for the Hub: {longest_wait_s:.0f} s" if longest_wait_s >= 1 else ""
    return (
        f"{total} repos in {elapsed_s:.1f} s ({total / max(elapsed_s, 1e-9):.0f} a second): "
        f"{sources or 'none answered'}; {failed} failed; requests: {sent}{waited}"
    )
