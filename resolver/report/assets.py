"""Reads the style and the script of the page, which belong to this package."""

from __future__ import annotations

from importlib import resources

from resolver.report.page import PageParts
from resolver.version import __version__

DEFAULT_TITLE = "Hub repos"


def load_parts(title: str, source: str, made_at_s: float, form: str = "") -> PageParts:
    """The parts of a page: those given, and our own files. `made_at_s` is in seconds since 1970, UTC."""
    assets = resources.files("resolver.report")
    return PageParts(
        title=title,
        source=source,
        made_at_s=made_at_s,
        version=__version__,
        style=(assets / "page.css").read_text("utf-8"),
        script=(assets / "page.js").read_text("utf-8"),
        form=form,
    )
