"""Sends one GET to a Hub: concurrency limit, pacing, retries, size. `hops` sends it over the network.

Everything ends: a request with its timeout, the requests of one repo with their budget, a body with its size.

What to request, and what a response means, is left to `client`.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from types import TracebackType
from typing import Literal, Self, TypeVar

import aiohttp
from yarl import URL

from resolver.errors import HubError, HubResponseError, HubUnavailableError, RateLimitedError, ResolveError
from resolver.hooks.hooks import EndedRequest, Hooks, Retry, Wait
from resolver.hub.body_size import is_large
from resolver.hub.budget import RequestBudget
from resolver.hub.hop_costs import HopCosts
from resolver.hub.hops import HopSender
from resolver.hub.http_errors import describe
from resolver.hub.large_bodies import MAX_LARGE_BODIES, LargeBodyPermit
from resolver.hub.network_errors import translate
from resolver.hub.pacing.circuit_breaker import BreakerPolicy, CircuitBreaker
from resolver.hub.pacing.concurrency_limit import AdaptiveConcurrencyLimit
from resolver.hub.pacing.pacer import Pacer
from resolver.hub.pacing.quota_headers import Quota, parse_quota, retry_after_s
from resolver.hub.pacing.quota_pacer import SentRequest
from resolver.hub.reading import merge_headers, read_body
from resolver.hub.response import Bucket, HttpResponse
from resolver.hub.retry import RetryPolicy, asks_for_wait
from resolver.repo_id import RepoRevision

logger = logging.getLogger(__name__)

T = TypeVar("T")

MIN_SAID_WAIT_S = 5.0
"""A wait for the Hub's quota that is as long is logged, once for each window."""

MAX_REFUSALS = 20
"""Refusals of one request for the quota that are no failed attempts, where other requests are granted meanwhile."""

_BUCKETS = {bucket.value: bucket for bucket in Bucket}
_TOO_MANY_REQUESTS, _SERVER_ERROR = int(HTTPStatus.TOO_MANY_REQUESTS), int(HTTPStatus.INTERNAL_SERVER_ERROR)


