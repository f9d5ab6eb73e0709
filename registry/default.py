"""The registries that are there without being made: the shipped one, and the one for this environment."""

from __future__ import annotations

import functools

from registry.installed import installed_registry
from registry.registry import Registry
from registry.tables.read import read_registry


@functools.cache
def shipped_registry() -> Registry:
    """The registry of the shipped tables alone: the same on every machine."""
    return read_registry()


@functools.cache
def default_registry() -> Registry:
    """The shipped registry, with what a newer installed transformers adds and what installed plugins do.

    Raises:
        ExtensionError: a plugin contradicts another one, or does not give an extension.
    """
    return installed_registry(shipped_registry())
