"""Shows messages on standard error: without secrets, and without characters that control a terminal."""

from __future__ import annotations

import logging
import sys

from resolver.redaction import hide_secrets
from resolver.render import make_printable


def show_message(text: str) -> None:
    """Write one message of the command."""
    print(f"hubresolve: {make_printable(hide_secrets(text))}", file=sys.stderr)


PACKAGES = ("resolver", "store", "registry")
"""The loggers of this distribution; each part of a package has one below, such as `resolver.hub`."""

_LEVELS = (logging.WARNING, logging.INFO, logging.DEBUG)


class MessageFormatter(logging.Formatter):
    """Formats log records, their tracebacks included, as messages of the command.

    `with_origin`: the time and the logger too.
    """

    def __init__(self, *, with_origin: bool = False) -> None:
        origin = "%(asctime)s.%(msecs)03d %(name)s: " if with_origin else ""
        super().__init__(f"hubresolve: {origin}%(message)s", "%H:%M:%S")

    def format(self, record: logging.LogRecord) -> str:
        """The text of a record."""
        return make_printable(hide_secrets(super().format(record)))


def show_log(verbosity: int = 0) -> None:
    """Write warnings and errors of all packages to standard error; with a `verbosity` of 1 also what this distribution
    does, with 2 every request and step.
    """
    handler = logging.StreamHandler()
    handler.setFormatter(MessageFormatter(with_origin=verbosity > 1))
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=verbosity > 0)
    for name in PACKAGES:
        logging.getLogger(name).setLevel(_LEVELS[min(verbosity, len(_LEVELS) - 1)])
