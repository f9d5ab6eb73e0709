# The public names, listed once: for type checkers, and at run time for lazy_loader.

# Export and import bundles
from .bundle.exporting import export_bundle as export_bundle
from .bundle.importing import import_bundle as import_bundle

# Errors
from .errors import (
    BundleError as BundleError,
    DamagedStoreError as DamagedStoreError,
    QueryError as QueryError,
    SchemaMismatchError as SchemaMismatchError,
    StoreAwayError as StoreAwayError,
    StoreBusyError as StoreBusyError,
    StoreClosedError as StoreClosedError,
    StoreError as StoreError,
    StoreMissingError as StoreMissingError,
    StoreUnavailableError as StoreUnavailableError,
)

# Prune and verify
from .maintenance.prune import prune as prune
from .maintenance.verify import verify as verify

# Query
from .query import QueryResult as QueryResult, run_query as run_query

# The store
from .records import StoreInfo as StoreInfo
from .store import MetadataStore as MetadataStore
