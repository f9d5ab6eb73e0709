"""What can go wrong before the local Hub serves anything: unreadable input and impossible requests to the catalog."""

from __future__ import annotations


class LocalHubError(Exception):
    """Base of the local Hub's own errors."""


class CatalogError(LocalHubError, ValueError):
    """A row, folder or change that no catalog can hold."""


class UnknownRepoError(LocalHubError, KeyError):
    """A change was asked for a repo id that the catalog does not hold."""

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""


class HubProcessError(LocalHubError):
    """The server process ended, or said nothing, before it could be used."""
