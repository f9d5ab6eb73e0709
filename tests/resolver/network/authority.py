"""A certificate authority of a company, made with the `openssl` command, and a server whose certificate it signed."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

from tests.resolver.network.streams import join_streams, serve_streams


class Authority:
    """`certificate` is what clients must trust. The server's certificate is for `localhost` only."""

    def __init__(self, folder: Path) -> None:
        self.certificate = folder / "authority.pem"
        self._server, self._server_key = folder / "server.pem", folder / "server.key"
        key, request, extensions = folder / "authority.key", folder / "server.csr", folder / "extensions"
        extensions.write_text("subjectAltName=DNS:localhost\nbasicConstraints=CA:FALSE\n")
        made = ("-newkey", "rsa:2048", "-nodes")
        _run_openssl(
            "req", "-x509", *made, "-keyout", key, "-out", self.certificate, "-days", "3650",
            "-subj", "/CN=Authority of a company",
        )  # fmt: skip
        _run_openssl("req", *made, "-keyout", self._server_key, "-out", request, "-subj", "/CN=localhost")
        _run_openssl(
            "x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", key, "-CAcreateserial",
            "-out", self._server, "-days", "3650", "-extfile", extensions,
        )  # fmt: skip

    @contextlib.asynccontextmanager
    async def serve(self, endpoint: str) -> AsyncIterator[int]:
        """A port of 127.0.0.1 that speaks TLS before the HTTP server at `endpoint`."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self._server, self._server_key)
        origin = urlsplit(endpoint)

        async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await join_streams(reader, writer, *await asyncio.open_connection(origin.hostname, origin.port))

        async with serve_streams(relay, context) as port:
            yield port


def hash_name(certificate: Path) -> str:
    """How OpenSSL names the certificate's file in a folder of authorities, without the ending."""
    return _run_openssl("x509", "-hash", "-noout", "-in", certificate).strip()


def _run_openssl(*arguments: str | Path) -> str:
    line = ["openssl", *map(str, arguments)]
    return subprocess.run(line, check=True, capture_output=True, text=True).stdout
