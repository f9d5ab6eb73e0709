"""Tells clients apart by their addresses. Pure."""

from __future__ import annotations

import ipaddress


def name_client(address: str | None) -> str:
    """What a client is counted under: its IPv4 address, or the /64 network that an IPv6 address belongs to."""
    parsed = _parse(address)
    if parsed is None:
        return "unknown"
    if isinstance(parsed, ipaddress.IPv6Address):
        return str(ipaddress.IPv6Network((int(parsed) >> 64 << 64, 64)))
    return str(parsed)


def is_loopback(address: str | None) -> bool:
    """Whether an address, or the name `localhost`, is of this machine alone."""
    if address == "localhost":
        return True
    parsed = _parse(address)
    return parsed is not None and parsed.is_loopback


def _parse(address: str | None) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        parsed = ipaddress.ip_address((address or "").partition("%")[0])
    except ValueError:
        return None
    mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
    return mapped or parsed
