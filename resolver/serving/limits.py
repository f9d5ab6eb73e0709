"""`ServeLimits`: the bounds of the service, as one frozen value. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeLimits:
    """What one client, and all clients together, may take. A client is an address, or the /64 network of an IPv6 one.

    `requests_per_s`: what a client may send on average, 0 for any number; `burst`: at once, after a pause.
    `max_clients`: clients whose rate is remembered. `max_requests`, `max_streams`: requests, and lists, in progress;
    `..._per_client`: of one client. `max_connections`: open connections. `max_body_bytes`, `max_ids`: of a list of ids.
    `max_line_bytes`: of the request line, of a header, and of an id.

    `head_s`: until the headers of a request are complete, and until the next request of an open connection. `body_s`:
    until its body is complete. `answer_s`: until a single answer or the page is made. `write_s`: how long a client may
    take nothing of a stream, of which the system keeps `send_buffer_bytes`. `stream_s`: a whole stream. `grace_s`: for
    running answers after the signal to stop.

    `max_callers`: callers with tokens of their own that have a resolver; it is closed after `caller_idle_s` without a
    request. `caller_concurrency`: requests of one of them to the Hub in flight. `max_page_rows`: of the page.
    `page_ttl_s`: how long a made page is sent again. `max_pages`: made pages that are kept.
    """

    requests_per_s: float = 20.0
    burst: int = 100
    max_clients: int = 10_000
    max_requests: int = 256
    max_requests_per_client: int = 32
    max_streams: int = 128
    max_streams_per_client: int = 8
    max_connections: int = 2_048
    max_connections_per_client: int = 128
    max_body_bytes: int = 2 * 1024 * 1024
    max_ids: int = 50_000
    max_line_bytes: int = 8_190
    head_s: float = 15.0
    body_s: float = 30.0
    answer_s: float = 60.0
    write_s: float = 60.0
    send_buffer_bytes: int = 256 * 1024
    stream_s: float = 3_600.0
    grace_s: float = 30.0
    max_callers: int = 32
    caller_idle_s: float = 300.0
    caller_concurrency: int = 8
    max_page_rows: int = 10_000
    page_ttl_s: float = 10.0
    max_pages: int = 8
