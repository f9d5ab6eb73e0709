"""Opens connections through a SOCKS proxy, with the optional package aiohttp-socks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from resolver.errors import SettingsError
from resolver.hub.proxies import Proxy

if TYPE_CHECKING:
    import aiohttp


def open_connector(proxy: Proxy) -> aiohttp.BaseConnector:
    """What connects a session through `proxy`, which also looks up the names of hosts.

    Raises:
        SettingsError: the package is not installed, or cannot send the password.
    """
    if not f"{proxy.user}{proxy.password}".isascii():
        raise SettingsError(f"{proxy.variable}: user name and password of a SOCKS proxy must be of ASCII characters")
    try:
        from aiohttp_socks import ProxyConnector, ProxyType
    except ImportError:
        problem = f"{proxy.variable}: a SOCKS proxy ({proxy.url}) needs the package aiohttp-socks"
        raise SettingsError(f"{problem}: pip install 'hubresolve[socks]'") from None
    return ProxyConnector(
        proxy_type=ProxyType.SOCKS5,
        host=proxy.url.host or "",
        port=proxy.url.port or 0,
        username=proxy.user,
        password=proxy.password,
        rdns=True,
        limit=0,
    )
