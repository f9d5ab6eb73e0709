"""Tells that the process is ending, when Python starts no more threads; a call then says so."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from resolver.errors import ResolverNotOpenError

ENDING = "the resolver cannot do this any more: the process is ending, and Python starts no threads then"


def is_process_ending() -> bool:
    """Whether the main thread has ended: functions of `atexit` run, or threads that are not daemons still work."""
    return not threading.main_thread().is_alive()


@contextmanager
def explain_shutdown() -> Iterator[None]:
    """Turns the error of a thread that cannot be started, while the process is ending, into one that says so.

    Raises:
        ResolverNotOpenError: the process is ending.
    """
    try:
        yield
    except RuntimeError as error:
        if isinstance(error, ResolverNotOpenError) or not is_process_ending():
            raise
        raise ResolverNotOpenError(ENDING) from error
