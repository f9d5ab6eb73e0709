"""The User-Agent of requests."""

from __future__ import annotations

import platform
from importlib.metadata import version

from resolver.version import __version__


def user_agent() -> str:
    """The User-Agent header: this package, Python and the HTTP library."""
    return f"hubresolve/{__version__}; python/{platform.python_version()}; aiohttp/{version('aiohttp')}"
