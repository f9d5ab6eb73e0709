"""`FileLocks`: of many workers on one SQLite file, one at a time fetches a repo.

The locks are bytes of a file beside the store, `<store>-locks`, one for each repo; the system releases them when a
process ends, however it ends. Every open store also shares the first byte, so that a worker knows whether there are
others. The last one removes the file. Where the system or the file system has no such locks, repos are fetched
without them.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import stat
import threading
import time
from collections import Counter
from pathlib import Path

from store.database.locks import MAX_HELD, MAX_WAIT_S, MIN_POLL_S, HeldLock, LongWaitWarning
from store.database.network_files import find_network_type

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

SUFFIX = "-locks"

MAX_POLL_S = 0.1
"""Longest pause between two attempts to acquire a lock that another worker holds."""

CHECK_OTHERS_S = 0.05
"""Seconds for which the result of the last check for other workers is reused."""

_PRESENCE = 0
"""The byte that all open stores share."""

_MAX_OFFSET = 2**62
_MAX_ATTEMPTS, _PAUSE_S = 50, 0.01


class _LockFile:
    """The file as this process has it open, for all its stores: the system tells locks of processes only, and drops all
    locks of a process when the process closes the file once.
    """

    def __init__(self, path: Path, number: int) -> None:
        self.path = path
        self.stores = 0
        self._number = number
        self._is_closed = False
        self._owners: dict[int, FileLocks] = {}
        self._counts: Counter[int] = Counter()
        self._has_others = True
        self._checked_at_s = -CHECK_OTHERS_S

    def try_lock(self, owner: FileLocks, key: int) -> bool:
        """Whether `owner` holds `key` now; it may hold it more than once."""
        with _guard:
            holder = self._owners.setdefault(key, owner)
            if holder is not owner:
                return False
            if not self._counts[key] and not self._lock(fcntl.LOCK_EX, _offset(key)):
                del self._owners[key]
                return False
            self._counts[key] += 1
            return True

    def unlock(self, owner: FileLocks, key: int) -> None:
        """Give a lock back; nothing happens where `owner` holds it no more."""
        with _guard:
            if self._owners.get(key) is not owner:
                return
            self._counts[key] -= 1
            if not self._counts[key]:
                del self._counts[key], self._owners[key]
                fcntl.lockf(self._number, fcntl.LOCK_UN, 1, _offset(key))

    def unlock_all(self, owner: FileLocks) -> None:
        """Give back all that `owner` holds."""
        with _guard:
            for key in [key for key, holder in self._owners.items() if holder is owner]:
                self._counts[key] = 1
                self.unlock(owner, key)

    def has_others(self) -> bool:
        """Whether another store has the file open, in this process or another one."""
        if self.stores > 1:
            return True
        now_s = time.monotonic()
        if now_s - self._checked_at_s >= CHECK_OTHERS_S:
            with _guard:
                self._checked_at_s = now_s
                self._has_others = not self._lock(fcntl.LOCK_EX, _PRESENCE)
                if not self._has_others:
                    self.share_presence()
        return self._has_others

    def share_presence(self) -> bool:
        """Whether this process counts as present, now that it is one of those that share the first byte."""
        return self._lock(fcntl.LOCK_SH, _PRESENCE)

    def close(self) -> None:
        if self._lock(fcntl.LOCK_EX, _PRESENCE):
            with contextlib.suppress(OSError):
                self.path.unlink()
        os.close(self._number)
        self._is_closed = True

    def _lock(self, kind: int, offset: int) -> bool:
        # The number of a closed file may be that of another one.
        if self._is_closed:
            return False
        try:
            fcntl.lockf(self._number, kind | fcntl.LOCK_NB, 1, offset)
        except OSError:
            return False
        return True


_guard = threading.RLock()
_files: dict[tuple[int, int], _LockFile] = {}
"""The open files by device and inode."""


def open_file_locks(store: Path) -> FileLocks | None:
    """The locks of a store's file; None where there can be none. Blocking."""
    if fcntl is None or find_network_type(store) is not None:
        return None
    path = Path(f"{store}{SUFFIX}")
    with _guard, contextlib.suppress(OSError):
        for _ in range(_MAX_ATTEMPTS):
            file = _open_file(path, store.stat())
            if file is not None:
                file.stores += 1
                return FileLocks(file)
            # Another process has just looked whether it is alone, or removes the file.
            time.sleep(_PAUSE_S)
    return None


def _open_file(path: Path, store: os.stat_result) -> _LockFile | None:
    with contextlib.suppress(FileNotFoundError):
        status = path.lstat()
        if not stat.S_ISREG(status.st_mode):
            raise OSError("not a regular file")
        if (known := _files.get((status.st_dev, status.st_ino))) is not None:
            return known
    mode = stat.S_IMODE(store.st_mode)
    number = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
    try:
        with contextlib.suppress(PermissionError):
            # As SQLite does: whoever may use the store may use the files beside it, also where root has created them.
            os.fchown(number, store.st_uid, store.st_gid)
            os.fchmod(number, mode)
        file = _LockFile(path, number)
        opened = os.fstat(number)
        if file.share_presence() and os.path.samestat(opened, path.lstat()):
            _files[opened.st_dev, opened.st_ino] = file
            return file
    except OSError:
        os.close(number)
        raise
    os.close(number)
    return None


def _close_file(file: _LockFile, owner: FileLocks) -> None:
    with _guard:
        file.unlock_all(owner)
        file.stores -= 1
        if not file.stores:
            for place in [place for place, item in _files.items() if item is file]:
                del _files[place]
            file.close()


def _forget_files() -> None:
    """In a forked child, which has none of its parent's locks. The guard may be held by a thread that is missing."""
    global _guard
    _guard = threading.RLock()
    _files.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_files)


class FileLocks:
    """The advisory locks of one open store on a SQLite file."""

    def __init__(self, file: _LockFile) -> None:
        self._file = file
        self._places = asyncio.Semaphore(MAX_HELD)
        self._warning = LongWaitWarning()

    @property
    def has_other_workers(self) -> bool:
        """Whether the store is open elsewhere too."""
        return self._file.has_others()

    async def acquire(self, key: int) -> HeldLock:
        """Hold the lock `key`, once no other worker does."""
        await self._places.acquire()
        try:
            has_waited = not self._file.try_lock(self, key)
            is_held = not has_waited or await self._wait(key)
        except BaseException:
            self._places.release()
            raise
        return HeldLock(self, key, is_held=is_held, may_be_stored=has_waited or self.has_other_workers)

    async def _wait(self, key: int) -> bool:
        since_s, pause_s = time.monotonic(), MIN_POLL_S
        while (waited_s := time.monotonic() - since_s) < MAX_WAIT_S:
            self._warning.check(waited_s)
            await asyncio.sleep(pause_s)
            if self._file.try_lock(self, key):
                return True
            pause_s = min(2 * pause_s, MAX_POLL_S)
        return False

    def release(self, key: int, *, is_held: bool) -> None:
        """Give the lock `key` back."""
        self._places.release()
        if is_held:
            self._file.unlock(self, key)

    async def close(self) -> None:
        """Release all locks; the last store removes the file."""
        # Without a thread: a process that is ending starts none any more.
        _close_file(self._file, self)


def _offset(key: int) -> int:
    return 1 + key % _MAX_OFFSET
