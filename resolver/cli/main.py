"""The command's entry: its groups and options, and errors as one line and an exit code."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import signal
import sys
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import click

from resolver.cli.exits import ERROR_ROWS, INTERRUPTED, WRONG_USAGE

F = TypeVar("F", bound=Callable[..., Any])

FORMATS = ("table", "jsonl", "csv", "parquet")


def main() -> None:
    """Run the command; never ends in a traceback for what a user or a repo did wrong."""
    from registry.errors import RegistryError
    from resolver.errors import InvalidRequestError, ResolveError, SettingsError
    from store.errors import StoreError

    # Start-up only makes objects that stay; looking for garbage among them takes a tenth of its time.
    gc.disable()
    logging.basicConfig(format="hubresolve: %(message)s", level=logging.WARNING)
    try:
        code = cli.main(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        code = WRONG_USAGE
    except (SettingsError, StoreError, RegistryError, InvalidRequestError) as error:
        print(f"hubresolve: {error}", file=sys.stderr)
        code = WRONG_USAGE
    except ResolveError as error:
        print(f"hubresolve: {error} ({error.code})", file=sys.stderr)
        code = ERROR_ROWS
    except (KeyboardInterrupt, asyncio.CancelledError, click.Abort):
        print("hubresolve: interrupted; what was done is remembered, the same command continues", file=sys.stderr)
        code = INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has seen enough; nothing more can be written, not even at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = ERROR_ROWS
    raise SystemExit(code or 0)


def run(work: Coroutine[Any, Any, int]) -> int:
    """Run `work` to its exit code; SIGTERM interrupts it as Ctrl-C does."""

    # What was imported stays until the end: the collector need not look at it again.
    gc.freeze()
    gc.enable()

    async def interruptible() -> int:
        task = asyncio.current_task()
        if task is not None:
            # Not every system can; there the process ends at once.
            with contextlib.suppress(NotImplementedError):
                asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        return await work

    return asyncio.run(interruptible())


def hub_options(command: F) -> F:
    """The options that say which Hub and store to use, and how."""
    options = (
        click.option("--revision", metavar="R", help="Branch, tag or commit for ids that name none.  [default: main]"),
        click.option("--task", metavar="T", help="The task the repos are wanted for; checked against each."),
        click.option("--library", metavar="L", help="The library they are to be loaded with; checked against each."),
        click.option("--offline", is_flag=True, default=None, help="Open no socket: answer from what is remembered."),
        click.option(
            "--max-age", type=float, metavar="SECONDS", help="Believe a branch for so long.  [default: a day]"
        ),
        click.option("--refresh", is_flag=True, default=None, help="Ask the Hub again, whatever is remembered."),
        click.option(
            "--lean", is_flag=True, default=None, help="Fetch config.json only where it can change the answer."
        ),
        click.option("--endpoint", metavar="URL", help="Base URL of the Hub.  [env: HF_ENDPOINT]"),
        click.option("--store", metavar="PATH|URL", help="Where to remember.  [env: HUBRESOLVE_STORE]"),
        click.option("--concurrency", type=int, metavar="N", help="Requests under way at once.  [default: 64]"),
    )
    for option in reversed(options):
        command = option(command)
    return command


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="hubresolve", prog_name="hubresolve")
def cli() -> None:
    """Find out what Hugging Face Hub repos are for and what loads them, and remember it."""


@cli.command()
@click.argument("ids", nargs=-1, metavar="[ID[@REV] | FOLDER]...")
@click.option("--file", "file", metavar="F|-", help="Read ids from a file (- for standard input), one a line.")
@click.option("--author", metavar="A", help="Resolve all repos of a user or organisation that the Hub lists.")
@click.option("--search", metavar="S", help="... or those with this in their name.")
@click.option("--filter", "filters", metavar="T", multiple=True, help="... or those with this tag; may be repeated.")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="... at most so many of them.")
@hub_options
@click.option("--format", "format_", type=click.Choice(FORMATS), default="table", show_default=True)
@click.option("--output", metavar="F", help="Write the results to a file instead of standard output.")
@click.option("--unordered", is_flag=True, help="Give each answer as soon as it is there.")
@click.option("--quiet", is_flag=True, help="No progress, no summary.")
def resolve(
    ids: tuple[str, ...],
    file: str | None,
    author: str | None,
    search: str | None,
    filters: tuple[str, ...],
    limit: int | None,
    format_: str,
    output: str | None,
    unordered: bool,
    quiet: bool,
    **hub: Any,
) -> int:
    """Resolve repos and local folders: library, task, framework, architecture and model class of each."""
    from resolver.cli.resolving import ResolveRequest, resolve_ids

    is_listing = bool(author or search or filters or limit)
    if is_listing and (ids or file is not None):
        raise click.UsageError("--author, --search, --filter and --limit name the repos: give no ids beside them")
    if not is_listing and not ids and file is None:
        raise click.UsageError("nothing to resolve: give ids or folders, --file, or --author, --search or --filter")
    asked = ResolveRequest(
        ids=ids, file=file, author=author, search=search, filters=filters, limit=limit, is_listing=is_listing
    )
    return run(resolve_ids(asked, hub, format_=format_, output=output, ordered=not unordered, quiet=quiet))


@cli.command()
@click.argument("id_", metavar="ID[@REV]|FOLDER")
@hub_options
def explain(id_: str, **hub: Any) -> int:
    """Show what was seen of one repo, which rules spoke, and what the other candidates were."""
    from resolver.cli.resolving import explain_id

    return run(explain_id(id_, hub))


@cli.command()
@click.argument("ids", nargs=-1, metavar="[ID[@REV] | FOLDER]...")
@click.option("--file", "file", metavar="F|-", help="Read ids from a file (- for standard input), one a line.")
@hub_options
@click.option("--device", metavar="D", default="cpu", show_default=True, help="Where the weights go, as cuda:0.")
@click.option("--dtype", metavar="T", help="Of the weights, as bfloat16.  [default: the library's]")
@click.option("--subfolder", metavar="S", default="", help="The model is in this folder of the repo.")
@click.option("--variant", metavar="V", help="Of the weight files, as fp16.")
@click.option("--gguf-file", metavar="F", help="Which of several GGUF files.")
@click.option("--cache-dir", metavar="DIR", help="The Hugging Face cache to use.  [env: HF_HUB_CACHE]")
@click.option("--trust-remote-code", is_flag=True, help="Run Python code of the repos' own.")
@click.option("--max-resident-bytes", type=click.IntRange(min=1), metavar="N", help="Load ahead, with at most so much.")
@click.option("--format", "format_", type=click.Choice(("table", "jsonl")), default="table", show_default=True)
@click.option("--unordered", is_flag=True, help="Load each as soon as its files are there.")
@click.option("--quiet", is_flag=True, help="No progress, no summary.")
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
    unordered: bool,
    quiet: bool,
    **hub: Any,
) -> int:
    """Load models, one after the other, and say what each is: class, parameters, dtype, memory and seconds."""
    from resolver.cli.loading import load_ids
    from resolver.loading.options import LoadOptions

    if not ids and file is None:
        raise click.UsageError("nothing to load: give ids or folders, or --file")
    options = LoadOptions(
        library=hub["library"],
        device=device,
        dtype=dtype,
        subfolder=subfolder,
        variant=variant,
        gguf_file=gguf_file,
        cache_dir=cache_dir,
        trust_remote_code=trust_remote_code,
    )
    return run(
        load_ids(
            ids,
            file,
            hub,
            options,
            max_resident_bytes=max_resident_bytes,
            format_=format_,
            ordered=not unordered,
            quiet=quiet,
        )
    )


@cli.command()
@click.option("--model-type", metavar="T", help="Only what this model type serves, with the classes that load it.")
@click.option("--library", metavar="L", help="Only what this library serves.")
@click.option("--backend", metavar="B", help="Only what can be exported with this backend (onnx, torch_export).")
def tasks(model_type: str | None, library: str | None, backend: str | None) -> int:
    """List the task names that are known, with modality and other names."""
    from resolver.cli.tasks import show_tasks

    return show_tasks(model_type, library, backend)


@cli.command()
def demo() -> int:
    """Resolve hundreds of bundled repos over HTTP from a Hub on this machine, and again with that Hub gone."""
    from resolver.cli.demo import run_demo

    return run(run_demo())


@cli.group()
def store() -> None:
    """Look after the store of what was learned."""


_which_store = click.option("--store", "location", metavar="PATH|URL", help="Which store.  [env: HUBRESOLVE_STORE]")


@store.command("info")
@_which_store
def store_info(location: str | None) -> int:
    """Counts, sizes, ages and hit rates."""
    from resolver.cli.stores import show_info

    return run(show_info(location))


@store.command("export")
@click.argument("file", metavar="F")
@click.argument("ids", nargs=-1, metavar="[ID]...")
@click.option("--with-private", is_flag=True, help="Also what only certain tokens may see.")
@_which_store
def store_export(file: str, ids: tuple[str, ...], with_private: bool, location: str | None) -> int:
    """Write what the store knows, of all repos or of those given, to one file F."""
    from resolver.cli.stores import export_to

    return run(export_to(location, file, ids, with_private=with_private))


@store.command("import")
@click.argument("file", metavar="F")
@_which_store
def store_import(file: str, location: str | None) -> int:
    """Merge a file that `store export` wrote; of two checks of a ref the later one wins."""
    from resolver.cli.stores import import_from

    return run(import_from(location, file))


@store.command("prune")
@click.option("--older-than", metavar="AGE", help="Refs last checked so long ago: 3600, 15m, 12h, 30d, 2w.")
@click.option("--endpoint", metavar="URL", help="Only refs of this Hub.")
@click.option("--repo", "repo_ids", metavar="ID", multiple=True, help="Only refs of this repo; may be repeated.")
@_which_store
def store_prune(older_than: str | None, endpoint: str | None, repo_ids: tuple[str, ...], location: str | None) -> int:
    """Remove what all the options given are true of, and what nothing leads to any more."""
    from resolver.cli.stores import parse_age, prune_rows

    if older_than is None and endpoint is None and not repo_ids:
        raise click.UsageError("say what to remove: --older-than, --endpoint or --repo")
    older_than_s = parse_age(older_than) if older_than is not None else None
    return run(prune_rows(location, older_than_s=older_than_s, endpoint=endpoint, repo_ids=repo_ids))


@store.command("verify")
@click.option("--drop", is_flag=True, help="Remove the rows that are wrong.")
@_which_store
def store_verify(drop: bool, location: str | None) -> int:
    """Check every row against its digest, and decide again what was decided under the rules in force."""
    from resolver.cli.stores import verify_rows

    return run(verify_rows(location, drop=drop))
