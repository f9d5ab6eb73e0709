"""Runs the service: opens the resolver, listens, and stops within the running answers."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace

from aiohttp import web

from resolver.concurrency.ordered_pool import PoolLimits
from resolver.errors import SettingsError
from resolver.limits import Limits
from resolver.redaction import hide_secrets
from resolver.resolver import Resolver
from resolver.serving.addresses import is_loopback
from resolver.serving.callers import CallerResolvers
from resolver.serving.connections import listen
from resolver.serving.guards import Guards, prepare_headers
from resolver.serving.limits import ServeLimits
from resolver.serving.metrics import Metrics, make_metrics
from resolver.serving.page import LivePage
from resolver.serving.routes import Service
from resolver.settings import Settings, find_token

logger = logging.getLogger(__name__)

_protocol_logger = logging.getLogger("resolver.serving.http")
# It would get what cannot be parsed: strangers could fill the log, with headers that hold tokens. Errors of routes are
# logged by the guards.
_protocol_logger.disabled = True

METRICS_TOKEN = "HUBRESOLVE_METRICS_TOKEN"

RESOLVER_LIMITS = Limits(pool=PoolLimits(max_batch=250, max_unfinished=500, max_unconsumed=500))
"""Many lists are resolved at the same time: each holds less in memory, and gives the others their turn sooner."""

STOP_S = 2.0
"""Seconds to wait until connections close, after their requests have ended or were cancelled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeOptions:
    """`settings`: of the operator, whose token asks the Hub. `host`, `port`: where to listen; port 0 is a free one."""

    settings: Settings
    host: str = "127.0.0.1"
    port: int = 8080
    limits: ServeLimits = field(default_factory=ServeLimits)
    resolver_limits: Limits = RESOLVER_LIMITS


async def run_service(options: ServeOptions, say: Callable[[str], None]) -> None:
    """Answer until the task is cancelled; then end the running answers, for `grace_s` at most, and return.

    Raises:
        SettingsError: a setting cannot be used, or the address cannot be listened at.
        StoreError: the store is not one of this program.
    """
    async with open_service(options) as (urls, guards, stop_listening):
        say(f"listening at {', '.join(urls)}; SIGTERM, or Ctrl-C, ends it")
        if not is_loopback(options.host):
            say(
                "every machine that reaches this address may ask, and connections are not encrypted: put a proxy with "
                "TLS before it"
            )
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            stop_listening()
            if count := len(guards.running):
                say(f"{count} answers may take {options.limits.grace_s:g} s more; a second signal ends them at once")


@asynccontextmanager
async def open_service(options: ServeOptions) -> AsyncIterator[tuple[list[str], Guards, Callable[[], None]]]:
    """The service, listening: its URLs, what knows the requests in progress, and what makes it listen no longer."""
    limits = options.limits
    metrics = make_metrics()
    service_settings = replace(options.settings, ids_only=True, public_only=True, hooks=metrics.hooks)
    filled = service_settings.fill()
    metrics_token = os.environ.get(METRICS_TOKEN) or None
    async with AsyncExitStack() as stack:
        # The store is opened before anything is promised by listening.
        resolver = await stack.enter_async_context(Resolver(service_settings, limits=options.resolver_limits))
        operator_token = await asyncio.to_thread(find_token, filled.token, offline=filled.offline)
        callers = await stack.enter_async_context(
            CallerResolvers(
                _build_caller_settings(service_settings, limits, metrics),
                options.resolver_limits,
                max_callers=limits.max_callers,
                idle_s=limits.caller_idle_s,
                keeps_hidden=lambda token: token == operator_token,
            )
        )
        guards = Guards(limits, metrics)
        app = web.Application(
            middlewares=guards.list_middlewares(), client_max_size=limits.max_body_bytes, logger=logger
        )
        app.on_response_prepare.append(prepare_headers)
        service = Service(
            resolver=resolver,
            callers=callers,
            page=LivePage(resolver, hide_secrets(filled.endpoint), limits),
            metrics=metrics,
            limits=limits,
            metrics_token=metrics_token,
        )
        app.add_routes(service.list_routes())
        runner = web.AppRunner(
            app,
            access_log=None,
            logger=_protocol_logger,
            handler_cancellation=True,
            keepalive_timeout=limits.head_s,
            shutdown_timeout=STOP_S,
            max_line_size=limits.max_line_bytes,
            max_field_size=limits.max_line_bytes,
            lingering_time=STOP_S,
            # A small compressed body may be a large one.
            auto_decompress=False,
        )
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        assert runner.server is not None
        try:
            listening, urls = await listen(runner.server, options.host, options.port, limits)
        except OSError as error:
            reason = error.strerror or str(error)
            raise SettingsError(f"cannot listen at {options.host} port {options.port}: {reason}") from None
        stack.push_async_callback(guards.end_answers, limits.grace_s)
        stack.callback(runner.server.pre_shutdown)
        stack.callback(listening.close)
        yield urls, guards, listening.close


def _build_caller_settings(settings: Settings, limits: ServeLimits, metrics: Metrics) -> Settings:
    """The settings of a caller who sends a token, but for the token."""
    concurrency = min(settings.fill().concurrency, limits.caller_concurrency)
    return replace(settings, token=False, public_only=False, concurrency=concurrency, hooks=metrics.hooks)
