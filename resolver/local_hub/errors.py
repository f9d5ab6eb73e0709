"""Defines the local Hub's errors: unreadable repos, invalid changes of a catalog, a process that did not start."""

from __future__ import annotations


class LocalHubError(Exception):
    """The base of the local Hub's own errors."""


class CatalogError(LocalHubError, ValueError):
    """A row, a folder or a change is not valid for a catalog."""


class UnknownRepoError(LocalHubError, KeyError):
    """A change names a repo id that the catalog does not hold."""

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""


class HubProcessError(LocalHubError):
    """The server process ended before it printed its endpoint."""
