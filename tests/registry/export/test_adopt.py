"""Adopting without optimum. What is adopted from it is tried out by the test of optimum's own command."""

from __future__ import annotations

import importlib.util

import pytest

from registry import RegistryError, shipped_registry
from registry.export import shipped_export_registry
from resolver.exporting import adopt


def test_without_optimum_there_is_nothing_to_adopt(monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name.startswith("optimum") else find(name))

    with pytest.raises(RegistryError, match="optimum is not installed"):
        adopt(shipped_export_registry(shipped_registry()))
