"""Middlewares: count requests, turn errors into JSON, and admit no more requests than the limits allow."""

from __future__ import annotations

import asyncio
import hmac
import logging
import time

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from resolver.errors import ResolverNotOpenError, StoreError
from resolver.redaction import without_secrets
from resolver.serving.addresses import is_loopback, name_client
from resolver.serving.callers import CallersFullError
from resolver.serving.limits import ServeLimits
from resolver.serving.metrics import Metrics
from resolver.serving.rate_limit import Admission, FullError, RateLimit
from resolver.serving.requests import BadRequestError
from resolver.serving.responses import build_error_body, format_wait

logger = logging.getLogger(__name__)

FREE_ROUTES = ("/healthz", "/metrics", "/openapi.json")
"""They cost nothing, and must be answered while the service is busy."""

STREAM_ROUTES = ("/v1/resolve",)

UNKNOWN_ROUTE = "unknown"
_FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Real-IP", "Via")


class Guards:
    """What all requests pass. `running` are those in progress, by their identity."""

    def __init__(self, limits: ServeLimits, metrics: Metrics) -> None:
        self._limits = limits
        self._metrics = metrics
        self._rate = RateLimit(limits.requests_per_s, limits.burst, limits.max_clients)
        self._requests = Admission("requests", limits.max_requests, limits.max_requests_per_client)
        self._streams = Admission("lists of ids", limits.max_streams, limits.max_streams_per_client)
        self.running: dict[int, web.Request] = {}
        self._is_stopping = False
        self._ended = asyncio.Event()

    def list_middlewares(self) -> list[Middleware]:
        """The middlewares, the outermost first."""
        return [self._observe, self._admit]

    async def end_answers(self, grace_s: float) -> None:
        """Wait for the requests in progress; those that take longer are cut, so that their clients see it."""
        self._is_stopping = True
        if not self.running:
            return
        try:
            async with asyncio.timeout(grace_s):
                await self._ended.wait()
        except TimeoutError:
            logger.warning("%d answers were not complete after %g s, and are cut", len(self.running), grace_s)
            for request in list(self.running.values()):
                if request.transport is not None:
                    request.transport.abort()

    @web.middleware
    async def _observe(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Count the request, and make a response of whatever is raised."""
        started_s, status, route = time.monotonic(), 499, name_route(request)
        self.running[id(request)] = request
        self._metrics.change_in_progress(1)
        try:
            response = await self._answer(request, handler)
            status = response.status
            return response
        finally:
            del self.running[id(request)]
            if self._is_stopping and not self.running:
                self._ended.set()
            self._metrics.change_in_progress(-1)
            duration_s = time.monotonic() - started_s
            self._metrics.count(route, status, duration_s)
            logger.debug("%s %s: %d after %.3f s", request.method, route, status, duration_s)

    async def _answer(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except BadRequestError as error:
            headers = {"WWW-Authenticate": "Bearer"} if error.status == 401 else {}
            return build_error(error.status, error.code, str(error), headers)
        except FullError as error:
            status, code = (429, "too_many_requests") if error.is_of_client else (503, "busy")
            return build_error(status, code, str(error), {"Retry-After": "1"})
        except CallersFullError:
            text = "as many callers with tokens of their own as are allowed are active; try again soon"
            return build_error(503, "busy", text, {"Retry-After": "1"})
        except web.HTTPRequestEntityTooLarge:
            return build_error(413, "too_large", f"a list has at most {self._limits.max_body_bytes:,} bytes")
        except web.HTTPMethodNotAllowed as error:
            allowed = ", ".join(sorted(error.allowed_methods))
            text = f"{error.method} is not allowed here; allowed: {allowed}"
            return build_error(405, "method_not_allowed", text, {"Allow": allowed})
        except web.HTTPException as error:
            return build_error(error.status, "not_found" if error.status == 404 else "bad_request", error.reason)
        except (StoreError, ResolverNotOpenError) as error:
            logger.error("a request was not answered", exc_info=without_secrets(error))
            return build_error(503, "unavailable", "the store of the service cannot be used", {"Retry-After": "30"})
        except ConnectionError:
            # The client has gone.
            raise
        except Exception as error:
            logger.error("internal error in the route %s", name_route(request), exc_info=without_secrets(error))
            return build_error(500, "internal_error", "a defect of the service; its log says more")

    @web.middleware
    async def _admit(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        route = name_route(request)
        if route in FREE_ROUTES:
            return await handler(request)
        client = name_client(request.remote)
        wait_s = self._rate.take(client, asyncio.get_running_loop().time())
        if wait_s > 0:
            text = f"this client sends more than {self._limits.requests_per_s:g} requests a second"
            return build_error(429, "too_many_requests", text, {"Retry-After": format_wait(wait_s)})
        admission = self._streams if route in STREAM_ROUTES else self._requests
        with admission.admit(client):
            return await handler(request)


def name_route(request: web.Request) -> str:
    """The route, as the description has it; one name for all that are unknown."""
    resource = request.match_info.route.resource
    if resource is None:
        return UNKNOWN_ROUTE
    return resource.canonical


def build_error(status: int, code: str, message: str, headers: dict[str, str] | None = None) -> web.Response:
    """A response that is about the request and not about a repo."""
    return web.Response(
        status=status,
        body=build_error_body(code, message),
        content_type="application/json",
        headers={"Cache-Control": "no-store", **(headers or {})},
    )


def may_read_metrics(request: web.Request, metrics_token: str | None) -> bool:
    """Whether the caller is the operator: from this machine and not through a proxy, or with the token for metrics.

    How many requests were sent to the Hub would tell a stranger what the operator's token sees.
    """
    if metrics_token is not None:
        sent = request.headers.get("Authorization", "").encode("utf-8", "surrogateescape")
        return hmac.compare_digest(sent, f"Bearer {metrics_token}".encode())
    is_direct = not any(name in request.headers for name in _FORWARDED)
    host = request.host.rpartition(":")[0] if not request.host.endswith("]") and ":" in request.host else request.host
    # A page of another site may lead a browser here by a name of its own.
    return is_direct and is_loopback(request.remote) and is_loopback(host.strip("[]"))


async def prepare_headers(_request: web.Request, response: web.StreamResponse) -> None:
    """Headers of every response."""
    response.headers["Server"] = "hubresolve"
    response.headers["X-Content-Type-Options"] = "nosniff"
