"""Turns a pasted URL of the Hub, or an hf:// one, into a repo id with its revision."""

from __future__ import annotations

import os

from resolver.environment import read_endpoint
from resolver.lookup.request import UnusableRequest
from resolver.settings import DEFAULT_ENDPOINT

_STARTS = ("https://", "http://", "hf://")
_FILE_PLACES = ("blob", "raw", "resolve", "blame")
"""Parts of the URL of a file: its repo is meant."""


def parse_hub_url(text: str, endpoint: str | None = None) -> str | UnusableRequest:
    """`text`, or, where it is a URL, the "org/name@revision" that huggingface_hub reads from it.

    `endpoint` is the Hub whose URLs are known beside the public one; None: that of the environment.
    """
    if not text.startswith(_STARTS):
        return text
    try:
        from huggingface_hub import parse_hf_uri
        from huggingface_hub.errors import HfUriError
    except ImportError:
        return UnusableRequest(text[:200], "URLs need a newer huggingface_hub; give org/name instead")
    try:
        uri = parse_hf_uri(text, endpoint=endpoint or read_endpoint(os.environ) or DEFAULT_ENDPOINT)
    except (HfUriError, ValueError) as error:
        return UnusableRequest(text[:200], f"{text[:200]!r} is not the URL of a repo: {error}")
    if uri.path_in_repo and not any(f"/{place}/" in text for place in _FILE_PLACES):
        return UnusableRequest(text[:200], f"{text[:200]!r} names a folder of a repo: give the repo, and --subfolder")
    # The id of a dataset or a Space is refused with its own error.
    name = uri.id if uri.type == "model" else f"{uri.type}s/{uri.id}"
    return f"{name}@{uri.revision}" if uri.revision is not None and uri.type == "model" else name
