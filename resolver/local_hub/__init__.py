"""A local Hub: repos from a file or folder, served on loopback over the Hub's protocol, faults included."""

from __future__ import annotations

from resolver.local_hub import faults
from resolver.local_hub.catalog import Catalog, HubRepo
from resolver.local_hub.counts import Counts, LoggedRequest
from resolver.local_hub.demo import demo_catalog
from resolver.local_hub.errors import CatalogError, HubProcessError, LocalHubError, UnknownRepoError
from resolver.local_hub.options import ANY_REPO, HubOptions
from resolver.local_hub.process import HubProcess, start_process
from resolver.local_hub.readers import read_folder, read_jsonl
from resolver.local_hub.rows import repos_from_rows
from resolver.local_hub.server import LocalHub
from resolver.local_hub.synthetic import synthetic

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
