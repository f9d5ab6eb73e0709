"""Listens, and keeps the number of open connections within bounds."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable
from typing import Any, cast

from aiohttp import web

from resolver.serving.addresses import name_client
from resolver.serving.limits import ServeLimits
from resolver.serving.rate_limit import Admission, FullError

logger = logging.getLogger(__name__)


_ENDS_OF_HEAD = (b"\r\n\r\n", b"\n\n")
_TAIL_BYTES = 3


class BoundedConnection(asyncio.Protocol):
    """Hands a connection over to its HTTP protocol, or closes it: at once where there are too many, and where the first
    headers are not complete in time. For the next ones the HTTP protocol has a time.
    """

    def __init__(
        self, connections: Admission, make_protocol: Callable[[], asyncio.Protocol], limits: ServeLimits
    ) -> None:
        self._connections = connections
        self._limits = limits
        self._head_timer: asyncio.TimerHandle | None = None
        self._tail = b""
        self._make_protocol = make_protocol
        self._client: str | None = None
        self._protocol: asyncio.Protocol | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The protocol takes over, if the connection is admitted."""
        connection = cast("asyncio.Transport", transport)
        peer: Any = connection.get_extra_info("peername")
        client = name_client(peer[0] if isinstance(peer, tuple) else None)
        try:
            self._connections.enter(client)
        except FullError as error:
            logger.info("a connection is closed at once: %s", error)
            connection.abort()
            return
        # The system would keep megabytes for a client that takes nothing.
        connection.get_extra_info("socket").setsockopt(
            socket.SOL_SOCKET, socket.SO_SNDBUF, self._limits.send_buffer_bytes
        )
        self._client = client
        self._protocol = self._make_protocol()
        self._protocol.connection_made(transport)
        self._head_timer = asyncio.get_running_loop().call_later(self._limits.head_s, connection.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        """Passed on."""
        if self._head_timer is not None:
            self._head_timer.cancel()
        if self._client is not None and self._protocol is not None:
            self._connections.leave(self._client)
            self._protocol.connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Passed on."""
        if self._head_timer is not None:
            received = self._tail + data
            self._tail = received[-_TAIL_BYTES:]
            if any(end in received for end in _ENDS_OF_HEAD):
                self._head_timer.cancel()
                self._head_timer = None
        if self._protocol is not None:
            self._protocol.data_received(data)

    def eof_received(self) -> bool | None:
        """Passed on."""
        return self._protocol.eof_received() if self._protocol is not None else None

    def pause_writing(self) -> None:
        """Passed on."""
        if self._protocol is not None:
            self._protocol.pause_writing()

    def resume_writing(self) -> None:
        """Passed on."""
        if self._protocol is not None:
            self._protocol.resume_writing()


async def listen(server: web.Server, host: str, port: int, limits: ServeLimits) -> tuple[asyncio.Server, list[str]]:
    """A listening server, and its URLs. Port 0: one that is free.

    Raises:
        OSError: the address cannot be used.
    """
    connections = Admission("connections", limits.max_connections, limits.max_connections_per_client)
    listening = await asyncio.get_running_loop().create_server(
        lambda: BoundedConnection(connections, server, limits), host, port, backlog=256
    )
    return listening, [_name_socket(item) for item in listening.sockets]


def _name_socket(item: socket.socket) -> str:
    address, port = item.getsockname()[:2]
    return f"http://{f'[{address}]' if ':' in address else address}:{port}"