class Transport:
    """Sends GET requests to one Hub. Open it with `async with`, in the event loop that uses it.

    A refusal for quota, a server error, a timeout and a broken connection are retried with growing waits.
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
        open_pacer: Callable[[Bucket], Pacer],
        hooks: Hooks | None = None,
    ) -> None:
        """`hooks` never raise."""
        self._endpoint = endpoint
        self._concurrency = concurrency
        self._timeout_s = timeout_s
        self._hops = HopSender(token)
        self._limits = {bucket: AdaptiveConcurrencyLimit(concurrency) for bucket in Bucket}
        self._retry = retry
        self._hooks = hooks
        self._breaker = CircuitBreaker(breaker)
        self._large_bodies = {kind: asyncio.Semaphore(MAX_LARGE_BODIES) for kind in ("repo", "page")}
        self._said_until_s = dict.fromkeys(Bucket, 0.0)
        self._has_said_ignored = False
        self.pacers = {bucket: open_pacer(bucket) for bucket in Bucket}
        """What is known of each of the Hub's quotas."""
        self.longest_wait_s = 0.0
        """The longest single wait that the Hub asked for and got."""
        self._hop_costs = {bucket: HopCosts() for bucket in Bucket}
        self.requests: Counter[Bucket] = Counter()
        """Requests sent so far; redirects and retries count too."""

    async def __aenter__(self) -> Self:
        await self._hops.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            for pacer in self.pacers.values():
                await pacer.close()
        finally:
            # Also where the caller, who waits for the store, is cancelled.
            await self._hops.__aexit__(kind, error, trace)

    def in_flight(self, bucket: Bucket) -> int:
        """How many requests of a bucket are in flight."""
        return self._limits[bucket].in_flight

    def open_budget(self) -> RequestBudget:
        """A new budget, for the requests of one repo or for one page."""
        retry = self._retry
        return RequestBudget(
            attempts_s=retry.max_timeouts * self._timeout_s, waits_s=retry.max_server_waits * retry.max_retry_after_s
        )

    def open_permit(self, *, is_page: bool = False) -> LargeBodyPermit:
        """A new permit for large bodies, of one repo or of one page; not yet acquired."""
        return LargeBodyPermit(self._large_bodies["page" if is_page else "repo"])

    async def fetch(
        self,
        url: URL,
        bucket: Bucket,
        max_bytes: int,
        target: RepoRevision | None,
        parse: Callable[[HttpResponse, RepoRevision | None], T],
        budget: RequestBudget,
        permit: LargeBodyPermit,
    ) -> T:
        """What `parse` makes of the response, with retries. `target` is what errors name; None: a listing.

        Large bodies are parsed in a thread, and only while `permit` is held, which is acquired here and never released.

        Raises:
            HubError: no response came, or `parse` raised it.
        """
        attempt, refusals = 1, 0
        while True:
            answered = self.pacers[bucket].answered
            try:
                return await self._send_and_parse(url, bucket, max_bytes, target, parse, budget, permit)
            except HubError as error:
                # Frames hold the body for as long as the error lives, which a caller may keep.
                error.__traceback__ = None
                if isinstance(error, HubUnavailableError):
                    error.attempts = attempt
                if self._is_refused_in_turn(error, bucket, answered) and refusals < MAX_REFUSALS:
                    refusals += 1
                    wait_s = self._retry.wait_s(error, refusals, random.random())
                    await self._wait_for_hub(wait_s, bucket, budget, is_counted=False)
                    continue
                is_last = attempt >= self._retry.attempts(error)
                # The first failure of a repo does not wait for a Hub that is known to be down.
                if is_last or (attempt == 1 and self._breaker.is_open(asyncio.get_running_loop().time())):
                    raise
                if not await self._wait_to_retry(error, attempt, bucket, budget):
                    raise
            attempt += 1

    def _is_refused_in_turn(self, error: HubError, bucket: Bucket, answered: int) -> bool:
        """Whether the quota refused a request while it granted others: it moves on, and this one's turn comes.

        `answered` is how many were answered when the request began to wait for its turn.
        """
        return isinstance(error, RateLimitedError) and self.pacers[bucket].answered > answered

    async def _send_and_parse(
        self,
        url: URL,
        bucket: Bucket,
        max_bytes: int,
        target: RepoRevision | None,
        parse: Callable[[HttpResponse, RepoRevision | None], T],
        budget: RequestBudget,
        permit: LargeBodyPermit,
    ) -> T:
        response = await self.send(url, bucket, max_bytes, target, budget, permit)
        if not is_large(response.body):
            return _parse_by(parse, response, target)
        await permit.acquire()
        return await asyncio.to_thread(_parse_by, parse, response, target)

    async def _wait_to_retry(self, error: HubError, attempt: int, bucket: Bucket, budget: RequestBudget) -> bool:
        """Wait after an attempt that ended in `error`. False, without a wait, where the budget does not allow it."""
        wait_s, now_s = self._retry.wait_s(error, attempt, random.random()), asyncio.get_running_loop().time()
        logger.info("attempt %d failed, the next is due in %.1f s: %s", attempt, wait_s, error)
        if asks_for_wait(error):
            if wait_s > budget.get_wait_left_s(now_s):
                return False
            is_quota = isinstance(error, RateLimitedError)
            self._tell_retry(bucket, attempt, error, "quota" if is_quota else "server", wait_s)
            await self._wait_for_hub(wait_s, bucket, budget, None if is_quota else error.status)
        elif wait_s >= budget.get_attempts_left_s(now_s):
            return False
        else:
            self._tell_retry(bucket, attempt, error, "backoff", wait_s)
            await asyncio.sleep(wait_s)
        return True

    def _tell_retry(
        self,
        bucket: Bucket,
        attempt: int,
        error: HubError,
        reason: Literal["quota", "server", "backoff"],
        wait_s: float,
    ) -> None:
        if self._hooks is not None:
            self._hooks.on_retry(Retry(bucket=bucket.value, failed_attempts=attempt, code=error.code))
        self._tell_wait(bucket, reason, wait_s)

    def _tell_wait(self, bucket: Bucket, reason: Literal["quota", "server", "backoff", "down"], wait_s: float) -> None:
        if self._hooks is not None:
            self._hooks.on_wait(Wait(bucket=bucket.value, reason=reason, wait_s=wait_s))

    async def _wait_for_hub(
        self,
        wait_s: float,
        bucket: Bucket,
        budget: RequestBudget,
        status: int | None = None,
        *,
        is_counted: bool = True,
    ) -> None:
        """Wait because the Hub asks for it, for its quota or with a `status` that says that it does not work.

        A long wait is logged, once for all requests that wait until then. One that is not counted is none of those
        that the budget limits.
        """
        loop = asyncio.get_running_loop()
        if wait_s >= MIN_SAID_WAIT_S and loop.time() >= self._said_until_s[bucket]:
            self._said_until_s[bucket] = loop.time() + wait_s
            if status is None:
                said = "the Hub's quota of %s requests is used up; the next ones wait %.0f s"
                logger.warning(said, bucket.noun, wait_s)
            else:
                logger.warning("the Hub fails with status %d, and asks for a wait of %.0f s", status, wait_s)
        self.longest_wait_s = max(self.longest_wait_s, wait_s)
        started_s = loop.time()
        if not is_counted:
            await asyncio.sleep(wait_s)
            budget.queued_s += loop.time() - started_s
            return
        budget.begin_wait(started_s)
        try:
            await asyncio.sleep(wait_s)
        finally:
            budget.end_wait(loop.time())

    async def send(
        self,
        url: URL,
        bucket: Bucket,
        max_bytes: int,
        target: RepoRevision | None,
        budget: RequestBudget,
        permit: LargeBodyPermit,
    ) -> HttpResponse:
        """The response to one request, redirects followed, with at most `max_bytes` of its body; no retry.

        Raises:
            HubError: there was no response. A response that is an error is returned as it is.
        """
        limit, pacer, loop = self._limits[bucket], self.pacers[bucket], asyncio.get_running_loop()
        queued_since_s = loop.time()
        await limit.acquire()
        has_place = True
        in_flight: SentRequest | None = None

        def give_place_back() -> None:
            nonlocal has_place, in_flight
            if in_flight is not None:
                pacer.record_ended(in_flight)
                in_flight = None
            if has_place:
                has_place = False
                limit.release()

        async def wait_for_permit() -> None:
            if not permit.is_held:
                # Whoever holds the permit may need the place, or wait for what this request finds of the quota.
                give_place_back()
            await permit.acquire()

        try:
            budget.start(loop.time(), queued_since_s=queued_since_s)
            await self._wait_for_turn(pacer, bucket, target, budget)
            sent_at_s = loop.time()
            sent = in_flight = pacer.record_sent(sent_at_s)
            self.requests[bucket] += 1
            problem: HubError | None = None
            timeout_s = min(self._timeout_s, budget.get_attempts_left_s(sent_at_s))
            try:
                response, passed, body, is_truncated = await self._get(
                    url, max_bytes, bucket, timeout_s, wait_for_permit
                )
            except HubError as error:
                problem = error
            except ResolveError:
                raise
            except (ValueError, TimeoutError, OSError, aiohttp.ClientError) as error:
                problem = translate(error, self._endpoint, timeout_s)
            else:
                if target is None and response.url.origin() != url.origin():
                    problem = HubResponseError("a redirect to another origin")
            if problem is not None:
                if self._hooks is not None:
                    self._hooks.on_request(_describe_request(bucket, None, loop.time() - sent_at_s))
                # Outside of the handler: the library's exception, whose values hold secrets, is no part of ours.
                if isinstance(problem, HubUnavailableError) and not problem.is_final:
                    limit.record_failure()
                    self._breaker.record_failure(loop.time())
                raise _add_target(problem, target)
            answer = HttpResponse(
                status=response.status,
                headers=merge_headers(response, passed),
                body=body,
                is_truncated=is_truncated,
                received_at_s=time.time(),
            )
            if self._hooks is not None:
                self._hooks.on_request(_describe_request(bucket, answer, loop.time() - sent_at_s, len(passed)))
            self._record_response(answer, bucket, sent, redirects=self._count_redirects(answer, passed, bucket))
        finally:
            give_place_back()
        return answer

    async def _get(
        self,
        url: URL,
        max_bytes: int,
        bucket: Bucket,
        timeout_s: float,
        wait_for_permit: Callable[[], Awaitable[None]],
    ) -> tuple[aiohttp.ClientResponse, list[aiohttp.ClientResponse], bytes, bool]:
        """The response, those that redirected to it, its body, and whether the body was cut. Raises as `HopSender`."""
        if timeout_s <= 0:
            raise TimeoutError
        # The library's own total timeout would not count the wait for the permit, and would set a second timer.
        async with asyncio.timeout(timeout_s):
            response, passed = await self._hops.get(url)
            if passed:
                self.requests[bucket] += len(passed)
            body, is_truncated = await read_body(response, max_bytes, wait_for_permit)
        return response, passed, body, is_truncated

    async def _wait_for_turn(
        self, pacer: Pacer, bucket: Bucket, target: RepoRevision | None, budget: RequestBudget
    ) -> None:
        """Wait for the quota, as long as the budget allows, and for the circuit breaker.

        While other requests get their turns, a wait is not counted: many processes may share a quota, and then the turn
        may come windows later.

        Raises:
            HubUnavailableError: the circuit breaker has been open for too long.
        """
        loop = asyncio.get_running_loop()
        answered = pacer.answered
        while True:
            now_s = loop.time()
            if self._breaker.is_open(now_s):
                raise _add_target(HubUnavailableError(f"{self._endpoint} has not answered for a minute"), target)
            wait_s = pacer.wait_s(now_s)
            if wait_s > 0 and pacer.awaits_response(now_s):
                # Bounded by the timeout of the other request.
                await asyncio.sleep(wait_s)
                budget.queued_s += loop.time() - now_s
                continue
            is_quota = wait_s > 0
            wait_s = wait_s or self._breaker.wait_s(now_s)
            if wait_s <= 0:
                return
            left_s, max_wait_s = budget.get_wait_left_s(now_s), self._retry.max_retry_after_s
            if is_quota and wait_s <= max_wait_s and pacer.answered > answered:
                answered = pacer.answered
                self._tell_wait(bucket, "quota", wait_s)
                await self._wait_for_hub(wait_s, bucket, budget, is_counted=False)
                continue
            if left_s > 0:
                allowed_s = min(wait_s, left_s, max_wait_s)
                self._tell_wait(bucket, "quota" if is_quota else "down", allowed_s)
                await self._wait_for_hub(allowed_s, bucket, budget)
            elif not is_quota:
                problem = f"{self._endpoint} has not answered for {budget.waits_s:.3g} s"
                raise _add_target(HubUnavailableError(problem), target)
            if is_quota and wait_s > min(left_s, max_wait_s):
                # Nobody waits longer. The Hub itself is to say whether it refuses this repo too.
                return

    def _record_response(self, response: HttpResponse, bucket: Bucket, sent: SentRequest, *, redirects: int) -> None:
        """Update the pacer, the circuit breaker and the concurrency limit from a response."""
        self._breaker.record_success()
        quota, now_s = self._check_quota(parse_quota(response)), asyncio.get_running_loop().time()
        # The Hub may count a route in another bucket than expected; the bucket it names is right.
        named = _BUCKETS.get(quota.name, bucket) if quota is not None else bucket
        if response.status == _TOO_MANY_REQUESTS:
            wait_s = retry_after_s(response)
            max_wait_s = self._retry.max_retry_after_s
            self.pacers[named].record_refusal(min(wait_s, max_wait_s) if wait_s is not None else None, quota, now_s)
        else:
            self.pacers[named].record_response(quota, now_s, sent, redirects=redirects)
        if response.status >= _SERVER_ERROR:
            self._limits[bucket].record_failure()
        else:
            self._limits[bucket].record_success()

    def _count_redirects(self, response: HttpResponse, passed: list[aiohttp.ClientResponse], bucket: Bucket) -> int:
        """How many of the redirects of a response counted against its quota."""
        if not passed:
            return 0
        first = parse_quota(HttpResponse(status=passed[0].status, headers=passed[0].headers))
        return self._hop_costs[bucket].count(first, parse_quota(response), len(passed))

    def _check_quota(self, quota: Quota | None) -> Quota | None:
        """`quota`; None where its reset cannot be true, which is logged once."""
        if quota is None or quota.is_credible:
            return quota
        if not self._has_said_ignored:
            self._has_said_ignored = True
            logger.warning(
                "the Hub says that its quota is reset in %.0f s, which is longer than its window of %.0f s: "
                "such resets are ignored",
                quota.reset_after_s,
                quota.longest_reset_s,
            )
        return None


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


def _describe_request(
    bucket: Bucket, response: HttpResponse | None, duration_s: float, redirects: int = 0
) -> EndedRequest:
    return EndedRequest(
        bucket=bucket.value,
        status=response.status if response is not None else None,
        duration_s=duration_s,
        body_bytes=len(response.body) if response is not None else 0,
        redirects=redirects,
    )


def _add_target(error: HubError, target: RepoRevision | None, status: int | None = None) -> HubError:
    """`error` with what it is about, which the code that raised it did not know."""
    error.args = (f"{describe(target)}: {error}",)
    if target is not None:
        error.repo_id, error.revision = target.repo_id, target.revision
    error.status = status
    return error
