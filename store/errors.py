"""The errors of the store."""

from __future__ import annotations

from registry.errors import HubresolveError


class StoreError(HubresolveError):
    """The store cannot do what was requested."""


class SchemaMismatchError(StoreError):
    """The database belongs to another program, or has another version of the store's schema. It was not changed."""


class StoreMissingError(StoreError):
    """There is no store at the location, and none may be created."""


class DamagedStoreError(StoreError):
    """The file is damaged, and the store was opened for reading only. It was not changed."""


class StoreUnavailableError(StoreError):
    """The store cannot be opened, read or written now: no permission, no disk space, no connection."""


class StoreBusyError(StoreUnavailableError):
    """Another process has held the lock for writing for too long; it may have been stopped. Reading goes on."""


class StoreAwayError(StoreUnavailableError):
    """The database cannot be reached now: it is down or starts again, or the network is. It may come back."""


class BundleError(StoreError):
    """The file is not a bundle, or it is damaged. Nothing was imported from it."""


class QueryError(StoreError):
    """The SQL of a query cannot be run: it is not SQL, it would change something, or it takes too long."""


class StoreClosedError(StoreError):
    """The store was used before it was opened or after it was closed."""
