"""`HubApp`: handles HTTP requests: quota, latency, faults, then the pure routes.

The only file that reads HTTP requests and writes HTTP responses; `server` opens the sockets.
"""

from __future__ import annotations

import asyncio
import gzip
import uuid
import zlib
from collections import deque
from collections.abc import Mapping
from typing import Protocol

import msgspec
from aiohttp import web

from resolver.local_hub.protocol.access import check_token, identify_caller
from resolver.local_hub.protocol.quota import Allowance, FixedWindowLimiter, QuotaBucket
from resolver.local_hub.protocol.request import HubRequest, parse_query
from resolver.local_hub.protocol.response import TOO_MANY_REQUESTS, RouteError, RouteResponse
from resolver.local_hub.protocol.routes_api import handle_api
from resolver.local_hub.protocol.routes_files import handle_file, handle_large_file
from resolver.local_hub.protocol.routing import Route, RouteKind, parse_route
from resolver.local_hub.protocol.state import HubState
from resolver.local_hub.server.counts import Counts, LoggedRequest
from resolver.local_hub.testing.faults import Action, Cut, Edit, FaultPlan, Hold, Reply, Run, ServeInstead, Stall

_MIN_GZIP_BYTES = 1024
"""Smaller bodies are not compressed."""


class HubApp:
    """The request handlers of both origins, with their counters, log, faults and quotas."""

    def __init__(self, state: HubState) -> None:
        options = state.options
        self.state = state
        self.counts = Counts()
        self.requests: deque[LoggedRequest] = deque(maxlen=options.log_size)
        self.faults = FaultPlan()
        self.latency_s = 0.0
        self.port = self.files_port = 0
        limits = {
            QuotaBucket.API: options.quota_api,
            QuotaBucket.RESOLVERS: options.quota_resolvers,
            QuotaBucket.PAGES: options.quota_pages,
        }
        self._limiter = FixedWindowLimiter(limits, options.window_s)

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """The response to a request for the Hub itself."""
        raw_path, _, raw_query = request.raw_path.partition("?")
        route = parse_route(raw_path)
        if route.kind is RouteKind.COUNTS:
            return web.Response(body=msgspec.json.encode(self.counts.as_json()), content_type="application/json")
        allowance = self._take_quota(request.headers, route)
        if self.latency_s:
            await asyncio.sleep(self.latency_s)
        form = await _read_form(request) if request.method == "POST" else {}
        action = self.faults.take(request.method, raw_path) if len(self.faults) and allowance.allowed else None

        def respond(path: str = raw_path) -> RouteResponse:
            target = route if path is raw_path else parse_route(path)
            if not allowance.allowed:
                return TOO_MANY_REQUESTS.build_response(as_json=route.is_api)
            caller = identify_caller(request.headers, self.state.options)
            origin = f"http://{request.headers.get('Host', f'127.0.0.1:{self.port}')}"
            query = parse_query(raw_query)
            hub_request = HubRequest(request.method, target, query, request.headers, caller, origin, path, form)
            handle = handle_api if target.is_api else handle_file
            result = check_token(caller) or handle(self.state, hub_request)
            response = result.build_response(as_json=target.is_api) if isinstance(result, RouteError) else result
            return _compress(response, request.headers) if self.state.options.gzip and target.is_api else response

        headers = allowance.build_headers()
        headers["X-Request-Id"] = _choose_request_id(request.headers)
        if action is None:
            response = respond()
            self._log(request, route, self.port, response.status)
            return _build_web_response(response, headers)
        if isinstance(action, Stall) and action.where == "headers":
            await asyncio.sleep(action.seconds)
        if isinstance(action, Hold):
            await action.wait()
        response = _apply_fault(action, respond)
        dropped = action.drop if isinstance(action, Reply | Edit) else ()
        headers = {name: value for name, value in headers.items() if name not in dropped}
        web_response = _build_web_response(response, headers)
        self._log(request, route, self.port, response.status)
        if isinstance(action, Cut):
            return await _send_in_parts(request, web_response, response.body, action.after_bytes, pause_s=None)
        if isinstance(action, Stall) and action.where == "body":
            half = len(response.body) // 2
            return await _send_in_parts(request, web_response, response.body, half, pause_s=action.seconds)
        return web_response

    async def handle_large(self, request: web.BaseRequest) -> web.StreamResponse:
        """The response to a request for the second origin, which serves large files."""
        raw_path, _, raw_query = request.raw_path.partition("?")
        if self.latency_s:
            await asyncio.sleep(self.latency_s)
        route = Route(RouteKind.CDN)
        file = parse_route(f"/api/resolve-cache/models{raw_path}")
        result = handle_large_file(self.state, raw_path, raw_query, (file.repo_id, file.revision or "", file.path))
        response = result.build_response(as_json=False) if isinstance(result, RouteError) else result
        self._log(request, route, self.files_port, response.status)
        return _build_web_response(response, {})

    def _take_quota(self, headers: Mapping[str, str], route: Route) -> Allowance:
        caller = headers.get("Authorization", "")
        bucket, now_s = route.bucket, self.state.options.clock()
        if route.kind is RouteKind.RESOLVE_CACHE and not self.state.options.meter_resolve_cache:
            return self._limiter.look(caller, bucket, now_s)
        return self._limiter.take(caller, bucket, now_s)

    def _log(self, request: web.BaseRequest, route: Route, port: int, status: int) -> None:
        counts, bucket = self.counts, route.bucket.value
        counts.total += 1
        counts.bucket[bucket] += 1
        counts.kind[route.kind.value] += 1
        counts.status[status] += 1
        self.requests.append(
            LoggedRequest(
                method=request.method,
                path=request.raw_path,
                headers=request.headers,
                kind=route.kind.value,
                bucket=bucket,
                port=port,
                status=status,
            )
        )


