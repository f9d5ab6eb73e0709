"""`PrometheusHooks`: counts what resolvers do as metrics of prometheus_client.

It is installed with `pip install 'hubresolve[prometheus]'`.
"""

from __future__ import annotations

try:
    from prometheus_client import REGISTRY, CollectorRegistry, Counter, Histogram
except ImportError as error:
    raise ImportError("PrometheusHooks needs prometheus_client: pip install 'hubresolve[prometheus]'") from error

from resolver.hooks.hooks import EndedRequest, Hooks, Lookups, Retry, Wait

DURATIONS_S = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Upper ends of the buckets of durations; a request ends with its timeout, 30 s by default."""


class PrometheusHooks(Hooks):
    """Makes its metrics once, in one registry of prometheus_client. Use one object for all resolvers."""

    def __init__(self, registry: CollectorRegistry = REGISTRY) -> None:
        """Raises ValueError where the registry has these metrics already."""
        self._requests = Counter(
            "hubresolve_requests",
            "Requests sent to the Hub, redirects and retries included; status is empty where no response came.",
            ["bucket", "status"],
            registry=registry,
        )
        self._durations = Histogram(
            "hubresolve_request_duration_seconds",
            "Time from sending a request to the last byte of its response.",
            ["bucket"],
            buckets=DURATIONS_S,
            registry=registry,
        )
        self._body_bytes = Counter(
            "hubresolve_body_bytes", "Bytes of response bodies, decompressed.", ["bucket"], registry=registry
        )
        self._lookups = Counter(
            "hubresolve_lookups", "Requests looked up in a cache.", ["cache", "result"], registry=registry
        )
        self._waits = Counter("hubresolve_waits", "Waits that began.", ["bucket", "reason"], registry=registry)
        self._wait_seconds = Counter(
            "hubresolve_wait_seconds", "Length of the waits that began.", ["bucket", "reason"], registry=registry
        )
        self._retries = Counter(
            "hubresolve_retries",
            "Attempts after a failed one, by its error code.",
            ["bucket", "code"],
            registry=registry,
        )

    def on_request(self, request: EndedRequest, /) -> None:
        """Counted, with its redirects, its time and its bytes."""
        status = "" if request.status is None else str(request.status)
        self._requests.labels(request.bucket, status).inc(1 + request.redirects)
        self._durations.labels(request.bucket).observe(request.duration_s)
        self._body_bytes.labels(request.bucket).inc(request.body_bytes)

    def on_lookups(self, lookups: Lookups, /) -> None:
        """Counted as hits and misses."""
        self._lookups.labels(lookups.cache, "hit").inc(lookups.hits)
        self._lookups.labels(lookups.cache, "miss").inc(lookups.misses)

    def on_wait(self, wait: Wait, /) -> None:
        """Counted, and its length added."""
        self._waits.labels(wait.bucket, wait.reason).inc()
        self._wait_seconds.labels(wait.bucket, wait.reason).inc(wait.wait_s)

    def on_retry(self, retry: Retry, /) -> None:
        """Counted."""
        self._retries.labels(retry.bucket, retry.code).inc()
