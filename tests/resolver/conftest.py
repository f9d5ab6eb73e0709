"""A running local Hub and a store's path."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from resolver.local_hub import Catalog, HubOptions, LocalHub
from tests.resolver.own_environment import find_or_make_python
from tests.resolver.support import ROOT, TOKENS, Clock, catalog_of


@pytest.fixture
def catalog() -> Catalog:
    """A fresh catalog for each test, since tests change it."""
    made = catalog_of()
    made.alias("legacy", "acme/bert")
    return made


@pytest_asyncio.fixture
async def hub(catalog: Catalog) -> AsyncIterator[LocalHub]:
    """The catalog, served with two valid tokens."""
    async with LocalHub(catalog, HubOptions(tokens=TOKENS)) as running:
        yield running


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """Where the store is to be."""
    return tmp_path / "store.sqlite3"


@pytest.fixture
def clock() -> Clock:
    """Time that moves when it is told to."""
    return Clock()


@pytest.fixture(scope="session")
def optimum_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python with optimum, optimum-onnx and this project; `OPTIMUM_PYTHON` may name one."""
    packages = ("optimum-onnx==0.1.0", "onnxruntime", "onnxscript", "torch", "-e", str(ROOT))
    constraints = ROOT / "tests" / "resolver" / "tasks_manager" / "optimum_constraints.txt"
    folder = tmp_path_factory.mktemp("optimum")
    return find_or_make_python("OPTIMUM_PYTHON", folder, [*packages, "-c", str(constraints)])
