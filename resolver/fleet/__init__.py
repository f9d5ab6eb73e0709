"""Resolves and loads on a Ray cluster: datasets of ids, and pools of workers that hold models.

Only this package imports Ray (extra `ray`). The public names are in `__init__.pyi`; each is imported when it is first
used.
"""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
