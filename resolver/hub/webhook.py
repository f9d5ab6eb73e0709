"""`Webhook`: posts JSON to an address, through the proxies and with the certificates of the environment."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

import aiohttp
import msgspec
from yarl import URL

from resolver.errors import ResolveError, SettingsError
from resolver.hub.hops import HopSender
from resolver.redaction import remember_url_secrets

TIMEOUT_S = 30.0
"""Longest time for one attempt."""

WAITS_S = (1.0, 5.0)
"""Waits before the second and the third attempt."""


class WebhookError(Exception):
    """The address did not take the JSON: it cannot be reached, or its response is an error."""


class Webhook:
    """An address that takes JSON. Open it with `async with`."""

    def __init__(self, url: str, *, waits_s: tuple[float, ...] = WAITS_S) -> None:
        """A closed webhook; `waits_s` are the waits before further attempts.

        Raises:
            SettingsError: the URL is not one of HTTP.
        """
        try:
            self._url = URL(url)
            is_http = self._url.scheme in ("http", "https") and bool(self._url.host)
        except ValueError:
            is_http = False
        if not is_http:
            raise SettingsError(f"{url!r} is not a URL such as https://example.org/hook")
        remember_url_secrets(url)
        self._waits_s = waits_s
        self._sender = HopSender(None)

    async def __aenter__(self) -> Self:
        await self._sender.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._sender.__aexit__(kind, error, trace)

    async def post(self, value: Mapping[str, Any]) -> None:
        """Post one JSON object; a failed attempt is repeated, unless the response says that it never will do.

        Raises:
            WebhookError: all attempts failed.
        """
        body, problem = msgspec.json.encode(value), ""
        for wait_s in (0.0, *self._waits_s):
            await asyncio.sleep(wait_s)
            try:
                async with asyncio.timeout(TIMEOUT_S):
                    status = await self._sender.post_json(self._url, body)
            except TimeoutError:
                problem = f"no response in {TIMEOUT_S:.0f} s"
            except (aiohttp.ClientError, OSError, ResolveError) as error:
                problem = str(error) or type(error).__name__
            else:
                if 200 <= status < 300:
                    return
                problem = f"status {status}"
                if 400 <= status < 500 and status != 429:
                    break
        raise WebhookError(f"{self._url.origin()} did not take an event: {problem}")
