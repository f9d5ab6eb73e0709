"""The version of the installed distribution; `pyproject.toml` is the only place where it is written."""

from __future__ import annotations

import importlib.metadata

__version__ = importlib.metadata.version("hubresolve")
