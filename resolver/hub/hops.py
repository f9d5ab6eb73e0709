"""`HopSender`: sends a GET and follows its redirects, one hop at a time: each has its own headers and connection."""

from __future__ import annotations

import contextlib
import os
import ssl
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Self

import aiohttp
from yarl import URL

from resolver.errors import HubResponseError, SettingsError
from resolver.hub.certificates import create_ssl_context
from resolver.hub.headers import find_proxy, user_agent

MAX_HOPS = 10
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


class HopSender:
    """Owns the session of the HTTP library. Open it with `async with`, in the event loop that uses it.

    The token goes to the origin of the first hop only; once a redirect has left it, to no other hop.
    """

    def __init__(self, endpoint: str, token: str | None) -> None:
        self._authorization = _build_authorization(token)
        self._session: aiohttp.ClientSession | None = None
        self._ssl_context: ssl.SSLContext | None = None
        self._proxy = find_proxy(endpoint)

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            headers={"User-Agent": user_agent()},
            # The concurrency limits bound the connections. Large bodies that wait for their turn need more of them.
            connector=aiohttp.TCPConnector(limit=0),
            # One process may serve many users: a cookie from one response must not go into the next request.
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    @contextlib.asynccontextmanager
    async def get(
        self, url: URL, time_limits: aiohttp.ClientTimeout
    ) -> AsyncIterator[tuple[aiohttp.ClientResponse, list[aiohttp.ClientResponse]]]:
        """The last response, whose body may be read inside the block, and those that redirected to it.

        Raises:
            HubResponseError: the redirects lead nowhere.
            SettingsError: the certificates that the environment names cannot be read.
            Exception: those of the HTTP library.
        """
        headers, passed = self._authorization, list[aiohttp.ClientResponse]()
        while True:
            async with self._open_session().get(
                url,
                headers=headers,
                ssl=self._find_ssl_context() if url.scheme == "https" else True,
                allow_redirects=False,
                proxy=self._proxy,
                timeout=time_limits,
            ) as response:
                location = response.headers.get("Location") if response.status in _REDIRECTS else None
                if not location:
                    yield response, passed
                    return
            passed.append(response)
            if len(passed) >= MAX_HOPS:
                raise HubResponseError("redirect loop")
            target = _parse_location(url, location)
            if not _keeps_token(url, target):
                headers = None
            # A user name in the URL would take the place of the token.
            url = target.with_user(None) if headers else target

    def _open_session(self) -> aiohttp.ClientSession:
        if self._session is None:
            raise RuntimeError("the client is not open; use it inside `async with`")
        return self._session

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
