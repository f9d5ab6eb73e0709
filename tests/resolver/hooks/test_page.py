"""The page about monitoring is right: its examples run, and its tables have what there is."""

from __future__ import annotations

import re
from typing import Any

import prometheus_client
import pytest
from prometheus_client import CollectorRegistry

from resolver import EndedRequest, Lookups, Retry, Settings, Wait
from resolver.hooks.prometheus import PrometheusHooks
from tests.resolver.support import ROOT

PAGE = (ROOT / "docs" / "monitoring.md").read_text("utf-8")
EXAMPLES = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_an_example_makes_settings_with_hooks(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prometheus_client, "start_http_server", lambda port: None)
    monkeypatch.setattr(PrometheusHooks.__init__, "__defaults__", (CollectorRegistry(),))
    names: dict[str, Any] = {}
    exec(EXAMPLES[number], names)
    assert isinstance(names["settings"], Settings) and names["settings"].hooks is not None


def test_every_metric_is_explained() -> None:
    registry = CollectorRegistry()
    PrometheusHooks(registry)
    metrics = [(family.name, family.type) for family in registry.collect()]
    names = [f"`{name}_total`" if kind == "counter" else f"`{name}`" for name, kind in metrics]
    assert len(names) == 7 and [name for name in names if name not in PAGE] == []


@pytest.mark.parametrize("kind", [EndedRequest, Lookups, Wait, Retry], ids=lambda kind: kind.__name__)
def test_every_field_is_explained(kind: Any) -> None:
    (row,) = [line for line in PAGE.splitlines() if f"`{kind.__name__}`:" in line]
    assert [name for name in kind.__struct_fields__ if f"`{name}`" not in row] == []
