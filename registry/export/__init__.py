"""Finds export configurations by model type and task: the inputs, outputs and dynamic axes of a graph.

The public names are in `__init__.pyi`. Each is imported when it is first used.
"""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
