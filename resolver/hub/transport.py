"""Sends one GET to a Hub: concurrency limit, pacing, retries, redirects, size. The only importer of the HTTP library.

What to request, and what a response means, is left to `client`.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Mapping
from http import HTTPStatus
from types import TracebackType
from typing import Self, TypeVar

import aiohttp
from multidict import CIMultiDict
from yarl import URL

from resolver.errors import HubError, HubResponseError, HubUnavailableError
from resolver.hub.headers import find_proxy, user_agent
from resolver.hub.http_errors import describe
from resolver.hub.pacing.circuit_breaker import BreakerPolicy, CircuitBreaker
from resolver.hub.pacing.concurrency_limit import AdaptiveConcurrencyLimit
from resolver.hub.pacing.quota_headers import parse_quota, retry_after_s
from resolver.hub.pacing.quota_pacer import QuotaPacer, SentRequest
from resolver.hub.response import Bucket, HttpResponse
from resolver.hub.retry import RetryPolicy
from resolver.repo_id import RepoRevision

T = TypeVar("T")

MAX_REDIRECTS = 10
CONNECT_TIMEOUT_S = 10.0
_BUCKETS = {bucket.value: bucket for bucket in Bucket}


class Transport:
    """Sends GET requests to one Hub. Open it with `async with`, in the event loop that uses it.

    A refusal for quota, a server error, a timeout and a broken connection are retried with growing waits. The token
    goes to the endpoint's origin only: aiohttp drops it on a redirect to another origin.
    """

    def __init__(
        self,
        endpoint: str,
        token: str | None,
        *,
        concurrency: int,
        timeout_s: float,
        retry: RetryPolicy,
        breaker: BreakerPolicy,
    ) -> None:
        self._endpoint = endpoint
        self._token = token
        self._concurrency = concurrency
        self._timeout_s = timeout_s
        self._session: aiohttp.ClientSession | None = None
        self._limits = {bucket: AdaptiveConcurrencyLimit(concurrency) for bucket in Bucket}
        self._retry = retry
        self._breaker = CircuitBreaker(breaker)
        self._proxy = find_proxy(endpoint)
        self.pacers = {bucket: QuotaPacer() for bucket in Bucket}
        """What is known of each of the Hub's quotas."""
        self.requests: Counter[Bucket] = Counter()
        """Requests sent so far; redirects and retries count too."""

    async def __aenter__(self) -> Self:
        headers = {"User-Agent": user_agent()}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        self._session = aiohttp.ClientSession(
            headers=headers,
            connector=aiohttp.TCPConnector(limit=2 * self._concurrency),
            timeout=aiohttp.ClientTimeout(total=self._timeout_s, sock_connect=min(CONNECT_TIMEOUT_S, self._timeout_s)),
            # A signed URL of the file servers becomes invalid when its query is quoted again.
            requote_redirect_url=False,
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

    def in_flight(self, bucket: Bucket) -> int:
        """How many requests of a bucket are in flight."""
        return self._limits[bucket].in_flight

    async def fetch(
        self,
        url: URL,
        bucket: Bucket,
        max_bytes: int,
        target: RepoRevision | None,
        parse: Callable[[HttpResponse, RepoRevision | None], T],
    ) -> T:
        """What `parse` makes of the response, with retries. `target` is what errors name; None: a listing.

        Raises:
            HubError: no response came, or `parse` raised it.
        """
        attempt = 1
        while True:
            try:
                return _parse_by(parse, await self.send(url, bucket, max_bytes, target), target)
            except HubError as error:
                if isinstance(error, HubUnavailableError):
                    error.attempts = attempt
                is_last = attempt >= self._retry.attempts(error)
                # The first failure of a repo does not wait for a Hub that is known to be down.
                if is_last or (attempt == 1 and self._breaker.is_open(asyncio.get_running_loop().time())):
                    raise
                await asyncio.sleep(self._retry.wait_s(error, attempt, random.random()))
            attempt += 1

    async def send(self, url: URL, bucket: Bucket, max_bytes: int, target: RepoRevision | None) -> HttpResponse:
        """The response to one request, redirects followed, with at most `max_bytes` of its body; no retry.

        Raises:
            HubError: there was no response. A response that is an error is returned as it is.
        """
        if self._session is None:
            raise RuntimeError("the client is not open; use it inside `async with`")
        limit, pacer, loop = self._limits[bucket], self.pacers[bucket], asyncio.get_running_loop()
        await limit.acquire()
        try:
            while (wait_s := self._wait_s(pacer, target)) > 0:  # noqa: ASYNC110 (the time to wait until may move)
                await asyncio.sleep(wait_s)
            sent = pacer.record_sent(loop.time())
            self.requests[bucket] += 1
            try:
                async with self._session.get(url, max_redirects=MAX_REDIRECTS, proxy=self._proxy) as response:
                    self.requests[bucket] += len(response.history)
                    if _is_short(response, max_bytes):
                        body, is_truncated = await response.read(), False
                    else:
                        body, is_truncated = await _read_up_to(response, max_bytes)
            except aiohttp.TooManyRedirects as error:
                raise _add_target(HubResponseError("redirect loop"), target) from error
            except (ValueError, aiohttp.NonHttpUrlRedirectClientError) as error:
                # aiohttp's own InvalidURL, or what yarl raises for an impossible port or host.
                raise _add_target(HubResponseError("redirect to a URL that is not HTTP"), target) from error
            except TimeoutError as error:
                limit.record_failure()
                self._breaker.record_failure(loop.time())
                raise _add_target(HubUnavailableError(f"no response within {self._timeout_s:g} s"), target) from error
            except (aiohttp.ClientError, OSError) as error:
                limit.record_failure()
                self._breaker.record_failure(loop.time())
                reason = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
                message = f"{self._endpoint} cannot be reached ({reason})"
                raise _add_target(HubUnavailableError(message), target) from error
            finally:
                pacer.record_ended()
            answer = HttpResponse(
                status=response.status, headers=_merge_headers(response), body=body, is_truncated=is_truncated
            )
            self._record_response(answer, bucket, sent, redirects=len(response.history))
        finally:
            limit.release()
        return answer

    def _wait_s(self, pacer: QuotaPacer, target: RepoRevision | None) -> float:
        """Seconds that the next request has to wait, for its quota or for the circuit breaker.

        Raises:
            HubUnavailableError: the circuit breaker has been open for too long.
        """
        now_s = asyncio.get_running_loop().time()
        if self._breaker.is_open(now_s):
            raise _add_target(HubUnavailableError(f"{self._endpoint} has not answered for a minute"), target)
        return pacer.wait_s(now_s) or self._breaker.wait_s(now_s)

    def _record_response(self, response: HttpResponse, bucket: Bucket, sent: SentRequest, *, redirects: int) -> None:
        """Update the pacer, the circuit breaker and the concurrency limit from a response."""
        self._breaker.record_success()
        quota, now_s = parse_quota(response), asyncio.get_running_loop().time()
        # The Hub may count a route in another bucket than expected; the bucket it names is right.
        named = _BUCKETS.get(quota.name, bucket) if quota is not None else bucket
        if response.status == HTTPStatus.TOO_MANY_REQUESTS:
            wait_s = retry_after_s(response)
            max_wait_s = self._retry.max_retry_after_s
            self.pacers[named].record_refusal(min(wait_s, max_wait_s) if wait_s is not None else None, quota, now_s)
        else:
            self.pacers[named].record_response(quota, now_s, sent, redirects=redirects)
        if response.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            self._limits[bucket].record_failure()
        else:
            self._limits[bucket].record_success()


def _merge_headers(response: aiohttp.ClientResponse) -> Mapping[str, str]:
    """The response's headers, with the commit that a redirect named: a file server's own response has none."""
    if not response.history or "X-Repo-Commit" in response.headers:
        return response.headers
    commits = [hop.headers["X-Repo-Commit"] for hop in response.history if "X-Repo-Commit" in hop.headers]
    if not commits:
        return response.headers
    return CIMultiDict([*response.headers.items(), ("X-Repo-Commit", commits[-1])])


def _parse_by(
    parse: Callable[[HttpResponse, RepoRevision | None], T], response: HttpResponse, target: RepoRevision | None
) -> T:
    """What `parse` makes of `response`; its error gets the target and the status."""
    try:
        return parse(response, target)
    except HubResponseError as error:
        if error.status is not None:
            raise
        raise _add_target(error, target, response.status) from None


def _is_short(response: aiohttp.ClientResponse, max_bytes: int) -> bool:
    """Whether the response says that its body is shorter than `max_bytes`."""
    return (response.content_length or max_bytes) < max_bytes and "Content-Encoding" not in response.headers


async def _read_up_to(response: aiohttp.ClientResponse, max_bytes: int) -> tuple[bytes, bool]:
    """The body, and whether it was longer than `max_bytes` and cut there."""
    chunks: list[bytes] = []
    size_bytes = 0
    async for chunk in response.content.iter_any():
        chunks.append(chunk)
        size_bytes += len(chunk)
        if size_bytes > max_bytes:
            response.close()
            return b"".join(chunks)[:max_bytes], True
    return b"".join(chunks), False


def _add_target(error: HubError, target: RepoRevision | None, status: int | None = None) -> HubError:
    """`error` with what it is about, which the code that raised it did not know."""
    error.args = (f"{describe(target)}: {error}",)
    if target is not None:
        error.repo_id, error.revision = target.repo_id, target.revision
    error.status = status
    return error
