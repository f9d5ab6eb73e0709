"""Chooses the proxy of a URL, by the rules of huggingface_hub (httpx2 2.16, _utils.get_environment_proxies). Pure."""

from __future__ import annotations

import base64
import contextlib
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field

from yarl import URL

from resolver.errors import SettingsError
from resolver.redaction import remember_secret, remember_url_secrets

_SCHEMES = ("http", "https", "socks5", "socks5h")
_DEFAULT_PORTS = {"http": 80, "https": 443}
_SOCKS_PORT = 1080
_Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True, kw_only=True)
class Proxy:
    """`url` has neither user nor password, and shows in messages. `variable` names where it comes from."""

    url: URL
    variable: str
    user: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)

    @property
    def is_socks(self) -> bool:
        """Whether it speaks SOCKS, and not HTTP."""
        return self.url.scheme.startswith("socks")

    @property
    def headers(self) -> dict[str, str] | None:
        """What an HTTP proxy gets beside the request; None without a user."""
        if self.user is None:
            return None
        encoded = base64.b64encode(f"{self.user}:{self.password or ''}".encode()).decode()
        remember_secret(encoded)
        return {"Proxy-Authorization": f"Basic {encoded}"}


class ProxyRules:
    """`settings` is what `urllib.request.getproxies()` returns: "http", "https", "all" and "no" -> value."""

    def __init__(self, settings: Mapping[str, str]) -> None:
        self._proxies = {
            scheme: value if "://" in value else f"http://{value}"
            for scheme in ("http", "https", "all")
            if (value := settings.get(scheme, "").strip())
        }
        for value in self._proxies.values():
            remember_url_secrets(value)
        entries = [entry.strip() for entry in settings.get("no", "").split(",")]
        self._has_none = "*" in entries
        self._exceptions = [found for entry in entries if entry and (found := _parse_exception(entry)) is not None]

    def find(self, url: URL) -> Proxy | None:
        """The proxy for `url`; None where it is asked directly.

        Raises:
            SettingsError: what a variable names is no proxy that can be used.
        """
        if not self._proxies or self._has_none or any(exception.covers(url) for exception in self._exceptions):
            return None
        scheme = next((name for name in (url.scheme, "all") if name in self._proxies), None)
        return _parse_proxy(f"{scheme.upper()}_PROXY", self._proxies[scheme]) if scheme is not None else None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Exception:
    """An entry of NO_PROXY. None or an empty host: any."""

    scheme: str | None
    host: str
    port: int | None
    covers_host: bool
    covers_subdomains: bool
    network: _Network | None

    def covers(self, url: URL) -> bool:
        if self.scheme not in (None, url.scheme):
            return False
        # As with httpx, the default port of a scheme counts as none: "hub.example:443" covers no https:// URL.
        if self.port is not None and self.port != (None if url.is_default_port() else url.port):
            return False
        host = url.raw_host or ""
        if self.network is not None:
            try:
                return ipaddress.ip_address(host) in self.network
            except ValueError:
                return False
        if not self.host:
            return True
        return (self.covers_host and host == self.host) or (self.covers_subdomains and host.endswith(f".{self.host}"))


def _parse_exception(entry: str) -> _Exception | None:
    """An entry of NO_PROXY; None for one that cannot be understood, which is ignored."""
    scheme, separator, rest = entry.partition("://")
    if not separator:
        scheme, rest = "all", entry
        if "/" in entry and _parse_network(entry) is None:
            return None
    network = _parse_network(rest.replace("[", "").replace("]", ""))
    host, port = rest.partition("/")[0], None
    if network is None and not _is_ipv6(host):
        host, colon, digits = host.rpartition(":") if not host.endswith("]") else (host, "", "")
        if not colon:
            host = digits or host
        elif digits:
            if not (digits.isascii() and digits.isdigit() and int(digits) < 65_536):
                return None
            port = int(digits)
    host = host.strip("[]").lower()
    is_plain = not separator and not _is_address(host) and host != "localhost" and not entry.startswith("[")
    if host.startswith("*."):
        host, covers_host, covers_subdomains = host[2:], False, True
    elif host.startswith(".") and is_plain:
        host, covers_host, covers_subdomains = host[1:], False, True
    elif host.startswith("*"):
        if is_plain:
            return None
        host, covers_host, covers_subdomains = host[1:], True, True
    else:
        covers_host, covers_subdomains = True, is_plain
    return _Exception(
        scheme=None if scheme == "all" else scheme.lower(),
        host=host,
        port=None if port is not None and port == _DEFAULT_PORTS.get(scheme.lower()) else port,
        covers_host=covers_host,
        covers_subdomains=covers_subdomains,
        network=network,
    )


def _parse_network(text: str) -> _Network | None:
    """ "10.0.0.0/8" as a network; None for anything else."""
    if text.partition("/")[2].isdigit():
        with contextlib.suppress(ValueError):
            return ipaddress.ip_network(text, strict=False)
    return None


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _is_ipv6(host: str) -> bool:
    return host.count(":") > 1 and _is_address(host)


def _parse_proxy(variable: str, value: str) -> Proxy:
    try:
        url = URL(value)
        is_usable = bool(url.host) and url.port != 0
    except ValueError:
        is_usable = False
    if not is_usable:
        raise SettingsError(f"{variable}: {value!r} is no address of a proxy, such as http://proxy.example:3128")
    if url.scheme not in _SCHEMES:
        raise SettingsError(f"{variable}: a proxy cannot have the scheme {url.scheme!r}, only {', '.join(_SCHEMES)}")
    port = url.port or _SOCKS_PORT
    remember_secret(url.password)
    bare = URL.build(scheme=url.scheme, host=url.host or "", port=port)
    return Proxy(url=bare, variable=variable, user=url.user, password=url.password)
