"""Defines the subcommands and options of `hubresolve`, and turns errors into one line and an exit code."""

from __future__ import annotations

import asyncio
import gc
import io
import os
import sys

import click

from resolver.cli.answer_commands import diff, report
from resolver.cli.exits import ALL_ANSWERED, ERROR_ROWS, INTERRUPTED, WRONG_USAGE
from resolver.cli.load_command import load
from resolver.cli.registry_commands import registry
from resolver.cli.resolve_commands import explain, resolve
from resolver.cli.running import run
from resolver.cli.serve_command import serve
from resolver.cli.shared_options import json_option, store_option
from resolver.cli.store_commands import store
from resolver.cli.verbosity import add_verbose_option
from resolver.cli.watch_command import watch


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


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=lambda context, _, value: _show_version(context) if value else None,
    help="Show the version, the library releases that the tables come from, and their age.",
)
def cli() -> None:
    """Resolve Hugging Face Hub repos to library, task and model class, and store the answers."""


cli.add_command(resolve)
cli.add_command(explain)
cli.add_command(load)
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
