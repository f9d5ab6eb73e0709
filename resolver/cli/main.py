"""Defines the subcommands and options of `hubresolve`, and turns errors into one line and an exit code."""

from __future__ import annotations

import asyncio
import gc
import io
import os
import sys
from collections.abc import Callable
from typing import Any, TypeVar

import click

from resolver.cli.answer_commands import diff, report
from resolver.cli.durations import DURATION, MOMENT_OR_LAST
from resolver.cli.exits import ALL_ANSWERED, ERROR_ROWS, INTERRUPTED, WRONG_USAGE
from resolver.cli.output_options import output_options, take_output_options
from resolver.cli.registry_commands import registry
from resolver.cli.running import run
from resolver.cli.serve_command import serve
from resolver.cli.shared_options import json_option, store_option
from resolver.cli.store_commands import store
from resolver.cli.verbosity import add_verbose_option
from resolver.cli.watch_command import watch

CommandFunction = TypeVar("CommandFunction", bound=Callable[..., Any])

_FILE_HELP = "Read ids from a file (- for standard input): lines, CSV, JSON lines or Parquet."

_VARIABLES = """\b
Environment:
  HF_ENDPOINT, HF_TOKEN, HF_HUB_OFFLINE, HF_HUB_CACHE  as in huggingface_hub
  HUBRESOLVE_STORE        database that keeps the answers
  HUBRESOLVE_MAX_AGE      how long an answer counts, such as 3600
  HUBRESOLVE_MAX_STALE    how long it counts while the Hub cannot be reached
  HUBRESOLVE_CONCURRENCY  requests in flight
"""


def main() -> None:
    """Run the command and exit. Errors of the user, the Hub or a repo are one line, never a traceback."""
    from resolver.cli.messages import show_log, show_message
    from resolver.errors import InvalidRequestError, RegistryError, ResolveError, SettingsError, StoreError
    from resolver.redaction import hide_secrets
    from resolver.render import make_printable

    # All objects created during start-up stay, so collecting garbage then finds nothing and takes a tenth of its time.
    gc.disable()
    show_log()
    try:
        code = cli.main(standalone_mode=False)
    except click.ClickException as error:
        text = io.StringIO()
        error.show(text)
        print(make_printable(hide_secrets(text.getvalue())), end="", file=sys.stderr)
        code = WRONG_USAGE
    except (SettingsError, InvalidRequestError, StoreError, RegistryError) as error:
        show_message(str(error))
        code = WRONG_USAGE
    except ResolveError as error:
        show_message(f"{error} ({error.code})")
        code = ERROR_ROWS
    except (KeyboardInterrupt, asyncio.CancelledError, click.Abort):
        show_message("interrupted; finished repos are stored, and the same command continues")
        code = INTERRUPTED
    except BrokenPipeError:
        # The reader of the output has closed the pipe. Python flushes stdout at exit, which must not fail again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = ERROR_ROWS
    raise SystemExit(code or 0)


def _show_version(context: click.Context) -> None:
    from resolver.cli.registry import describe_version

    click.echo(describe_version())
    context.exit()


