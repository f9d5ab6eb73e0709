"""`LocalHub`: the local Hub as an async context manager that opens and closes two loopback ports."""

from __future__ import annotations

import contextlib
from collections import deque
from types import TracebackType
from typing import Final, Self

from aiohttp import web

from resolver.local_hub.catalog.catalog import Catalog
from resolver.local_hub.options import HubOptions
from resolver.local_hub.protocol.state import HubState
from resolver.local_hub.server.app import HubApp
from resolver.local_hub.server.counts import Counts, LoggedRequest
from resolver.local_hub.testing.faults import FaultPlan

HOST: Final = "127.0.0.1"
_SHUTDOWN_TIMEOUT_S: Final = 0.5


class LocalHub:
    """Serves a catalog over the Hub's protocol while the context is open.

    `endpoint` is a value for `HF_ENDPOINT`; large files are redirected to a second origin, `files_endpoint`.
    `catalog` may be changed at any time (`push`, `change`, `rename`, `delete`). `latency_s` delays each response.
    `count` and `requests` are the counters and the log of the requests; `faults` replaces or breaks responses.
    """

    def __init__(
        self, catalog: Catalog, options: HubOptions | None = None, *, port: int = 0, latency_s: float = 0.0
    ) -> None:
        self.catalog = catalog
        self.options = options if options is not None else HubOptions()
        self._state = HubState(catalog, self.options)
        self._app = HubApp(self._state)
        self._app.latency_s = latency_s
        self._port = port
        self._stack = contextlib.AsyncExitStack()

    async def __aenter__(self) -> Self:
        async with contextlib.AsyncExitStack() as stack:
            self._app.files_port = await self._open(stack, web.Server(self._app.handle_large, access_log=None), 0)
            self._app.port = await self._open(stack, web.Server(self._app.handle, access_log=None), self._port)
            self._state.files_origin = self.files_endpoint
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    @property
    def endpoint(self) -> str:
        """`http://127.0.0.1:PORT`, without a trailing slash."""
        return f"http://{HOST}:{self._app.port}"

    @property
    def files_endpoint(self) -> str:
        """The second origin, which serves large files; without a trailing slash."""
        return f"http://{HOST}:{self._app.files_port}"

    @property
    def count(self) -> Counts:
        """Requests since the start or the last `reset_counts`."""
        return self._app.counts

    @property
    def requests(self) -> deque[LoggedRequest]:
        """The latest requests, oldest first; `HubOptions.log_size` at most."""
        return self._app.requests

    @property
    def faults(self) -> FaultPlan:
        """The faults of the next requests."""
        return self._app.faults

    @property
    def latency_s(self) -> float:
        """Delay before each response, in seconds."""
        return self._app.latency_s

    @latency_s.setter
    def latency_s(self, seconds: float) -> None:
        self._app.latency_s = seconds

    def reset_counts(self) -> None:
        """Clear the counters and the log; quotas are not reset."""
        self._app.counts.reset()
        self._app.requests.clear()

    @staticmethod
    async def _open(stack: contextlib.AsyncExitStack, server: web.Server, port: int) -> int:
        runner = web.ServerRunner(server, shutdown_timeout=_SHUTDOWN_TIMEOUT_S)
        stack.push_async_callback(runner.cleanup)
        await runner.setup()
        await web.TCPSite(runner, HOST, port, backlog=1024).start()
        return int(runner.addresses[0][1])
