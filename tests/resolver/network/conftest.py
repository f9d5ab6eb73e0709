"""An authority of its own, and no authorities from outside."""

from __future__ import annotations

import pytest

from resolver.hub.certificates import VARIABLES
from tests.resolver.network.authority import Authority
from tests.resolver.network.official_client import official_client as official_client


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Made once, since keys take time."""
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(autouse=True)
def no_authorities(monkeypatch: pytest.MonkeyPatch) -> None:
    """Certificates are those of the system until a test names others."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
