"""`HubOptions`: the options of a local Hub, as one frozen value."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

ANY_REPO: Final = "*"
"""In the grants of a token: it may read every private and gated repo."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HubOptions:
    """Switches for behaviour that differs between recordings of the real Hub, and for the needs of tests.

    `tokens`: valid token → ids of the private and gated repos it may read, or `ANY_REPO`.
    `anonymous_missing`: status for a repo that is missing or hidden from an anonymous caller.
    `invalid_token`: `reject` sends 401 on every route, `ignore` treats the caller as anonymous.
    `http_error_codes`: send `X-Error-Code: RepoNotFound` with that 401; huggingface_hub maps a bare one on https only.
    `ignore_expand`: send the full body even where `expand` names a few properties, as some mirrors do.
    `direct_files`: send small files with status 200, as the Hub did before it redirected to resolve-cache.
    `gzip`: compress the JSON of API routes where the client accepts it.
    `quota_*`: requests per window and caller, None for no limit; a window lasts `window_s` seconds of `clock`.
    `meter_resolve_cache`: whether the redirected request for a small file counts against the quota too.
    `lfs_threshold_bytes`: files of this size and above are stored in LFS.
    `log_size`: requests kept in the log. `payload_cache_size`: JSON bodies kept in memory.
    """

    tokens: Mapping[str, Collection[str]] = field(default_factory=dict)
    anonymous_missing: Literal[401, 404] = 401
    invalid_token: Literal["reject", "ignore"] = "reject"
    http_error_codes: bool = False
    ignore_expand: bool = False
    direct_files: bool = False
    gzip: bool = False
    quota_api: int | None = None
    quota_resolvers: int | None = None
    quota_pages: int | None = None
    window_s: float = 300.0
    clock: Callable[[], float] = time.monotonic
    meter_resolve_cache: bool = True
    lfs_threshold_bytes: int = 10 << 20
    listing_page_size: int = 1000
    tree_page_size: int = 1000
    log_size: int = 10_000
    payload_cache_size: int = 50_000
