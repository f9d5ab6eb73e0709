"""Keeps a forked child from closing the sockets of its parent, and gives its event loop what both must not share."""

from __future__ import annotations

import asyncio
import ctypes
import os
import selectors


def keep_for_ever(value: object) -> None:
    """Keep `value` alive until the process ends, and in its end too.

    A loop and sockets that a child inherits belong to the parent: closing them in the child would also remove them from
    the parent's selector.
    """
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(value))


def unshare_loop(loop: asyncio.AbstractEventLoop) -> None:
    """Give an event loop that was inherited by a fork a selector and a wake-up socket of its own.

    On Linux both processes have the same epoll: what the child removes from it (when it closes the loop, or a socket),
    the parent would wait for without end. Another kind of selector is not shared. The sockets by which threads wake the
    loop are shared everywhere: what one process reads, the other one would wait for.
    """
    _unshare_selector(loop)
    if isinstance(loop, asyncio.SelectorEventLoop) and not loop.is_closed():
        loop._close_self_pipe()  # type: ignore[attr-defined]
        loop._make_self_pipe()  # type: ignore[attr-defined]


def _unshare_selector(loop: asyncio.AbstractEventLoop) -> None:
    epoll_selector: type[selectors.SelectSelector] | None = getattr(selectors, "EpollSelector", None)
    shared = getattr(loop, "_selector", None)
    if epoll_selector is None or not isinstance(shared, epoll_selector):
        return
    with epoll_selector() as own:
        for key in list(shared.get_map().values()):
            own.register(key.fd, key.events)
        # The number of the file stays: the loop does not notice.
        os.dup2(own.fileno(), shared.fileno(), inheritable=False)  # type: ignore[attr-defined]
