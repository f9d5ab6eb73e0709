"""Counts what the service does, for the route `/metrics`. Labels name routes and codes, never a repo or a client."""

from __future__ import annotations

from typing import TYPE_CHECKING

from resolver.hooks.hooks import Hooks

if TYPE_CHECKING:
    from prometheus_client import Counter

    from resolver.hooks.prometheus import PrometheusHooks

NOT_INSTALLED = "metrics need prometheus_client: pip install 'hubresolve[prometheus]'"


class Metrics:
    """Does nothing: prometheus_client is not installed."""

    hooks: Hooks | None = None
    """What tells of the resolvers' requests to the Hub."""

    def count(self, route: str, status: int, duration_s: float) -> None:
        """A request has ended."""

    def change_in_progress(self, by: int) -> None:
        """A request begins (1) or ends (-1)."""

    def count_row(self, code: str) -> None:
        """A row was sent; `code` is empty for an answer."""

    def render(self) -> tuple[bytes, str] | None:
        """The page and its content type; None where there is none."""
        return None


class PrometheusMetrics(Metrics):
    """Counts with prometheus_client, in a registry of its own: several services may run in one process."""

    hooks: PrometheusHooks

    def __init__(self) -> None:
        """Raises ImportError where prometheus_client is not installed."""
        from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

        from resolver.hooks.prometheus import PrometheusHooks

        self._registry = CollectorRegistry()
        self.hooks = PrometheusHooks(self._registry)
        self._requests = Counter(
            "hubresolve_http_requests", "Requests answered.", ["route", "status"], registry=self._registry
        )
        self._durations = Histogram(
            "hubresolve_http_request_duration_seconds",
            "From the headers of a request to the last byte of its response.",
            ["route"],
            registry=self._registry,
        )
        self._in_progress = Gauge("hubresolve_http_requests_in_progress", "Requests now.", registry=self._registry)
        self._rows = Counter(
            "hubresolve_http_rows", "Rows sent, by error code; empty for answers.", ["code"], registry=self._registry
        )
        # Finding the counter of a label takes longer than counting.
        self._rows_by_code: dict[str, Counter] = {}

    def count(self, route: str, status: int, duration_s: float) -> None:
        """A request has ended."""
        self._requests.labels(route, str(status)).inc()
        self._durations.labels(route).observe(duration_s)

    def change_in_progress(self, by: int) -> None:
        """A request begins (1) or ends (-1)."""
        self._in_progress.inc(by)

    def count_row(self, code: str) -> None:
        """A row was sent; `code` is empty for an answer."""
        counter = self._rows_by_code.get(code)
        if counter is None:
            counter = self._rows_by_code[code] = self._rows.labels(code)
        counter.inc()

    def render(self) -> tuple[bytes, str] | None:
        """The page and its content type."""
        from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

        return generate_latest(self._registry), CONTENT_TYPE_LATEST


def make_metrics() -> Metrics:
    """Metrics, if prometheus_client is installed."""
    try:
        return PrometheusMetrics()
    except ImportError:
        return Metrics()
