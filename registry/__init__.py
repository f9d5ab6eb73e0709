"""Decides library, task, framework and class of a repo from its facts, by tables and rules.

The public names are in `__init__.pyi`. Each is imported at its first use, so that `import registry` is fast.
"""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
