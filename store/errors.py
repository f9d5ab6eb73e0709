"""The errors of the store."""

from __future__ import annotations


class StoreError(Exception):
    """The store cannot be used as asked."""


class SchemaMismatchError(StoreError):
    """The file is another program's database, or was written by another version of this schema. It was not changed."""


class StoreClosedError(StoreError):
    """The store was used before it was opened or after it was closed."""