class _Respond(Protocol):
    """Builds the correct response for a path, by default the requested one."""

    def __call__(self, path: str = ...) -> RouteResponse: ...


def _apply_fault(action: Action, respond: _Respond) -> RouteResponse:
    match action:
        case Reply():
            return RouteResponse(action.status, action.body, action.content_type, action.headers)
        case Edit():
            return action.apply(respond())
        case ServeInstead():
            return respond(action.path)
        case Run():
            action.call()
            return respond()
        case Stall() | Hold() | Cut():
            return respond()


def _compress(response: RouteResponse, request_headers: Mapping[str, str]) -> RouteResponse:
    if len(response.body) < _MIN_GZIP_BYTES or "gzip" not in request_headers.get("Accept-Encoding", ""):
        return response
    body = gzip.compress(response.body, compresslevel=1, mtime=0)
    headers = {**response.headers, "Content-Encoding": "gzip"}
    return RouteResponse(response.status, body, response.content_type, headers)


def _build_web_response(response: RouteResponse, common_headers: Mapping[str, str]) -> web.Response:
    headers = {**common_headers, "Content-Type": response.content_type, **response.headers}
    if response.content_type.startswith("application/json") and "ETag" not in headers:
        headers["ETag"] = f'W/"{len(response.body):x}-{zlib.crc32(response.body):x}"'
    return web.Response(status=response.status, body=response.body, headers=headers)


async def _send_in_parts(
    request: web.BaseRequest, response: web.Response, body: bytes, first_bytes: int, *, pause_s: float | None
) -> web.StreamResponse:
    """Send the headers and the first bytes, then pause and send the rest; without a pause, reset the connection."""
    stream = web.StreamResponse(status=response.status, headers=response.headers)
    stream.content_length = len(body)
    await stream.prepare(request)
    await stream.write(body[:first_bytes])
    if pause_s is None:
        await asyncio.sleep(0.02)
        if request.transport is not None:
            request.transport.abort()
        return stream
    await asyncio.sleep(pause_s)
    await stream.write(body[first_bytes:])
    await stream.write_eof()
    return stream


async def _read_form(request: web.BaseRequest) -> dict[str, tuple[str, ...]]:
    body = await request.read()
    if request.content_type == "application/json":
        try:
            decoded = msgspec.json.decode(body)
        except msgspec.DecodeError:
            return {}
        pairs = decoded.items() if isinstance(decoded, dict) else ()
        return {str(key): tuple(map(str, value)) if isinstance(value, list) else (str(value),) for key, value in pairs}
    query = parse_query(body.decode("utf-8", "replace"))
    return {key: query.get_all(key) for key, _ in query.pairs}


def _choose_request_id(headers: Mapping[str, str]) -> str:
    request_id = headers.get("X-Request-Id")
    if request_id is not None:
        return request_id
    return f"Root=1-00000000-000000000000000000000000;{headers.get('X-Amzn-Trace-Id') or uuid.uuid4()}"
