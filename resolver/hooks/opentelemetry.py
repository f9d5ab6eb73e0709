"""`OpenTelemetryHooks`: counts what resolvers do as metrics of OpenTelemetry.

It is installed with `pip install 'hubresolve[opentelemetry]'`.
"""

from __future__ import annotations

try:
    from opentelemetry.metrics import MeterProvider, get_meter
except ImportError as error:
    raise ImportError("OpenTelemetryHooks needs opentelemetry-api: pip install 'hubresolve[opentelemetry]'") from error

from resolver.hooks.hooks import EndedRequest, Hooks, Lookups, Retry, Wait


class OpenTelemetryHooks(Hooks):
    """Makes its instruments with a meter named `hubresolve`, of the given provider or of the program's own one."""

    def __init__(self, provider: MeterProvider | None = None) -> None:
        meter = get_meter("hubresolve", meter_provider=provider)
        self._requests = meter.create_counter(
            "hubresolve.requests", "{request}", "Requests sent to the Hub, redirects and retries included."
        )
        self._durations = meter.create_histogram(
            "hubresolve.request.duration", "s", "Time from sending a request to the last byte of its response."
        )
        self._body_bytes = meter.create_counter("hubresolve.body.size", "By", "Bytes of response bodies, decompressed.")
        self._lookups = meter.create_counter("hubresolve.lookups", "{lookup}", "Requests looked up in a cache.")
        self._waits = meter.create_counter("hubresolve.waits", "{wait}", "Waits that began.")
        self._wait_seconds = meter.create_counter("hubresolve.wait.duration", "s", "Length of the waits that began.")
        self._retries = meter.create_counter(
            "hubresolve.retries", "{retry}", "Attempts after a failed one, by its error code."
        )

    def on_request(self, request: EndedRequest, /) -> None:
        """Counted, with its redirects, its time and its bytes; without a status where no response came."""
        bucket = {"bucket": request.bucket}
        status = {} if request.status is None else {"status": request.status}
        self._requests.add(1 + request.redirects, {**bucket, **status})
        self._durations.record(request.duration_s, bucket)
        self._body_bytes.add(request.body_bytes, bucket)

    def on_lookups(self, lookups: Lookups, /) -> None:
        """Counted as hits and misses."""
        self._lookups.add(lookups.hits, {"cache": lookups.cache, "result": "hit"})
        self._lookups.add(lookups.misses, {"cache": lookups.cache, "result": "miss"})

    def on_wait(self, wait: Wait, /) -> None:
        """Counted, and its length added."""
        attributes = {"bucket": wait.bucket, "reason": wait.reason}
        self._waits.add(1, attributes)
        self._wait_seconds.add(wait.wait_s, attributes)

    def on_retry(self, retry: Retry, /) -> None:
        """Counted."""
        self._retries.add(1, {"bucket": retry.bucket, "code": retry.code})
