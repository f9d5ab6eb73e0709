"""How a local Hub behaves, as one frozen value."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

ANY_REPO: Final = "*"
"""In a token's grants: may read every private and gated repo."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HubOptions:
    """Switches for what recordings of the real Hub disagree on, and for what a test wants otherwise.

    `tokens`: valid token → ids of the private and gated repos it may read, or `ANY_REPO`.
    `anonymous_missing`: status for a repo that is missing or hidden from an anonymous caller.
    `invalid_token`: `reject` answers 401 everywhere, `ignore` treats the caller as anonymous.
    `http_error_codes`: send `X-Error-Code: RepoNotFound` with that 401; huggingface_hub maps a bare one on https only.
    `ignore_expand`: answer the full body whatever is asked, as some mirrors do.
    `direct_files`: answer small files with 200 at once, as the Hub did before the redirect to resolve-cache.
    `gzip`: compress API JSON where accepted.
    `quota_*`: requests per window and caller; None is without limit. `window_s` seconds long, by `clock`.
    `meter_resolve_cache`: whether the second hop of a small file costs quota again.
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
