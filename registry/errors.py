"""The errors of the registry."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class RegistryError(Exception):
    """The registry cannot answer, or cannot be built as asked."""


class UnknownNameError(RegistryError, LookupError):
    """A task, library or class that the registry does not know; the message names the nearest known ones."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        nearest = difflib.get_close_matches(name.lower(), sorted(set(known)), n=3, cutoff=0.5)
        hint = f"; did you mean {' or '.join(repr(item) for item in nearest)}?" if nearest else ""
        super().__init__(f"unknown {kind} {name!r}{hint}")
        self.kind = kind
        self.name = name

    __str__ = Exception.__str__


class ContradictionError(RegistryError):
    """The task or library asked for is one that the repo's facts rule out; the message says why."""


class ExtensionError(RegistryError):
    """An extension of the registry contradicts another, or is not well formed."""
