"""Importing configurations from optimum when it is not installed. The test of optimum's command covers the rest."""

from __future__ import annotations

import importlib.util

import pytest

from registry import RegistryError, shipped_registry
from registry.export import shipped_export_registry
from resolver.exporting import import_from_optimum


def test_without_optimum_there_is_nothing_to_import(monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name.startswith("optimum") else find(name))

    with pytest.raises(RegistryError, match="optimum is not installed"):
        import_from_optimum(shipped_export_registry(shipped_registry()))
