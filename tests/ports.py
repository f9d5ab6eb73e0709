"""Ports for servers that must be told their port before they start."""

from __future__ import annotations

import random
import socket

_RANGE = range(20_000, 32_000)
"""Below the ports that systems give to outgoing connections and to sockets bound to port 0."""


def find_free_port() -> int:
    """A free port of loopback, that no connection of another test takes before the server binds it."""
    while True:
        port = random.choice(_RANGE)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
