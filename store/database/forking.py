"""Makes every use of the parent's SQLite connections fail at once in a forked child."""

from __future__ import annotations

import ctypes
import gc
import os
import sqlite3
import weakref

import aiosqlite

_connections: weakref.WeakSet[aiosqlite.Connection] = weakref.WeakSet()


def abandon_in_forks(connection: aiosqlite.Connection) -> None:
    """Make `connection` count as closed in each child that is forked while it is open.

    The thread that works for it is missing there: whoever ends a transaction or closes it would wait without end.
    """
    _connections.add(connection)


def _abandon_connections() -> None:
    if not _connections:
        return
    for item in gc.get_objects():
        # SQLite's own objects are kept for ever: closing one could wait for a lock that the missing thread held.
        if issubclass(type(item), (sqlite3.Connection, sqlite3.Cursor)):
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(item))
    for connection in list(_connections):
        connection._connection = None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_abandon_connections)
