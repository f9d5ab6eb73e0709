"""Little proxies on loopback: HTTP with CONNECT, and SOCKS5; each with a password where it is given one.

They reach the server behind them under any name, as a proxy of a company knows names that the machine does not.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from tests.resolver.network.streams import join_streams, serve_streams

USER, PASSWORD = "me", "sword/fish ü"
USER_INFO = "me:sword%2Ffish%20%C3%BC"
SOCKS_PASSWORD, SOCKS_USER_INFO = "sword/fish", "me:sword%2Ffish"


@dataclass
class RunningProxy:
    """`asked`: the hosts that were asked for through it. `status`: what it refuses everything with."""

    port: int = 0
    asked: list[str] = field(default_factory=list)
    attempts: int = 0
    status: str | None = None


@contextlib.asynccontextmanager
async def serve_http_proxy(behind_port: int, *, with_password: bool = False) -> AsyncIterator[RunningProxy]:
    """A proxy for http:// URLs and, with CONNECT, for all others."""
    running = RunningProxy()
    login = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        running.attempts += 1
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        method, url, _ = head.split("\r\n", 1)[0].split(" ")
        lines = head.split("\r\n")[1:-2]
        sent = [line.partition(":")[2].strip() for line in lines if line.lower().startswith("proxy-authorization:")]
        status = running.status or ("407 Proxy Authentication Required" if with_password and sent != [login] else None)
        if status is not None:
            writer.write(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
            await writer.drain()
            return
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", behind_port)
        if method == "CONNECT":
            running.asked.append(url.rpartition(":")[0])
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        else:
            parts = urlsplit(url)
            running.asked.append(parts.hostname or "")
            kept = [line for line in lines if not line.lower().startswith(("proxy-", "connection:"))]
            path = f"{parts.path}?{parts.query}" if parts.query else parts.path
            request = "\r\n".join([f"{method} {path} HTTP/1.1", *kept, "Connection: close", "", ""])
            far_writer.write(request.encode("latin-1"))
        await join_streams(reader, writer, far_reader, far_writer)

    async with serve_streams(handle) as running.port:
        yield running


@contextlib.asynccontextmanager
async def serve_socks_proxy(behind_port: int, *, with_password: bool = False) -> AsyncIterator[RunningProxy]:
    """A proxy of RFC 1928, with the login of RFC 1929."""
    running = RunningProxy()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        running.attempts += 1
        _, count = await reader.readexactly(2)
        methods, wanted = await reader.readexactly(count), 2 if with_password else 0
        writer.write(bytes([5, wanted if wanted in methods else 255]))
        if wanted not in methods:
            return
        if with_password:
            await reader.readexactly(1)
            user = await reader.readexactly((await reader.readexactly(1))[0])
            password = await reader.readexactly((await reader.readexactly(1))[0])
            is_right = (user.decode(), password.decode()) == (USER, SOCKS_PASSWORD)
            writer.write(bytes([1, 0 if is_right else 1]))
            if not is_right:
                return
        kind = (await reader.readexactly(4))[3]
        assert kind == 3, "the proxy looks the name up"
        running.asked.append((await reader.readexactly((await reader.readexactly(1))[0])).decode())
        await reader.readexactly(2)
        if running.status is not None:
            writer.write(bytes([5, int(running.status), 0, 1, 0, 0, 0, 0, 0, 0]))
            return
        far = await asyncio.open_connection("127.0.0.1", behind_port)
        writer.write(bytes([5, 0, 0, 1, 0, 0, 0, 0, 0, 0]))
        await join_streams(reader, writer, *far)

    async with serve_streams(handle) as running.port:
        yield running
