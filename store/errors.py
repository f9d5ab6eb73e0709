"""The errors of the store."""

from __future__ import annotations

from registry.errors import HubresolveError


class StoreError(HubresolveError):
    """The store cannot be used as asked."""


class SchemaMismatchError(StoreError):
    """The file is another program's database, or was written by another version of this schema. It was not changed."""


class StoreMissingError(StoreError):
    """There is no store where one was to be looked into."""


class DamagedStoreError(StoreError):
    """The file is damaged. It was left as it is, where only reading was asked for."""


class StoreUnavailableError(StoreError):
    """The store cannot be opened, read or written now: no right, no space, no connection."""


class BundleError(StoreError):
    """The file is no bundle, or a damaged one. Nothing of it was taken."""


class StoreClosedError(StoreError):
    """The store was used before it was opened or after it was closed."""
