"""Translates failures of a proxy to errors that name the proxy and not the Hub."""

from __future__ import annotations

import aiohttp
from yarl import URL

from resolver.errors import HubUnavailableError
from resolver.hub.proxies import Proxy
from resolver.redaction import describe_error

_FORBIDDEN, _LOGIN_NEEDED = 403, 407
_NOT_ALLOWED = 2
"""Reply of a SOCKS proxy whose rules forbid the connection (RFC 1928, 6)."""
_HUB_HEADERS = ("X-Error-Code", "X-Request-Id", "X-Repo-Commit")


def translate(error: Exception, proxy: Proxy) -> HubUnavailableError | None:
    """The error of the proxy that an exception of the HTTP library means; None where the proxy is not to blame."""
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return _build_refusal(error.status, error.message, proxy)
    if isinstance(error, aiohttp.ClientProxyConnectionError):
        return HubUnavailableError(f"the proxy {_name(proxy)} cannot be reached ({describe_error(error.os_error)})")
    if not type(error).__module__.startswith("aiohttp_socks"):
        return None
    # aiohttp-socks, which need not be installed, has kinds of its own.
    kind, text = type(error).__name__, str(error)
    if kind == "ProxyError":
        refusal = HubUnavailableError(f"the proxy {_name(proxy)} refuses the connection ({text})")
        # Without a code it is the login that fails.
        refusal.is_final = getattr(error, "error_code", None) in (None, 0, _NOT_ALLOWED)
        return refusal
    return HubUnavailableError(f"the proxy {_name(proxy)} cannot be reached ({text})")


def from_response(response: aiohttp.ClientResponse, proxy: Proxy, url: URL) -> HubUnavailableError | None:
    """The error of an HTTP proxy that answers in place of the server, as it can for http:// only."""
    if url.scheme != "http":
        return None
    is_refusal = response.status == _FORBIDDEN and not any(name in response.headers for name in _HUB_HEADERS)
    if response.status == _LOGIN_NEEDED or is_refusal:
        return _build_refusal(response.status, response.reason or "", proxy)
    return None


def _build_refusal(status: int, reason: str, proxy: Proxy) -> HubUnavailableError:
    said = f"{status} {reason}".strip()
    if status == _LOGIN_NEEDED and proxy.user is None:
        text = (
            f"the proxy {_name(proxy)} needs a user name and a password ({said}): "
            "write USER:PASSWORD@ before its host there"
        )
    elif status == _LOGIN_NEEDED:
        text = f"the proxy {_name(proxy)} does not accept the user name and the password ({said})"
    else:
        text = f"the proxy {_name(proxy)} refuses the connection ({said})"
    error = HubUnavailableError(text)
    # Other statuses say that the server does not answer the proxy, which may pass.
    error.is_final = 400 <= status < 500
    return error


def _name(proxy: Proxy) -> str:
    return f"{proxy.url} of {proxy.variable}"
