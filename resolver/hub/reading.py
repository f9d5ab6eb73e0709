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


def is_short(response: aiohttp.ClientResponse) -> bool:
    """Whether the response says that its body is short."""
    return (response.content_length or SMALL_BODY_BYTES) < SMALL_BODY_BYTES and (
        "Content-Encoding" not in response.headers
    )


async def read_up_to(
    response: aiohttp.ClientResponse, max_bytes: int, wait_for_permit: Callable[[], Awaitable[None]]
) -> tuple[bytes, bool]:
    """The body, and whether it was longer than `max_bytes`: then only its beginning is there, for a message.

    More than a small body needs a permit.
    """
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