def hub_options(command: CommandFunction) -> CommandFunction:
    """`command` with the options that choose the revision, task, Hub and store."""
    options = (
        click.option(
            "--revision", metavar="R", help="Branch, tag or commit for ids without a revision.  [default: main]"
        ),
        click.option("--task", metavar="T", help="Resolve for this task. A repo that cannot serve it is an error."),
        click.option(
            "--library", metavar="L", help="Resolve for this library. A repo that it cannot load is an error."
        ),
        click.option(
            "--offline", is_flag=True, default=None, help="Do not use the network. Answer from the store and the cache."
        ),
        click.option(
            "--max-age",
            type=DURATION,
            metavar="AGE",
            help="Check a branch again if its last check is older: 3600, 15m, 12h, 1d.  [default: 1d]",
        ),
        click.option(
            "--max-stale",
            type=DURATION,
            metavar="AGE",
            help="While the Hub cannot be reached, answer with a check that is no older, marked stale.  [default: 0]",
        ),
        click.option(
            "--refresh",
            is_flag=True,
            default=None,
            help="Check every branch at the Hub, however recent the last check is.",
        ),
        click.option("--lean", is_flag=True, default=None, help="Fetch config.json only if it can change the answer."),
        click.option("--endpoint", metavar="URL", help="Base URL of the Hub.  [env: HF_ENDPOINT]"),
        click.option("--store", metavar="PATH|URL", help="Database that keeps the answers.  [env: HUBRESOLVE_STORE]"),
        click.option(
            "--concurrency", type=int, metavar="N", help="Maximum number of requests in flight.  [default: 64]"
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=lambda context, _, value: _show_version(context) if value else None,
    help="Show the version, the releases that the tables are of, and their age.",
)
def cli() -> None:
    """Resolve Hugging Face Hub repos to library, task and model class, and store the answers."""


@cli.command(
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
@click.option("--file", "file", metavar="F|-", help=_FILE_HELP)
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
@click.option("--resume", is_flag=True, help="Go on with the page of the listing where the last run was interrupted.")
@click.option(
    "--sweep", is_flag=True, help="After --all or --author, check the repos in the store that the listing did not have."
)
@hub_options
@click.option(
    "--partial",
    is_flag=True,
    default=None,
    help="Answer as soon as files, or the page of a listing, tell enough. An answer says what could not be seen.",
)
@output_options
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
    unordered: bool,
    quiet: bool,
    **more: Any,
) -> int:
    """Resolve repos and local folders to library, task, framework, architecture and model class."""
    from resolver.cli.resolving import ResolveRequest, resolve_ids

    output, hub = take_output_options(more)
    has_choice = bool(author or search or filters)
    is_listing = bool(has_choice or limit or all_repos or since is not None or resume or sweep)
    if is_listing and (ids or file is not None or retry_failed is not None or subfolder):
        raise click.UsageError(
            "--all, --since, --author, --search, --filter and --limit choose the repos: give no ids, --file or "
            "--subfolder with them"
        )
    if all_repos and has_choice:
        raise click.UsageError("--all means all repos: give no --author, --search or --filter with it")
    if (resume or sweep) and not (has_choice or all_repos or since is not None):
        raise click.UsageError("--resume and --sweep are about a listing: give --all or --author with them")
    if sweep and (search or filters or limit or since is not None):
        raise click.UsageError(
            "--sweep needs a listing of all repos, or of all repos of an author: give no --search, --filter, --limit "
            "or --since with it"
        )
    if file is not None and retry_failed is not None:
        raise click.UsageError("give --file or --retry-failed, not both")
    if not is_listing and not ids and file is None and retry_failed is None:
        raise click.UsageError(
            "nothing to resolve: give ids or folders, --file, or --all, --author, --search or --filter"
        )
    request = ResolveRequest(
        ids=ids,
        file=file,
        retry_failed=retry_failed,
        subfolder=subfolder,
        author=author,
        search=search,
        filters=filters,
        limit=limit,
        since_s=since,
        resume=resume,
        sweep=sweep,
        is_listing=is_listing,
    )
    return run(resolve_ids(request, hub, output=output, ordered=not unordered, quiet=quiet))


@cli.command(
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
    """Show the evidence, the rules and the other candidates behind the answer for one repo."""
    from resolver.cli.resolving import explain_id

    return run(explain_id(id_, hub, subfolder=subfolder, as_json=format_ == "json"))


@cli.command(
    epilog="""\b
Examples:
  hubresolve load openai/whisper-small --dtype bfloat16 --device cuda
  hubresolve load --file ids.txt --format jsonl --output loaded.jsonl
"""
)
@click.argument("ids", nargs=-1, metavar="[ID[@REV] | URL | FOLDER]...")
@click.option("--file", "file", metavar="F|-", help=_FILE_HELP)
@hub_options
@click.option("--device", metavar="D", default="cpu", show_default=True, help="Device for the weights, such as cuda:0.")
@click.option("--dtype", metavar="T", help="Data type of the weights, such as bfloat16.  [default: the library's]")
@click.option("--subfolder", metavar="S", default="", help="Folder of the repo that holds the model.")
@click.option("--variant", metavar="V", help="Variant of the weight files, such as fp16.")
@click.option("--gguf-file", metavar="F", help="GGUF file to load if the repo has several.")
@click.option("--cache-dir", metavar="DIR", help="Hugging Face cache folder.  [env: HF_HUB_CACHE]")
@click.option("--trust-remote-code", is_flag=True, help="Allow loading to run Python code of the repos.")
@click.option(
    "--max-resident-bytes",
    type=click.IntRange(min=1),
    metavar="N",
    help="Load the next models ahead; all loaded models together take at most N bytes.",
)
@click.option(
    "--format",
    "format_",
    type=click.Choice(("table", "jsonl")),
    default="table",
    show_default=True,
    help="Format of the results.",
)
@click.option("--output", metavar="F", help="Write the results to a file instead of standard output.")
@click.option("--unordered", is_flag=True, help="Load each model as soon as its files are fetched, not in input order.")
@click.option("--quiet", is_flag=True, help="Show no progress bar and no summary.")
def load(
    ids: tuple[str, ...],
    file: str | None,
    device: str,
    dtype: str | None,
    subfolder: str,
    variant: str | None,
    gguf_file: str | None,
    cache_dir: str | None,
    trust_remote_code: bool,
    max_resident_bytes: int | None,
    format_: str,
    output: str | None,
    unordered: bool,
    quiet: bool,
    **hub: Any,
) -> int:
    """Load models one after the other and show class, parameters, dtype, memory and seconds of each."""
    from resolver.cli.loading import LoadRequest, load_ids
    from resolver.loading.options import LoadKwargs

    if not ids and file is None:
        raise click.UsageError("nothing to load: give ids or folders, or --file")
    options = LoadKwargs(
        library=hub["library"],
        device=device,
        dtype=dtype,
        subfolder=subfolder,
        variant=variant,
        gguf_file=gguf_file,
        cache_dir=cache_dir,
        trust_remote_code=trust_remote_code,
    )
    request = LoadRequest(ids=ids, file=file, options=options, max_resident_bytes=max_resident_bytes, output=output)
    return run(load_ids(request, hub, format_=format_, ordered=not unordered, quiet=quiet))


cli.add_command(diff)
cli.add_command(report)
cli.add_command(watch)
cli.add_command(serve)


@cli.command()
@click.option(
    "--model-type", metavar="T", help="Only tasks that this model type serves, with the classes that load it."
)
@click.option("--library", metavar="L", help="Only tasks that this library serves.")
@click.option("--backend", metavar="B", help="Only tasks that can be exported with this backend (onnx, torch_export).")
@json_option
@store_option
def tasks(model_type: str | None, library: str | None, backend: str | None, location: str | None, format_: str) -> int:
    """List the known task names with modality and aliases.

    Tables that `hubresolve registry update` has read into the store count.
    """
    from resolver.cli.tasks import show_tasks

    return run(show_tasks(model_type, library, backend, location=location, as_json=format_ == "json"))


@cli.command(
    epilog="""\b
Examples:
  hubresolve completion bash > ~/.local/share/bash-completion/completions/hubresolve
  hubresolve completion zsh > ~/.zfunc/_hubresolve
  hubresolve completion fish > ~/.config/fish/completions/hubresolve.fish
"""
)
@click.argument("shell", type=click.Choice(("bash", "zsh", "fish")))
def completion(shell: str) -> int:
    """Print the script that makes a shell complete commands, options and their values."""
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    assert kind is not None
    click.echo(kind(cli, {}, "hubresolve", "_HUBRESOLVE_COMPLETE").source())
    return ALL_ANSWERED


@cli.command()
def demo() -> int:
    """Resolve hundreds of bundled repos from a local Hub over HTTP, then again offline."""
    from resolver.cli.demo import run_demo

    return run(run_demo())


cli.add_command(store)
cli.add_command(registry)
add_verbose_option(cli)
