"""The User-Agent of requests, and the proxy that the environment names."""

from __future__ import annotations

import platform
import urllib.request
from importlib.metadata import version
from urllib.parse import urlsplit

from resolver.redaction import remember_url_secrets
from resolver.version import __version__


def user_agent() -> str:
    """The User-Agent header: this package, Python and the HTTP library."""
    return f"hubresolve/{__version__}; python/{platform.python_version()}; aiohttp/{version('aiohttp')}"


def find_proxy(endpoint: str) -> str | None:
    """The proxy that the environment names for `endpoint`; None for no proxy.

    Passed to aiohttp with each request: its `trust_env` would also read ~/.netrc, and then refuse to send the token.
    """
    parts = urlsplit(endpoint)
    if urllib.request.proxy_bypass(parts.hostname or ""):
        return None
    proxy = urllib.request.getproxies().get(parts.scheme)
    if proxy:
        remember_url_secrets(proxy)
    return proxy
