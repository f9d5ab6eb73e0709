"""Stores facts, refs and decisions of repos in SQLite or PostgreSQL.

The public names are in `__init__.pyi`. Each is imported at its first use, so that `store.errors` alone does not import
the database library.
"""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
