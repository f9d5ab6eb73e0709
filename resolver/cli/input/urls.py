"""Turns a pasted URL of the Hub, or an hf:// one, into a repo id with its revision."""

from __future__ import annotations

import os

from resolver.lookup.request import UnusableRequest
from resolver.settings import DEFAULT_ENDPOINT

_STARTS = ("https://", "http://", "hf://")


def parse_hub_url(text: str) -> str | UnusableRequest:
    """`text`, or, where it is a URL, the "org/name@revision" that huggingface_hub reads from it."""
    if not text.startswith(_STARTS):
        return text
    try:
        from huggingface_hub import parse_hf_uri
        from huggingface_hub.errors import HfUriError
    except ImportError:
        return UnusableRequest(text[:200], "URLs need a newer huggingface_hub; give org/name instead")
    try:
        uri = parse_hf_uri(text, endpoint=os.environ.get("HF_ENDPOINT") or DEFAULT_ENDPOINT)
    except (HfUriError, ValueError) as error:
        return UnusableRequest(text[:200], f"{text[:200]!r} is not the URL of a repo: {error}")
    # The id of a dataset or a Space is refused with its own error.
    name = uri.id if uri.type == "model" else f"{uri.type}s/{uri.id}"
    return f"{name}@{uri.revision}" if uri.revision is not None and uri.type == "model" else name
