"""The option `-v`, which every command has."""

from __future__ import annotations

import click

_KEY = "hubresolve.verbosity"


def add_verbose_option(command: click.Command) -> None:
    """Add `-v` to a command and to all commands below it; it may be given before a subcommand and after it."""
    command.params.append(
        click.Option(
            ["-v", "--verbose"],
            count=True,
            expose_value=False,
            callback=_show_more,
            help="Report progress on standard error; -vv also reports each request and step.",
        )
    )
    for below in command.commands.values() if isinstance(command, click.Group) else ():
        add_verbose_option(below)


def _show_more(context: click.Context, option: click.Parameter, value: int) -> None:
    if value:
        from resolver.cli.messages import show_log

        context.meta[_KEY] = context.meta.get(_KEY, 0) + value
        show_log(context.meta[_KEY])
