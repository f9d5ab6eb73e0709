"""Quotes values of damaged rows in messages. Pure."""

from __future__ import annotations

MAX_SHOWN_LENGTH = 100
"""Longest value of a damaged row in a message."""


def quote(*values: object) -> str:
    """Values of any type for a message, as in "id@commit"."""
    texts = (value if isinstance(value, str) else repr(value) for value in values)
    text = "@".join(item[:MAX_SHOWN_LENGTH] for item in texts)
    return text.encode("utf-8", "replace").decode()
