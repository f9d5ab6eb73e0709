"""Reads the headers and the body of a response, the body only as far as it is wanted."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING

from multidict import CIMultiDict

from resolver.hub.body_size import SMALL_BODY_BYTES

if TYPE_CHECKING:
    import aiohttp

MAX_BEGINNING_BYTES = 4_096
"""Bytes that are kept of a body that is too long."""


def merge_headers(response: aiohttp.ClientResponse, passed: list[aiohttp.ClientResponse]) -> Mapping[str, str]:
    """The response's headers, with the commit that a redirect named: a file server's own response has none."""
    if not passed or "X-Repo-Commit" in response.headers:
        return response.headers
    commits = [hop.headers["X-Repo-Commit"] for hop in passed if "X-Repo-Commit" in hop.headers]
    if not commits:
        return response.headers
    return CIMultiDict([*response.headers.items(), ("X-Repo-Commit", commits[-1])])


async def read_body(
    response: aiohttp.ClientResponse, max_bytes: int, wait_for_permit: Callable[[], Awaitable[None]]
) -> tuple[bytes, bool]:
    """The body, and whether it is longer than `max_bytes`: then at most its beginning is there, for a message.

    More than a small body needs a permit. The connection is released.
    """
    length = response.content_length
    try:
        if length and length < SMALL_BODY_BYTES and "Content-Encoding" not in response.headers:
            return await response.read(), False
        if length and length > max_bytes:
            response.close()
            return b"", True
        return await _read_up_to(response, max_bytes, wait_for_permit)
    finally:
        response.release()


async def _read_up_to(
    response: aiohttp.ClientResponse, max_bytes: int, wait_for_permit: Callable[[], Awaitable[None]]
) -> tuple[bytes, bool]:
    chunks: list[bytes] = []
    size_bytes = 0
    async for chunk in response.content.iter_any():
        if size_bytes <= SMALL_BODY_BYTES < size_bytes + len(chunk):
            await wait_for_permit()
        chunks.append(chunk)
        size_bytes += len(chunk)
        if size_bytes > max_bytes:
            response.close()
            return chunks[0][:MAX_BEGINNING_BYTES], True
    return b"".join(chunks), False
