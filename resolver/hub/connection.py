"""Lazy session with the Hub: finds the token and opens the client when they are first needed."""

from __future__ import annotations

import asyncio
import logging
import platform
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Self

from resolver.hooks.hooks import Hooks
from resolver.hub.pacing.circuit_breaker import DEFAULT_BREAKER, BreakerPolicy
from resolver.hub.pacing.pacer import Pacer
from resolver.hub.pacing.quota_headers import parse_quota
from resolver.hub.pacing.quota_pacer import QuotaPacer
from resolver.hub.pacing.shared_pacer import SharedPacer
from resolver.hub.response import Bucket, HttpResponse
from resolver.hub.retry import DEFAULT_RETRY, RetryPolicy
from resolver.settings import FilledSettings, find_token
from store.keys import derive_quota_owner
from store.quotas import LeaseRequest, QuotaKey, QuotaLease

if TYPE_CHECKING:
    from resolver.hub.client import HubClient

logger = logging.getLogger(__name__)

LeaseQuota = Callable[[QuotaKey, LeaseRequest], Awaitable[QuotaLease | None]]
"""As `MetadataStore.lease_quota`."""


class Connection:
    """Opens nothing by itself: an answer from the store needs neither the token nor the HTTP library, whose import
    takes longer than the answer.
    """

    def __init__(
        self,
        settings: FilledSettings,
        retry: RetryPolicy = DEFAULT_RETRY,
        breaker: BreakerPolicy = DEFAULT_BREAKER,
        lease_quota: LeaseQuota | None = None,
        hooks: Hooks | None = None,
    ) -> None:
        """`lease_quota` takes requests of a quota that other processes use too; None: this one is alone."""
        self._settings = settings
        self._retry = retry
        self._breaker = breaker
        self._hooks = hooks
        self._lease_quota = lease_quota
        self.client: HubClient | None = None
        self.token: str | None = None
        """Known once `find_token` was awaited."""
        self._has_token = False
        self._opening = asyncio.Lock()
        self._exits = AsyncExitStack()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._exits.aclose()

    @property
    def requests(self) -> dict[str, int]:
        """Requests sent so far, by bucket; empty where none was."""
        if self.client is None:
            return {}
        return {bucket.value: count for bucket, count in self.client.requests.items()}

    @property
    def longest_wait_s(self) -> float:
        """The longest single wait, in seconds, that the Hub asked for so far."""
        return self.client.longest_wait_s if self.client is not None else 0.0

    @property
    def quota_left(self) -> dict[str, int]:
        """Requests left in the current window, by bucket; without the buckets whose quota is not known yet."""
        if self.client is None:
            return {}
        return {
            bucket.value: max(pacer.left, 0) for bucket, pacer in self.client.pacers.items() if pacer.left is not None
        }

    @property
    def file_requests_in_flight(self) -> int:
        """How many requests for files are in flight."""
        return self.client.file_requests_in_flight if self.client is not None else 0

    async def open_client(self) -> HubClient:
        """The client, opened by the first caller."""
        async with self._opening:
            if self.client is None:
                token = await self.find_token()
                if self._settings.public_only:
                    token = await self._read_token()
                client = self._build_client(token)
                if token and self._settings.public_only:
                    from resolver.hub.public_client import PublicHubClient

                    client = PublicHubClient(client, self._build_client(None))
                self.client = await self._exits.enter_async_context(client)
                logger.info("asking %s, %s a token", self._settings.endpoint, "with" if token else "without")
        return self.client

    def record_download(self, headers: Mapping[str, str]) -> None:
        """Another client of this process got a response from the Hub with these headers: it uses the same quota."""
        quota = parse_quota(HttpResponse(status=200, headers=headers))
        if quota is None or not quota.is_credible or self.client is None:
            return
        for bucket, pacer in self.client.pacers.items():
            if bucket.value == quota.name:
                pacer.record_other(quota, asyncio.get_running_loop().time())

    def _build_client(self, token: str | None) -> HubClient:
        from resolver.hub.client import HubClient

        return HubClient(
            self._settings.endpoint,
            token,
            concurrency=self._settings.concurrency,
            timeout_s=self._settings.timeout_s,
            retry=self._retry,
            breaker=self._breaker,
            open_pacer=partial(self._open_pacer, token),
            hooks=self._hooks,
        )

    def _open_pacer(self, token: str | None, bucket: Bucket) -> Pacer:
        """What keeps to the quota of a bucket."""
        if self._lease_quota is None:
            return QuotaPacer()
        owner = derive_quota_owner(token, platform.node())
        key = QuotaKey(self._settings.endpoint, owner, bucket.value)
        return SharedPacer(partial(self._lease_quota, key))

    async def find_token(self) -> str | None:
        """The token whose answers may be given and remembered, None for none: with `public_only` there is none."""
        if not self._has_token:
            self.token = None if self._settings.public_only else await self._read_token()
            self._has_token = True
        return self.token

    async def _read_token(self) -> str | None:
        return await asyncio.to_thread(find_token, self._settings.token, offline=self._settings.offline)
