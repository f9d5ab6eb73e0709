"""The routes of the service. The resolvers decide the answers; `responses` decides what of them is sent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass

from aiohttp import ETag, web

from resolver.answer import Answer, Failure, build_failure
from resolver.errors import ResolveError
from resolver.repo_id import parse_repo_id
from resolver.resolver import Resolver
from resolver.serving import openapi, requests, responses
from resolver.serving.callers import CallerResolvers
from resolver.serving.guards import build_error, may_read_metrics
from resolver.serving.limits import ServeLimits
from resolver.serving.metrics import NOT_INSTALLED, Metrics
from resolver.serving.page import LivePage
from resolver.serving.requests import BadRequestError
from resolver.serving.row_stream import RowStream, SlowClientError
from resolver.version import __version__

STREAM_TYPE = "application/x-ndjson"


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """What the routes answer with. `resolver` tells what is public only; `callers` have those who send a token."""

    resolver: Resolver
    callers: CallerResolvers
    page: LivePage
    metrics: Metrics
    limits: ServeLimits
    metrics_token: str | None

    def list_routes(self) -> list[web.RouteDef]:
        """The routes, each with its handler."""
        description = openapi.render_description(__version__)

        async def describe(request: web.Request) -> web.Response:
            requests.parse_query(request.query.items(), ())
            return web.Response(body=description, content_type="application/json")

        return [
            web.get("/v1/models/{id:.*}", self.get_model),
            web.post("/v1/resolve", self.resolve),
            web.get("/healthz", self.get_health),
            web.get("/metrics", self.get_metrics),
            web.get("/openapi.json", describe),
            web.get("/", self.get_page),
        ]

    async def get_model(self, request: web.Request) -> web.StreamResponse:
        """The answer for one repo; its status says whether there is one."""
        query = requests.parse_query(request.query.items(), ("revision", "task"))
        repo_id, revision = request.match_info["id"], query.get("revision")
        async with self._choose_resolver(request) as (resolver, has_own_token):
            try:
                target = parse_repo_id(repo_id, revision)
                revision = target.revision
                async with asyncio.timeout(self.limits.answer_s):
                    answer: Answer = await resolver.resolve(target.repo_id, revision, query.get("task"))
            except ResolveError as error:
                answer = build_failure(repo_id, revision, error)
            except TimeoutError:
                text = f"there is no answer after {self.limits.answer_s:g} s; ask again later"
                return build_error(503, "timeout", text, {"Retry-After": responses.format_wait(None)})
            return self._answer(request, answer, resolver.registry_digest, has_own_token=has_own_token)

    def _answer(
        self, request: web.Request, answer: Answer, registry_digest: str, *, has_own_token: bool
    ) -> web.StreamResponse:
        row = responses.build_row(answer, has_own_token=has_own_token)
        body, content_type = responses.encode_row(row), "application/json"
        if isinstance(answer, Failure):
            self.metrics.count_row(answer.error.code)
            status = responses.get_status(answer.error)
            if answer.error.code == "unauthorized" and not has_own_token:
                # It is the Hub that asks for it, not this service.
                status = 502
            headers = responses.build_error_headers(answer.error)
            return web.Response(status=status, body=body, content_type=content_type, headers=headers)
        self.metrics.count_row("")
        response = web.Response(body=body, content_type=content_type)
        response.headers["Cache-Control"] = "private, no-cache" if has_own_token else "no-cache"
        response.headers["Vary"] = "Authorization"
        return _tag(request, response, responses.compute_tag(row, registry_digest), is_weak=True)

    async def resolve(self, request: web.Request) -> web.StreamResponse:
        """A row for each id of the body, in its order, as they come."""
        query = requests.parse_query(request.query.items(), ("revision", "task"))
        body = await self._read_body(request)
        async with self._choose_resolver(request) as (resolver, has_own_token):
            ids = requests.read_ids(body, self.limits.max_line_bytes)
            answers = resolver.resolve_many(ids, revision=query.get("revision"), task=query.get("task"))
            async with aclosing(answers):
                return await self._stream(request, answers, has_own_token=has_own_token)

    async def _read_body(self, request: web.Request) -> bytes:
        if "Content-Encoding" in request.headers:
            raise BadRequestError("send the list uncompressed", code="bad_request", status=415)
        try:
            async with asyncio.timeout(self.limits.body_s):
                body = await request.read()
        except TimeoutError:
            raise BadRequestError(
                f"the list was not complete after {self.limits.body_s:g} s", code="timeout", status=408
            ) from None
        if requests.count_lines(body) > self.limits.max_ids + 1:
            raise BadRequestError(
                f"a list has at most {self.limits.max_ids:,} lines; send several", code="too_large", status=413
            )
        return body

    async def _stream(
        self, request: web.Request, answers: AsyncGenerator[Answer], *, has_own_token: bool
    ) -> web.StreamResponse:
        try:
            first: Answer | None = await anext(answers, None)
        except ResolveError as error:
            # About the whole list: an unknown task.
            return build_error(responses.get_status(error), error.code, str(error))
        response = web.StreamResponse(headers={"Cache-Control": "no-store", "Content-Type": STREAM_TYPE})
        response.enable_chunked_encoding()
        await response.prepare(request)
        transport = request.transport
        if transport is None:
            raise ConnectionResetError("the client has gone")
        try:
            async with (
                asyncio.timeout(self.limits.stream_s),
                RowStream(response, transport, self.limits.write_s) as stream,
            ):
                answer = first
                while answer is not None:
                    self.metrics.count_row(answer.error.code if isinstance(answer, Failure) else "")
                    row = responses.build_row(answer, has_own_token=has_own_token)
                    await stream.send(responses.encode_row(row))
                    answer = await anext(answers, None)
            async with asyncio.timeout(self.limits.write_s):
                await response.write_eof()
        except (SlowClientError, TimeoutError):
            # Without its last chunk the client sees that the list is not complete.
            _cut(request)
            raise ConnectionResetError("the client is too slow") from None
        except Exception:
            _cut(request)
            raise
        return response

    async def get_health(self, request: web.Request) -> web.Response:
        """That the service runs."""
        requests.parse_query(request.query.items(), ())
        return web.json_response({"status": "ok", "version": __version__}, headers={"Cache-Control": "no-store"})

    async def get_metrics(self, request: web.Request) -> web.Response:
        """Metrics, for the operator."""
        if not may_read_metrics(request, self.metrics_token):
            headers = {"WWW-Authenticate": "Bearer"} if self.metrics_token is not None else {}
            text = "metrics are for the operator: from this machine, or with HUBRESOLVE_METRICS_TOKEN"
            return build_error(403, "forbidden", text, headers)
        rendered = self.metrics.render()
        if rendered is None:
            return build_error(501, "not_installed", NOT_INSTALLED)
        return web.Response(body=rendered[0], headers={"Content-Type": rendered[1], "Cache-Control": "no-store"})

    async def get_page(self, request: web.Request) -> web.StreamResponse:
        """The page about what is known."""
        author = requests.parse_author(requests.parse_query(request.query.items(), ("author",)))
        try:
            async with asyncio.timeout(self.limits.answer_s):
                made = await self.page.get(author)
        except TimeoutError:
            return build_error(503, "timeout", "the page takes too long to make", {"Retry-After": "30"})
        headers = {
            "Cache-Control": "no-cache",
            "Content-Security-Policy": f"{made.policy}; frame-ancestors 'none'",
            "Referrer-Policy": "no-referrer",
        }
        response = web.Response(body=made.body, content_type="text/html", charset="utf-8", headers=headers)
        return _tag(request, response, made.tag, is_weak=False)

    @asynccontextmanager
    async def _choose_resolver(self, request: web.Request) -> AsyncIterator[tuple[Resolver, bool]]:
        """The resolver for this caller, and whether it uses a token of the caller's own."""
        token = requests.parse_token(request.headers.getall("Authorization", []))
        if token is None:
            yield self.resolver, False
            return
        async with self.callers.use(token) as resolver:
            yield resolver, True


def _tag(request: web.Request, response: web.Response, tag: str, *, is_weak: bool) -> web.StreamResponse:
    """`response` with an ETag; one without content where the caller has it already."""
    known = request.if_none_match or ()
    if any(item.value in (tag, "*") for item in known):
        kept = {name: response.headers[name] for name in ("Cache-Control", "Vary") if name in response.headers}
        not_modified = web.Response(status=304, headers=kept)
        not_modified.etag = ETag(tag, is_weak=is_weak)
        return not_modified
    response.etag = ETag(tag, is_weak=is_weak)
    return response


def _cut(request: web.Request) -> None:
    """Close the connection at once."""
    if request.transport is not None:
        request.transport.abort()
