"""`LoadLimits`: how far `load_many` works ahead."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadLimits:
    """`max_prefetched_repos`: those whose files are being fetched, or are fetched and wait to be loaded.
    `max_preloaded_models`: models loaded before they are requested, where there is a memory budget; without one, none.
    """

    max_prefetched_repos: int = 8
    max_preloaded_models: int = 2


DEFAULT_LOAD_LIMITS = LoadLimits()
