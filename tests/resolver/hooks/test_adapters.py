"""The adapters, with the real libraries: what a scrape of Prometheus and a reader of OpenTelemetry get."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import HistogramDataPoint, InMemoryMetricReader, NumberDataPoint
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from resolver import Hooks
from resolver.hooks.opentelemetry import OpenTelemetryHooks
from resolver.hooks.prometheus import PrometheusHooks
from resolver.local_hub import LocalHub, faults
from tests.resolver.support import answers, code_of, environment, open_resolver, settings_for


async def use(hub: LocalHub, store: Path, hooks: Hooks) -> None:
    """A 503, a repo in two requests with a redirect, one hit in the process and two in the store."""
    hub.faults.add(faults.failing(503), "/api/models/*")
    settings = settings_for(hub, store, hooks=hooks)
    async with open_resolver(settings) as resolver:
        for _ in range(2):
            await resolver.resolve("acme/bert")
    found = await answers(settings, ["acme/bert", "acme/bert"])
    assert [code_of(item) for item in found] == [None, None]


COUNTS = {
    ("requests", "api", "503"): 1,
    ("requests", "api", "200"): 1,
    ("requests", "resolvers", "200"): 2,
    ("lookups", "answers", "hit"): 1,
    ("lookups", "answers", "miss"): 0,
    ("lookups", "store", "hit"): 2,
    ("lookups", "store", "miss"): 1,
    ("waits", "api", "backoff"): 1,
    ("retries", "api", "hub_unavailable"): 1,
}
"""Name of the metric and its labels, in order -> its value."""

LABELS = {
    "requests": ("bucket", "status"),
    "lookups": ("cache", "result"),
    "waits": ("bucket", "reason"),
    "retries": ("bucket", "code"),
}


async def test_a_scrape_of_prometheus(hub: LocalHub, store: Path) -> None:
    registry = CollectorRegistry()
    await use(hub, store, PrometheusHooks(registry))
    samples = [
        sample
        for family in text_string_to_metric_families(generate_latest(registry).decode())
        for sample in family.samples
    ]
    found = {
        (name, *(sample.labels[label] for label in labels)): sample.value
        for name, labels in LABELS.items()
        for sample in samples
        if sample.name == f"hubresolve_{name}_total"
    }
    assert found == COUNTS
    values = {
        (sample.name, sample.labels.get("bucket")): sample.value for sample in samples if "le" not in sample.labels
    }
    assert values["hubresolve_request_duration_seconds_count", "api"] == 2
    assert values["hubresolve_request_duration_seconds_sum", "api"] > 0
    assert values["hubresolve_body_bytes_total", "resolvers"] > 50
    assert values["hubresolve_wait_seconds_total", "api"] > 0


async def test_a_reader_of_opentelemetry(hub: LocalHub, store: Path) -> None:
    reader = InMemoryMetricReader()
    provider = MeterProvider(metric_readers=[reader])
    try:
        await use(hub, store, OpenTelemetryHooks(provider))
        data = reader.get_metrics_data()
    finally:
        provider.shutdown()
    assert data is not None
    (scope,) = data.resource_metrics[0].scope_metrics
    assert scope.scope.name == "hubresolve"
    points: dict[str, Sequence[object]] = {metric.name: list(metric.data.data_points) for metric in scope.metrics}
    found = {
        (name, *(str((point.attributes or {})[label]) for label in labels)): point.value
        for name, labels in LABELS.items()
        for point in points[f"hubresolve.{name}"]
        if isinstance(point, NumberDataPoint)
    }
    assert found == COUNTS
    durations = [point for point in points["hubresolve.request.duration"] if isinstance(point, HistogramDataPoint)]
    assert {(point.attributes or {})["bucket"]: point.count for point in durations} == {"api": 2, "resolvers": 1}
    assert {metric.name: metric.unit for metric in scope.metrics}["hubresolve.wait.duration"] == "s"


@pytest.mark.parametrize(
    ("adapter", "library", "extra"),
    [("prometheus", "prometheus_client", "prometheus"), ("opentelemetry", "opentelemetry", "opentelemetry")],
)
def test_an_adapter_without_its_library_says_what_to_install(adapter: str, library: str, extra: str) -> None:
    source = f"import sys; sys.modules[{library!r}] = None; import resolver.hooks.{adapter}"
    done = subprocess.run(
        [sys.executable, "-c", source], env=environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 1 and f"pip install 'hubresolve[{extra}]'" in done.stderr


def test_a_resolver_imports_neither_library() -> None:
    source = "import sys, resolver; resolver.Resolver, resolver.Hooks; print([name for name in sys.modules if name in "
    source += "('prometheus_client', 'opentelemetry')])"
    done = subprocess.run([sys.executable, "-c", source], env=environment(), capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
