"""`HopSender`: sends a GET and follows its redirects, one hop at a time: each has its own headers and proxy.

It also posts to an address of the user's.
"""

from __future__ import annotations

import logging
import os
import ssl
import urllib.request
from types import TracebackType
from typing import Self

import aiohttp
from yarl import URL

from resolver.errors import HubResponseError, SettingsError
from resolver.hub import proxy_errors, socks
from resolver.hub.certificates import create_ssl_context
from resolver.hub.headers import user_agent
from resolver.hub.proxies import Proxy, ProxyRules

logger = logging.getLogger(__name__)

MAX_HOPS = 10

CONNECT_TIMEOUT_S = 10.0
"""Longest time to connect to a host."""

_REDIRECTS = frozenset({301, 302, 303, 307, 308})


class HopSender:
    """Owns the sessions of the HTTP library. Open it with `async with`, in the event loop that uses it.

    The token goes to the origin of the first hop only; once a redirect has left it, to no other hop.
    """

    def __init__(self, token: str | None) -> None:
        self._authorization = _build_authorization(token)
        self._is_open = False
        self._sessions: dict[Proxy | None, aiohttp.ClientSession] = {}
        """SOCKS proxy -> session; None is that for all other hops."""
        self._ssl_context: ssl.SSLContext | None = None
        # The library's `trust_env` would also read ~/.netrc, and then refuse to send the token.
        self._proxies = ProxyRules(urllib.request.getproxies())

    async def __aenter__(self) -> Self:
        self._is_open = True
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_open = False
        while self._sessions:
            await self._sessions.popitem()[1].close()

    async def get(self, url: URL) -> tuple[aiohttp.ClientResponse, list[aiohttp.ClientResponse]]:
        """The last response, and those that redirected to it. The caller limits the time, and releases the response.

        Raises:
            HubResponseError: the redirects lead nowhere.
            HubUnavailableError: a proxy refuses.
            SettingsError: the certificates or the proxy that the environment names cannot be used.
            Exception: those of the HTTP library.
        """
        headers, passed = self._authorization, list[aiohttp.ClientResponse]()
        while True:
            response = await self._send(url, headers)
            location = response.headers.get("Location") if response.status in _REDIRECTS else None
            if not location:
                return response, passed
            response.release()
            passed.append(response)
            if len(passed) >= MAX_HOPS:
                raise HubResponseError("redirect loop")
            target = _parse_location(url, location)
            if not _keeps_token(url, target):
                headers = None
            # A user name in the URL would take the place of the token.
            url = target.with_user(None) if headers else target

    async def post_json(self, url: URL, body: bytes) -> int:
        """The status of the response to a POST of JSON; without the token, and without following a redirect.

        The caller limits the time. Raises what `get` does.
        """
        async with await self._send(url, {"Content-Type": "application/json"}, body) as response:
            return response.status

    async def _send(
        self, url: URL, headers: dict[str, str] | None, body: bytes | None = None
    ) -> aiohttp.ClientResponse:
        proxy = self._proxies.find(url)
        session = self._find_session(proxy if proxy is not None and proxy.is_socks else None)
        http_proxy = proxy if proxy is not None and not proxy.is_socks else None
        credentials = http_proxy.headers if http_proxy is not None else None
        is_tls = url.scheme == "https"
        try:
            response = await session.request(
                "GET" if body is None else "POST",
                url,
                data=body,
                # A proxy that is asked for an http:// URL reads the headers of the request itself.
                headers=headers if is_tls or credentials is None else {**(headers or {}), **credentials},
                ssl=self._find_ssl_context() if is_tls else True,
                allow_redirects=False,
                proxy=http_proxy.url if http_proxy is not None else None,
                proxy_headers=credentials if is_tls else None,
            )
        except Exception as error:
            refusal = proxy_errors.translate(error, proxy) if proxy is not None else None
            if refusal is None:
                raise
        else:
            refusal = proxy_errors.from_response(response, http_proxy, url) if http_proxy is not None else None
            if refusal is None:
                self._log(response, proxy)
                return response
            response.close()
        # Outside of the handler: the library's exception holds the headers of the request.
        raise refusal

    @staticmethod
    def _log(response: aiohttp.ClientResponse, proxy: Proxy | None) -> None:
        if logger.isEnabledFor(logging.DEBUG):
            # Without the query: that of a file server is a key to the file.
            address = response.url.with_query(None).with_user(None)
            through = f" through the proxy {proxy.url}" if proxy is not None else ""
            logger.debug("%s %s%s: status %d", response.method, address, through, response.status)

    def _find_session(self, socks_proxy: Proxy | None) -> aiohttp.ClientSession:
        if not self._is_open:
            raise RuntimeError("the client is not open; use it inside `async with`")
        session = self._sessions.get(socks_proxy)
        if session is None:
            session = self._sessions[socks_proxy] = aiohttp.ClientSession(
                headers={"User-Agent": user_agent()},
                # The concurrency limits bound the connections. Large bodies that wait for their turn need more of them.
                connector=socks.open_connector(socks_proxy) if socks_proxy else aiohttp.TCPConnector(limit=0),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT_S),
                # One process may serve many users: a cookie from one response must not go into the next request.
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return session

    def _find_ssl_context(self) -> ssl.SSLContext:
        if self._ssl_context is None:
            self._ssl_context = create_ssl_context(os.environ)
        return self._ssl_context


def _build_authorization(token: str | None) -> dict[str, str] | None:
    if not token:
        return None
    if not (token.isascii() and token.isprintable()):
        raise SettingsError("token: it has characters that no token has; copy it again (HF_TOKEN, or the token file)")
    return {"Authorization": f"Bearer {token}"}


def _parse_location(url: URL, location: str) -> URL:
    """Where a redirect from `url` leads. A signed URL becomes invalid when its query is quoted again: it is kept."""
    try:
        target = url.join(URL(location, encoded=True))
        # Both raise ValueError for a URL without a host, or with an impossible port.
        is_http = target.scheme in ("http", "https") and bool(target.origin().host) and target.port is not None
    except ValueError:
        is_http = False
    if not is_http:
        raise HubResponseError("redirect to what is no HTTP address")
    return target


def _keeps_token(url: URL, target: URL) -> bool:
    """Whether `target` is of the same origin, or the same host behind TLS; as huggingface_hub (httpx) has it."""
    if url.origin() == target.origin():
        return True
    is_upgrade = (url.scheme, target.scheme) == ("http", "https") and url.is_default_port() and target.is_default_port()
    return is_upgrade and url.host == target.host
