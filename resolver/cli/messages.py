"""Shows messages on standard error: without secrets, and without characters that control a terminal."""

from __future__ import annotations

import logging
import sys

from resolver.redaction import hide_secrets
from resolver.render import make_printable


def show_message(text: str) -> None:
    """Write one message of the command."""
    print(f"hubresolve: {make_printable(hide_secrets(text))}", file=sys.stderr)


class MessageFormatter(logging.Formatter):
    """Formats log records, their tracebacks included, as messages of the command."""

    def __init__(self) -> None:
        super().__init__("hubresolve: %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        """The text of a record."""
        return make_printable(hide_secrets(super().format(record)))


def show_log() -> None:
    """Write warnings and errors of all packages to standard error."""
    handler = logging.StreamHandler()
    handler.setFormatter(MessageFormatter())
    logging.basicConfig(handlers=[handler], level=logging.WARNING)
