"""What has been learned about repos, between runs."""

from store.errors import SchemaMismatchError, StoreClosedError, StoreError
from store.keys import PUBLIC, DecisionKey, FactsKey, RefKey, scope_of_token
from store.records import Recalled, Record, StoredRef, StoreInfo
from store.store import MetadataStore

__all__ = [
    "PUBLIC",
    "DecisionKey",
    "FactsKey",
    "MetadataStore",
    "Recalled",
    "Record",
    "RefKey",
    "SchemaMismatchError",
    "StoreClosedError",
    "StoreError",
    "StoreInfo",
    "StoredRef",
    "scope_of_token",
]
