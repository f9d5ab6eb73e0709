"""Derives the canonical name of a library from the name that authors write. Pure."""

from __future__ import annotations


def derive_library_name(name: str) -> str:
    """The name in lower case, with underscores for hyphens and dots: "transformers.js" is `transformers_js`."""
    return name.lower().replace("-", "_").replace(".", "_")
