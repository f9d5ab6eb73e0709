"""Defines the options that choose rows, columns, format and file of answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.core import ParameterSource

if TYPE_CHECKING:
    from resolver.cli.output import OutputOptions

CommandFunction = TypeVar("CommandFunction", bound=Callable[..., Any])

FORMATS = ("table", "jsonl", "csv", "parquet", "summary")
FORMAT_BY_SUFFIX = {".jsonl": "jsonl", ".ndjson": "jsonl", ".csv": "csv", ".parquet": "parquet"}
"""The format of a file, where none is named."""

_NAMES = ("format_", "columns", "sort", "where", "output", "csv_safe")


def output_options(command: CommandFunction) -> CommandFunction:
    """`command` with the options that `take_output_options` reads."""
    options = (
        click.option(
            "--format",
            "format_",
            type=click.Choice(FORMATS),
            default="table",
            show_default=True,
            help="Format of the results. Without it, the end of the name of --output chooses.",
        ),
        click.option("--columns", metavar="K,K", help="Write only these keys of each row, in this order."),
        click.option(
            "--sort", metavar="K", help="Write the rows at the end of the run, sorted by this key; -K: descending."
        ),
        click.option(
            "--where",
            multiple=True,
            metavar="K=V",
            help="Write only rows with this value: library=diffusers, error=gated, task!=fill-mask, conflict, "
            "parameters<7e9. May be repeated.",
        ),
        click.option("--output", metavar="F", help="Write the results to a file instead of standard output."),
        click.option(
            "--csv-safe",
            is_flag=True,
            help="With --format csv: put ' before a cell that a spreadsheet would take for a formula.",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


def take_output_options(given: Mapping[str, Any]) -> tuple[OutputOptions, dict[str, Any]]:
    """What the options of `output_options` say, and the other options that were given.

    Raises:
        click.UsageError: a key does not exist, or options do not fit together.
    """
    from resolver.cli.output import OutputOptions
    from resolver.cli.selection import SelectionError, parse_selection

    format_, columns, sort, where, path, csv_safe = (given[name] for name in _NAMES)
    if path is not None and click.get_current_context().get_parameter_source("format_") is ParameterSource.DEFAULT:
        format_ = FORMAT_BY_SUFFIX.get(PurePath(path).suffix.lower(), format_)
    if csv_safe and format_ != "csv":
        raise click.UsageError("--csv-safe is about spreadsheets: give --format csv with it")
    try:
        selection = parse_selection(where, sort, columns)
    except SelectionError as error:
        raise click.UsageError(str(error)) from error
    options = OutputOptions(format_=format_, path=path, csv_safe=csv_safe, selection=selection)
    return options, {name: value for name, value in given.items() if name not in _NAMES}
