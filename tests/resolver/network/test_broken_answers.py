"""Servers that do not speak HTTP: the text of the error is right for what happened."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from resolver.errors import HubUnavailableError
from tests.resolver.network.streams import serve_streams
from tests.resolver.support import answer, settings_for


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        (b"SSH-2.0-OpenSSH_9.6\r\n\r\n", "answers with what is not HTTP"),
        (b"HTTP/1.1 abc OK\r\n\r\n", "answers with what is not HTTP"),
        (b"HTTP/1.1 200 OK\r\nbad header\r\n\r\n", "answers with what is not HTTP"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{", "the body of the response of .* cannot be read"),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nabcd", "the body of the response"),
        (b"", "closed the connection without an answer"),
    ],
    ids=["ssh", "status", "header", "short body", "no gzip", "nothing"],
)
async def test_what_is_wrong_with_an_answer_is_said(store: Path, sent: bytes, said: str) -> None:
    async def reply(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(sent)

    async with serve_streams(reply) as port:
        endpoint = f"http://127.0.0.1:{port}"
        with pytest.raises(HubUnavailableError, match=said) as caught:
            await answer(settings_for(endpoint, store), "acme/bert")
    assert endpoint in str(caught.value) and "redirect" not in str(caught.value)
