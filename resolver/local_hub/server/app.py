"""From HTTP request to HTTP response: metering, latency, faults, then the pure routes.

The only file that reads requests and writes responses; sockets are left to `server`.
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

from resolver.local_hub.protocol.access import identify, refuse_caller
from resolver.local_hub.protocol.quota import Allowance, QuotaBucket, Quotas
from resolver.local_hub.protocol.request import HubRequest, parse_query
from resolver.local_hub.protocol.response import TOO_MANY_REQUESTS, Refusal, RouteResponse
from resolver.local_hub.protocol.routes_api import answer_api
from resolver.local_hub.protocol.routes_files import answer_file, answer_large_file
from resolver.local_hub.protocol.routing import Route, RouteKind, parse_route
from resolver.local_hub.server.counts import Counts, LoggedRequest
from resolver.local_hub.server.state import HubState
from resolver.local_hub.testing.faults import Action, Cut, Edit, FaultPlan, Reply, Run, ServeInstead, Stall

_GZIP_FROM_BYTES = 1024


class HubApp:
    """The request handlers of both origins, and what they count."""

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
        self.quotas = Quotas(limits, options.window_s)

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer a request to the Hub itself."""
        raw_path, _, raw_query = request.raw_path.partition("?")
        route = parse_route(raw_path)
        if route.kind is RouteKind.COUNTS:
            return web.Response(body=msgspec.json.encode(self.counts.as_json()), content_type="application/json")
        allowance = self._meter(request.headers, route)
        if self.latency_s:
            await asyncio.sleep(self.latency_s)
        form = await _read_form(request) if request.method == "POST" else {}
        action = self.faults.take(request.method, raw_path) if len(self.faults) and allowance.allowed else None

        def real(path: str = raw_path) -> RouteResponse:
            asked = route if path is raw_path else parse_route(path)
            if not allowance.allowed:
                return TOO_MANY_REQUESTS.answer(as_json=route.is_api)
            caller = identify(request.headers, self.state.options)
            origin = f"http://{request.headers.get('Host', f'127.0.0.1:{self.port}')}"
            query = parse_query(raw_query)
            ask = HubRequest(request.method, asked, query, request.headers, caller, origin, path, form)
            refusal = refuse_caller(caller)
            outcome = refusal or (answer_api if asked.is_api else answer_file)(self.state, ask)
            answer = outcome.answer(as_json=asked.is_api) if isinstance(outcome, Refusal) else outcome
            return self._compressed(answer, request.headers) if self.state.options.gzip and asked.is_api else answer

        common = allowance.headers()
        common["X-Request-Id"] = _request_id(request.headers)
        if action is None:
            answer = real()
            self._log(request, route, self.port, answer.status)
            return _response(answer, common)
        if isinstance(action, Stall) and action.where == "headers":
            await asyncio.sleep(action.seconds)
        answer = _carry_out(action, real)
        dropped = action.drop if isinstance(action, Reply | Edit) else ()
        response = _response(answer, {name: value for name, value in common.items() if name not in dropped})
        self._log(request, route, self.port, answer.status)
        if isinstance(action, Cut):
            return await _send_in_parts(request, response, answer.body, action.after_bytes, pause_s=None)
        if isinstance(action, Stall) and action.where == "body":
            half = len(answer.body) // 2
            return await _send_in_parts(request, response, answer.body, half, pause_s=action.seconds)
        return response

    async def handle_large(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer a request to the second origin, where large files are."""
        raw_path, _, raw_query = request.raw_path.partition("?")
        if self.latency_s:
            await asyncio.sleep(self.latency_s)
        route = Route(RouteKind.CDN)
        parts = parse_route(f"/api/resolve-cache/models{raw_path}")
        outcome = answer_large_file(self.state, raw_path, raw_query, (parts.repo_id, parts.revision or "", parts.path))
        answer = outcome.answer(as_json=False) if isinstance(outcome, Refusal) else outcome
        self._log(request, route, self.files_port, answer.status)
        return _response(answer, {})

    def _meter(self, headers: Mapping[str, str], route: Route) -> Allowance:
        caller = headers.get("Authorization", "")
        bucket, now = route.bucket, self.state.options.clock()
        if route.kind is RouteKind.RESOLVE_CACHE and not self.state.options.meter_resolve_cache:
            return Quotas({}, self.state.options.window_s).take(caller, bucket, now)
        return self.quotas.take(caller, bucket, now)

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

    @staticmethod
    def _compressed(answer: RouteResponse, headers: Mapping[str, str]) -> RouteResponse:
        if len(answer.body) < _GZIP_FROM_BYTES or "gzip" not in headers.get("Accept-Encoding", ""):
            return answer
        body = gzip.compress(answer.body, compresslevel=1, mtime=0)
        return RouteResponse(answer.status, body, answer.content_type, {**answer.headers, "Content-Encoding": "gzip"})


class _RealAnswer(Protocol):
    """Gives what the Hub would answer to a path, by default the one asked for."""

    def __call__(self, path: str = ...) -> RouteResponse: ...


def _carry_out(action: Action, real: _RealAnswer) -> RouteResponse:
    match action:
        case Reply():
            return RouteResponse(action.status, action.body, action.content_type, action.headers)
        case Edit():
            return action.apply(real())
        case ServeInstead():
            return real(action.path)
        case Run():
            action.call()
            return real()
        case Stall() | Cut():
            return real()


def _response(answer: RouteResponse, common: Mapping[str, str]) -> web.Response:
    headers = {**common, "Content-Type": answer.content_type, **answer.headers}
    if answer.content_type.startswith("application/json") and "ETag" not in headers:
        headers["ETag"] = f'W/"{len(answer.body):x}-{zlib.crc32(answer.body):x}"'
    return web.Response(status=answer.status, body=answer.body, headers=headers)


async def _send_in_parts(
    request: web.BaseRequest, response: web.Response, body: bytes, first: int, *, pause_s: float | None
) -> web.StreamResponse:
    """Send the headers and the first bytes; then wait and send the rest, or reset the connection without a pause."""
    stream = web.StreamResponse(status=response.status, headers=response.headers)
    stream.content_length = len(body)
    await stream.prepare(request)
    await stream.write(body[:first])
    if pause_s is None:
        await asyncio.sleep(0.02)
        if request.transport is not None:
            request.transport.abort()
        return stream
    await asyncio.sleep(pause_s)
    await stream.write(body[first:])
    await stream.write_eof()
    return stream


async def _read_form(request: web.BaseRequest) -> dict[str, tuple[str, ...]]:
    body = await request.read()
    if request.content_type == "application/json":
        try:
            sent = msgspec.json.decode(body)
        except msgspec.DecodeError:
            return {}
        pairs = sent.items() if isinstance(sent, dict) else ()
        return {str(key): tuple(map(str, value)) if isinstance(value, list) else (str(value),) for key, value in pairs}
    query = parse_query(body.decode("utf-8", "replace"))
    return {key: query.get_all(key) for key, _ in query.pairs}


def _request_id(headers: Mapping[str, str]) -> str:
    sent = headers.get("X-Request-Id")
    if sent is not None:
        return sent
    return f"Root=1-00000000-000000000000000000000000;{headers.get('X-Amzn-Trace-Id') or uuid.uuid4()}"
