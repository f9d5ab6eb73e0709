"""The errors of the registry."""

from __future__ import annotations

from collections.abc import Iterable


def _nearest(name: str, known: Iterable[str]) -> list[str]:
    """Up to three of `known` that look most like `name`, whatever their case."""
    import difflib

    folded = {item.lower(): item for item in sorted(set(known))}
    return [folded[item] for item in difflib.get_close_matches(name.lower(), folded, n=3, cutoff=0.5)]


def hint_at(name: str, known: Iterable[str]) -> str:
    """How a message ends that tells `name` is unknown: with the nearest of `known`; empty where none is near."""
    nearest = _nearest(name, known)
    return f"; did you mean {' or '.join(repr(item) for item in nearest)}?" if nearest else ""


class HubresolveError(Exception):
    """The root of all errors of this distribution; `resolver.errors` draws the tree."""


class RegistryError(HubresolveError):
    """The registry cannot answer, or cannot be built as asked."""


class UnknownNameError(RegistryError, LookupError):
    """A task, library or class that the registry does not know; the message names the nearest known ones."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        super().__init__(f"unknown {kind} {name!r}{hint_at(name, known)}")
        self.kind = kind
        self.name = name

    __str__ = Exception.__str__


class UnknownModelError(RegistryError, LookupError):
    """A model or class in memory of which no library or task can be told; the message names its ancestors."""


class ContradictionError(RegistryError):
    """The task or library asked for is one that the repo's facts rule out; the message says why."""


class MalformedReferenceError(RegistryError, ValueError):
    """A text that is meant to name a class, but is not written as "package.module:Name"."""


class ExtensionError(RegistryError):
    """An extension of the registry contradicts another, or is not well formed."""


class UnsupportedModelTypeError(RegistryError, KeyError):
    """No export configuration is registered for a model type, or none with this backend."""

    # KeyError would show the message as a quoted key.
    __str__ = Exception.__str__


class UnsupportedTaskError(RegistryError, ValueError):
    """An export is not to be had for this task: not known, not for this model type, or not with a past."""
