"""Defines the commands `resolve` and `explain`."""

from __future__ import annotations

from typing import Any

import click

from resolver.cli.durations import MOMENT_OR_LAST
from resolver.cli.hub_options import file_option, hub_options, ray_option
from resolver.cli.output_options import output_options, take_output_options
from resolver.cli.running import run
from resolver.cli.shared_options import json_option

_VARIABLES = """\b
Environment:
  HF_ENDPOINT, HF_TOKEN, HF_HUB_OFFLINE, HF_HUB_CACHE  as in huggingface_hub
  HUBRESOLVE_STORE        database that keeps the answers
  HUBRESOLVE_MAX_AGE      how long an answer counts, such as 3600
  HUBRESOLVE_MAX_STALE    how long it counts while the Hub cannot be reached
  HUBRESOLVE_CONCURRENCY  requests in flight
"""


@click.command(
    epilog="""\b
Examples:
  hubresolve resolve openai/whisper-small ./my-model
  hubresolve resolve https://huggingface.co/openai/whisper-small/tree/main
  hubresolve resolve --author openai --format summary
  hubresolve resolve --all --since last --format jsonl --output changed.jsonl
  hubresolve resolve --file ids.txt --format csv --output answers.csv
  hubresolve resolve --file ids.txt --where library=diffusers --where task!=text-to-image
  hubresolve resolve --file ids.txt --where error --columns repo_id,error
  hubresolve resolve --retry-failed answers.csv

"""
    + _VARIABLES
)
@click.argument("ids", nargs=-1, metavar="[ID[@REV] | URL | FOLDER]...")
@file_option
@click.option("--retry-failed", metavar="F|-", help="Resolve the rows with an error in the output of an earlier run.")
@click.option("--subfolder", metavar="S", default="", help="Resolve this folder of each repo.")
@click.option("--all", "all_repos", is_flag=True, help="Resolve all repos of the Hub.")
@click.option("--author", metavar="A", help="Resolve the repos of this user or organisation.")
@click.option("--search", metavar="S", help="Resolve the repos with this text in their name.")
@click.option(
    "--filter", "filters", metavar="T", multiple=True, help="Resolve the repos with this tag. May be repeated."
)
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Resolve at most N of the listed repos.")
@click.option(
    "--since",
    type=MOMENT_OR_LAST,
    metavar="WHEN",
    help="Of the listed repos, resolve those that were changed since: 2026-01-31, 1d (a day ago), or last (since the "
    "last complete run).",
)
@click.option("--resume", is_flag=True, help="Continue at the page of the listing where the last run was interrupted.")
@click.option(
    "--sweep", is_flag=True, help="After --all or --author, check the repos in the store that the listing did not have."
)
@hub_options
@click.option(
    "--partial",
    is_flag=True,
    default=None,
    help="Answer as soon as a few files, or a page of a listing, tell enough. The answer says what was not seen.",
)
@output_options
@ray_option
@click.option("--unordered", is_flag=True, help="Write each answer as soon as it is ready, not in input order.")
@click.option("--quiet", is_flag=True, help="Show no progress bar and no summary.")
def resolve(
    ids: tuple[str, ...],
    file: str | None,
    retry_failed: str | None,
    subfolder: str,
    author: str | None,
    search: str | None,
    filters: tuple[str, ...],
    limit: int | None,
    all_repos: bool,
    since: float | None,
    resume: bool,
    sweep: bool,
    ray_address: str | None,
    unordered: bool,
    quiet: bool,
    **more: Any,
) -> int:
    """Resolve repos and local folders to library, task, framework, architecture and model class."""
    from resolver.cli.resolve_request import ResolveRequest
    from resolver.cli.resolving import resolve_ids

    output, hub = take_output_options(more)
    request = ResolveRequest(
        ids=ids,
        file=file,
        retry_failed=retry_failed,
        subfolder=subfolder,
        all_repos=all_repos,
        author=author,
        search=search,
        filters=filters,
        limit=limit,
        since_s=since,
        resume=resume,
        sweep=sweep,
    )
    if ray_address is not None:
        from resolver.cli.fleet import resolve_on_ray

        return resolve_on_ray(ray_address, request, hub, output=output, quiet=quiet)
    return run(resolve_ids(request, hub, output=output, ordered=not unordered, quiet=quiet))


@click.command(
    epilog="""\b
Examples:
  hubresolve explain openai/whisper-small
  hubresolve explain stabilityai/sdxl-turbo --subfolder unet --format json
"""
)
@click.argument("id_", metavar="ID[@REV]|URL|FOLDER")
@click.option("--subfolder", metavar="S", default="", help="Explain this folder of the repo.")
@json_option
@hub_options
def explain(id_: str, subfolder: str, format_: str, **hub: Any) -> int:
    """Explain the answer for one repo: the evidence, the rules, and the other candidates."""
    from resolver.cli.resolving import explain_id

    return run(explain_id(id_, hub, subfolder=subfolder, as_json=format_ == "json"))
