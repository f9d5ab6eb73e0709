"""What has been learned about repos, between runs.

The public names are imported when they are first used, so that `store.errors` alone does not load the database library.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from store.errors import (
        BundleError,
        DamagedStoreError,
        SchemaMismatchError,
        StoreClosedError,
        StoreError,
        StoreMissingError,
        StoreUnavailableError,
    )
    from store.exporting import Exported, export_bundle
    from store.importing import Imported, import_bundle
    from store.keys import PUBLIC, DecisionKey, FactsKey, RefKey, scope_of_token
    from store.pruning import Pruned, prune
    from store.records import Record, StoredRef, StoreInfo
    from store.store import MetadataStore
    from store.verifying import Verified, verify

__all__ = [
    "PUBLIC",
    "BundleError",
    "DamagedStoreError",
    "DecisionKey",
    "Exported",
    "FactsKey",
    "Imported",
    "MetadataStore",
    "Pruned",
    "Record",
    "RefKey",
    "SchemaMismatchError",
    "StoreClosedError",
    "StoreError",
    "StoreInfo",
    "StoreMissingError",
    "StoreUnavailableError",
    "StoredRef",
    "Verified",
    "export_bundle",
    "import_bundle",
    "prune",
    "scope_of_token",
    "verify",
]

_HOMES = {
    **dict.fromkeys(
        (
            "BundleError",
            "DamagedStoreError",
            "SchemaMismatchError",
            "StoreClosedError",
            "StoreError",
            "StoreMissingError",
            "StoreUnavailableError",
        ),
        "store.errors",
    ),
    **dict.fromkeys(("Exported", "export_bundle"), "store.exporting"),
    **dict.fromkeys(("Imported", "import_bundle"), "store.importing"),
    **dict.fromkeys(("PUBLIC", "DecisionKey", "FactsKey", "RefKey", "scope_of_token"), "store.keys"),
    **dict.fromkeys(("Pruned", "prune"), "store.pruning"),
    **dict.fromkeys(("Record", "StoredRef", "StoreInfo"), "store.records"),
    "MetadataStore": "store.store",
    **dict.fromkeys(("Verified", "verify"), "store.verifying"),
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
