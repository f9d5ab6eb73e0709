# The public names, listed once: for type checkers, and at run time for lazy_loader.

# Resolve
from .answer import Failure as Failure
from .blocking import (
    load as load,
    load_many as load_many,
    resolve as resolve,
    resolve_many as resolve_many,
)

# Errors; `resolver.errors` draws the tree
from .errors import (
    DisabledRepoError as DisabledRepoError,
    FunctionError as FunctionError,
    GatedRepoError as GatedRepoError,
    HubError as HubError,
    HubresolveError as HubresolveError,
    HubResponseError as HubResponseError,
    HubUnavailableError as HubUnavailableError,
    InternalError as InternalError,
    InvalidRepoIdError as InvalidRepoIdError,
    InvalidRequestError as InvalidRequestError,
    LibraryNotInstalledError as LibraryNotInstalledError,
    MemoryBudgetError as MemoryBudgetError,
    ModelLoadError as ModelLoadError,
    NotAModelError as NotAModelError,
    NotLoadableError as NotLoadableError,
    OfflineError as OfflineError,
    RateLimitedError as RateLimitedError,
    RegistryError as RegistryError,
    RemoteCodeError as RemoteCodeError,
    RepositoryNotFoundError as RepositoryNotFoundError,
    ResolveError as ResolveError,
    ResolverNotOpenError as ResolverNotOpenError,
    RevisionNotFoundError as RevisionNotFoundError,
    SettingsError as SettingsError,
    StoreError as StoreError,
    TaskMismatchError as TaskMismatchError,
    UnauthorizedError as UnauthorizedError,
    UnknownTaskError as UnknownTaskError,
    WorkerLostError as WorkerLostError,
)

# Many answers as one table
from .frames import to_arrow as to_arrow, to_pandas as to_pandas, to_polars as to_polars

# What is told of requests, hits, waits and retries
from .hooks.hooks import (
    EndedRequest as EndedRequest,
    Hooks as Hooks,
    Lookups as Lookups,
    Retry as Retry,
    Wait as Wait,
)

# Load
from .loading.loaded import Loaded as Loaded

# Answers: a Resolution or a Failure for each repo
from .resolution import (
    Candidate as Candidate,
    Decision as Decision,
    Evidence as Evidence,
    Resolution as Resolution,
    Source as Source,
)
from .resolver import Resolver as Resolver
from .settings import Settings as Settings

# In place of optimum's class
from .tasks_manager.manager import TasksManager as TasksManager

# Version of the distribution
from .version import __version__ as __version__
