"""How requests name themselves, and which way they leave this machine."""

from __future__ import annotations

import platform
import urllib.request
from importlib.metadata import version
from urllib.parse import urlsplit


def user_agent() -> str:
    """How requests name themselves: this package, Python and the HTTP library."""
    return f"hubresolve/{version('hubresolve')}; python/{platform.python_version()}; aiohttp/{version('aiohttp')}"


def proxy_for(endpoint: str) -> str | None:
    """The proxy that the environment names for `endpoint`.

    Given to aiohttp request by request: its `trust_env` would read ~/.netrc too and refuse to send our token then.
    """
    parts = urlsplit(endpoint)
    if urllib.request.proxy_bypass(parts.hostname or ""):
        return None
    return urllib.request.getproxies().get(parts.scheme)
