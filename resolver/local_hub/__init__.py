"""Exports the local Hub: a loopback server that speaks the Hub's protocol, for the demo, tests and benchmarks."""

from __future__ import annotations

from resolver.local_hub.catalog.catalog import Catalog, HubRepo
from resolver.local_hub.catalog.demo import demo_catalog, practice_catalog
from resolver.local_hub.catalog.jsonl import repos_from_rows
from resolver.local_hub.catalog.readers import read_folder, read_jsonl
from resolver.local_hub.errors import CatalogError, HubProcessError, LocalHubError, UnknownRepoError
from resolver.local_hub.options import ANY_REPO, HubOptions
from resolver.local_hub.server.counts import Counts, LoggedRequest
from resolver.local_hub.server.process import HubProcess, start_process
from resolver.local_hub.server.server import LocalHub
from resolver.local_hub.testing import faults
from resolver.local_hub.testing.synthetic import synthetic

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
    "practice_catalog",
    "read_folder",
    "read_jsonl",
    "repos_from_rows",
    "start_process",
    "synthetic",
]
