"""On the path of processes that tests start: what `tests/conftest.py` does for the tests themselves."""

from __future__ import annotations

from tests import torchvision_beside_cpu_torch

torchvision_beside_cpu_torch.install()
