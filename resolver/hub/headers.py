"""The User-Agent of requests."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version

from resolver.environment import read_user_agent_origin
from resolver.version import __version__


def user_agent() -> str:
    """The User-Agent header: this package, Python and the HTTP library."""
    agent = f"hubresolve/{__version__}; python/{platform.python_version()}; aiohttp/{version('aiohttp')}"
    origin = read_user_agent_origin(os.environ)
    return f"{agent}; origin/{origin}" if origin is not None else agent
