"""What has been learned about repos, between runs.

The public names are imported when they are first used, so that `store.errors` alone does not load the database library.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from store.errors import SchemaMismatchError, StoreClosedError, StoreError
    from store.keys import PUBLIC, DecisionKey, FactsKey, RefKey, scope_of_token
    from store.records import Record, StoredRef, StoreInfo
    from store.store import MetadataStore

__all__ = [
    "PUBLIC",
    "DecisionKey",
    "FactsKey",
    "MetadataStore",
    "Record",
    "RefKey",
    "SchemaMismatchError",
    "StoreClosedError",
    "StoreError",
    "StoreInfo",
    "StoredRef",
    "scope_of_token",
]

_HOMES = {
    **dict.fromkeys(("SchemaMismatchError", "StoreClosedError", "StoreError"), "store.errors"),
    **dict.fromkeys(("PUBLIC", "DecisionKey", "FactsKey", "RefKey", "scope_of_token"), "store.keys"),
    **dict.fromkeys(("Record", "StoredRef", "StoreInfo"), "store.records"),
    "MetadataStore": "store.store",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
