"""Builds the URLs of the Hub's API. Pure."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from urllib.parse import quote, urlencode

EXPAND = (
    "sha",
    "siblings",
    "pipeline_tag",
    "library_name",
    "tags",
    "config",
    "transformersInfo",
    "gguf",
    "safetensors",
    "gated",
    "private",
    "disabled",
)
"""The properties of model info that facts, hints and the size of the weights are made of (huggingface_hub 2.4,
hf_api.ExpandModelProperty_T).
"""

MAX_PAGE_SIZE = 1_000
"""Most repos in one page of a listing (huggingface.co, 2026)."""

BY_CREATION, BY_CHANGE = "createdAt", "lastModified"
"""Orders of a listing, the latest first."""

_EXPAND_QUERY = "&".join(f"expand={name}" for name in EXPAND)


@functools.lru_cache(maxsize=4_096)
def _quote(text: str, safe: str = "") -> str:
    return quote(text, safe=safe)


def model_info_url(endpoint: str, repo_id: str, revision: str, *, expand: bool = True) -> str:
    """Model info by revision: the one route that mirrors serve too. Some ignore `expand`, others refuse it."""
    url = f"{endpoint}/api/models/{repo_id}/revision/{_quote(revision)}"
    return f"{url}?{_EXPAND_QUERY}" if expand else url


def listing_url(
    endpoint: str,
    *,
    author: str | None = None,
    search: str | None = None,
    filters: Sequence[str] = (),
    page_size: int = MAX_PAGE_SIZE,
    sort: str = BY_CREATION,
) -> str:
    """The first page of a listing of models, with the properties that facts and hints are made of.

    By creation: the Hub's own order, by trend, changes while its pages are read, which skips repos. New repos come
    first, before the page that is read.
    """
    query = [
        *(("author", author), ("search", search), *(("filter", name) for name in filters)),
        *(("sort", sort), ("limit", str(page_size))),
    ]
    parameters = urlencode([(name, value) for name, value in query if value is not None])
    more = "&expand=lastModified" if sort == BY_CHANGE else ""
    return f"{endpoint}/api/models?{parameters}&{_EXPAND_QUERY}{more}"


def is_page_of(endpoint: str, url: str) -> bool:
    """Whether `url`, the next page that a server named, is a listing of the same endpoint."""
    return url.startswith(f"{endpoint}/api/models?")


def dataset_info_url(endpoint: str, repo_id: str) -> str:
    """Dataset info of this id."""
    return f"{endpoint}/api/datasets/{repo_id}?expand=private"


def file_url(endpoint: str, repo_id: str, revision: str, path: str) -> str:
    """One file of a repo at a revision."""
    return f"{endpoint}/{repo_id}/resolve/{_quote(revision)}/{_quote(path, '/')}"
