"""Defines the errors of the registry, and the root of all errors."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


def _find_nearest(name: str, known: Iterable[str]) -> list[str]:
    """Up to three of `known` that are most similar to `name`, ignoring case."""
    import difflib

    folded = {item.lower(): item for item in sorted(set(known))}
    return [folded[item] for item in difflib.get_close_matches(name.lower(), folded, n=3, cutoff=0.5)]


def suggest_names(name: str, known: Iterable[str]) -> str:
    """The end of a message about an unknown `name`: the most similar of `known`; empty where none is similar."""
    nearest = _find_nearest(name, known)
    return f"; did you mean {' or '.join(repr(item) for item in nearest)}?" if nearest else ""


def _rebuild_error(kind: type[Exception], args: tuple[Any, ...], attributes: dict[str, Any]) -> Exception:
    error = kind.__new__(kind, *args)
    error.__dict__.update(attributes)
    return error


class HubresolveError(Exception):
    """The root of all errors of this distribution; `resolver.errors` draws the tree."""


class RegistryError(HubresolveError):
    """A name is unknown, a request contradicts the facts, or the registry cannot be extended."""


class UnknownNameError(RegistryError, LookupError):
    """A task, library or class is not in the registry; the message suggests similar names."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        super().__init__(f"unknown {kind} {name!r}{suggest_names(name, known)}")
        self.kind = kind
        self.name = name

    def __reduce__(self) -> tuple[Any, ...]:
        # The message was made from the known names, which are not kept.
        return _rebuild_error, (type(self), self.args, self.__dict__)

    __str__ = Exception.__str__


class UnknownModelError(RegistryError, LookupError):
    """The library or task of a model in memory cannot be inferred; the message lists its base classes."""


class ContradictionError(RegistryError):
    """The requested task or library is ruled out by the repo's facts; the message has the reason."""


class MalformedReferenceError(RegistryError, ValueError):
    """A class reference is not written as "package.module:Name"."""


class ExtensionError(RegistryError):
    """An extension of the registry is not well formed, or contradicts another one."""


class UnsupportedModelTypeError(RegistryError, KeyError):
    """No export configuration is registered for a model type, or none for this backend."""

    # KeyError.__str__ would quote the message.
    __str__ = Exception.__str__


class UnsupportedTaskError(RegistryError, ValueError):
    """A model cannot be exported for a task: unknown, not for its model type, or not with past."""
