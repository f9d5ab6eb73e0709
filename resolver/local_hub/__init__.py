"""A local Hub: repos from a file or folder, served on loopback over the Hub's protocol, faults included."""

from __future__ import annotations

from . import faults
from .catalog import Catalog, HubRepo
from .counts import Counts, LoggedRequest
from .demo import demo_catalog
from .errors import CatalogError, HubProcessError, LocalHubError, UnknownRepoError
from .options import ANY_REPO, HubOptions
from .process import HubProcess, start_process
from .readers import read_folder, read_jsonl
from .rows import repos_from_rows
from .server import LocalHub
from .synthetic import synthetic

__all__ = [
    "ANY_REPO",
    "Catalog",
    "CatalogError",
    "Counts",
    "HubOptions",
    "HubProcess",
    "HubProcessError",
    "HubRepo",
    "LocalHub",
    "LocalHubError",
    "LoggedRequest",
    "UnknownRepoError",
    "demo_catalog",
    "faults",
    "read_folder",
    "read_jsonl",
    "repos_from_rows",
    "start_process",
    "synthetic",
]
