"""Prepares torchvision in processes that tests start, as `tests/conftest.py` does in the tests' own process."""

from __future__ import annotations

from tests import torchvision_beside_cpu_torch

torchvision_beside_cpu_torch.install()
