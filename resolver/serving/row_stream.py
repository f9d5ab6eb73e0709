"""`RowStream`: sends rows as they come, in chunks, and no faster than the client takes them."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self

from aiohttp import web

CHUNK_BYTES = 32_768
FLUSH_S = 0.05
"""Seconds after which buffered rows are sent, even if the chunk is not full."""


class SlowClientError(Exception):
    """The client has taken nothing for too long."""


class RowStream:
    """The body of a response. A stream that fails ends without its last chunk, which the client sees.

    At most a chunk, and what the socket buffers, waits for the client.
    """

    def __init__(self, response: web.StreamResponse, transport: asyncio.WriteTransport, write_s: float) -> None:
        """`write_s`: how long a client may take nothing at all."""
        self._response = response
        self._transport = transport
        self._write_s = write_s
        self._waiting = bytearray()
        self._timer: asyncio.TimerHandle | None = None
        self._flushing: asyncio.Task[None] | None = None
        self._order = asyncio.Lock()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                await self.flush()
        finally:
            if self._timer is not None:
                self._timer.cancel()
            if self._flushing is not None:
                self._flushing.cancel()
                await asyncio.gather(self._flushing, return_exceptions=True)

    async def send(self, line: bytes) -> None:
        """Send a row, together with those after it that come soon.

        Raises:
            SlowClientError: the client takes nothing.
            ConnectionError: the client has gone.
        """
        if self._flushing is not None and self._flushing.done():
            flushed, self._flushing = self._flushing, None
            flushed.result()
        self._waiting += line
        if len(self._waiting) >= CHUNK_BYTES:
            await self.flush()
            # Other clients have their turn, also where everything is known and the socket takes all.
            await asyncio.sleep(0)
        elif self._timer is None and self._flushing is None:
            self._timer = asyncio.get_running_loop().call_later(FLUSH_S, self._start_flush)

    def _start_flush(self) -> None:
        self._timer = None
        self._flushing = asyncio.create_task(self.flush())

    async def flush(self) -> None:
        """Send what waits."""
        async with self._order:
            if not self._waiting:
                return
            chunk = bytes(self._waiting)
            self._waiting.clear()
            writing = asyncio.create_task(self._response.write(chunk))
            try:
                await self._wait_while_taken(writing)
            finally:
                writing.cancel()
                await asyncio.gather(writing, return_exceptions=True)

    async def _wait_while_taken(self, writing: asyncio.Task[None]) -> None:
        """Wait for the end of `writing`, as long as the client takes something now and then."""
        await asyncio.sleep(0)
        unsent_bytes = self._transport.get_write_buffer_size()
        while not (await asyncio.wait([writing], timeout=self._write_s))[0]:
            before_bytes, unsent_bytes = unsent_bytes, self._transport.get_write_buffer_size()
            if unsent_bytes >= before_bytes:
                raise SlowClientError
        await writing
