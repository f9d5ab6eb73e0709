"""Remembers what was learned about repos, in SQLite or PostgreSQL.

The public names are in `__init__.pyi`. Each is imported when it is first used, so that `store.errors` alone does
not load the database library.
"""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
