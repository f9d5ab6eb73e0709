"""Detects a damaged store file and moves it into quarantine. Blocking: call it in a thread.

Quarantine: the file is renamed and keeps its content. Nothing is deleted.
"""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

from store.errors import StoreError

SQLITE_MAGIC = b"SQLite format 3\0"

APPLICATION_ID = 0x68755273
"""Marks a SQLite file as a store ("huRs"), in the field of the header that SQLite reserves for this purpose."""

_APPLICATION_ID_OFFSET = 68
_SQLITE_BUSY, _SQLITE_CORRUPT, _SQLITE_TOOBIG, _SQLITE_NOTADB = 5, 11, 18, 26
_HEAD_BYTES = 4_096

DATABASE_SUFFIXES = (".sqlite3", ".sqlite", ".db")

SIDECAR_SUFFIXES = ("", "-wal", "-shm")
"""Suffixes of the files that make up a SQLite database: the file itself, its write-ahead log, its shared memory."""

MAX_LOCK_WAIT_S = 60
"""Longest wait for another process that is moving the file."""

FileIdentity = tuple[int, int]
"""Device and inode of a file: they distinguish a file from a later one of the same name."""


def is_corruption_error(error: BaseException | None) -> bool:
    """Whether SQLite reports that the file is malformed or not a database (SQLITE_CORRUPT, SQLITE_NOTADB), or holds a
    value that is far too long for any row (SQLITE_TOOBIG); or its message cannot be decoded, as it quotes the file.
    """
    return isinstance(error, UnicodeDecodeError) or _get_code(error) in (
        _SQLITE_CORRUPT,
        _SQLITE_NOTADB,
        _SQLITE_TOOBIG,
    )


def is_busy_error(error: BaseException | None) -> bool:
    """Whether another process holds the lock (SQLITE_BUSY)."""
    return _get_code(error) == _SQLITE_BUSY


def _get_code(error: BaseException | None) -> int | None:
    """SQLite's primary result code; None where the error is another one."""
    code = getattr(error, "sqlite_errorcode", None)
    return code & 0xFF if code is not None else None


def get_file_identity(path: Path) -> FileIdentity | None:
    """The identity of the file at `path`; None where there is none."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def is_damaged_store(path: Path) -> bool:
    """Whether a file that SQLite cannot read was a store.

    It was, if its header has the application id of a store; or if the header is destroyed, the file has the suffix of a
    database, and it is not a text. Any other file may have been given as the store by mistake.
    """
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
    except OSError:
        return False
    if head.startswith(SQLITE_MAGIC) and len(head) >= _APPLICATION_ID_OFFSET + 4:
        return head[_APPLICATION_ID_OFFSET : _APPLICATION_ID_OFFSET + 4] == APPLICATION_ID.to_bytes(4, "big")
    return path.suffix.lower() in DATABASE_SUFFIXES and not _is_text(head)


def _is_text(head: bytes) -> bool:
    """Whether `head` is the beginning of a UTF-8 text."""
    if b"\0" in head:
        return False
    try:
        # The last character may be incomplete.
        head[:-3].decode("utf-8")
    except UnicodeDecodeError as error:
        return error.start > len(head) - 8
    return True


def quarantine(path: Path, damaged: FileIdentity | None, *, is_store: bool = False) -> Path | None:
    """The new path of the damaged file; None where another process has already moved it.

    `damaged` is the identity of the file that was found damaged; `is_store` where its tables have shown that it is one.

    Raises:
        StoreError: the file is not a store.
        OSError: the file cannot be moved.
    """
    from filelock import FileLock

    with FileLock(f"{path}.lock", timeout=MAX_LOCK_WAIT_S):
        if damaged is None or get_file_identity(path) != damaged:
            return None
        if not (is_store or is_damaged_store(path)):
            raise StoreError(f"{path} is not a hubresolve store, and not a database; it was not changed")
        target = _choose_free_path(path)
        # The sidecars are moved along: the log holds rows that are not in the file yet.
        for suffix in reversed(SIDECAR_SUFFIXES):
            with contextlib.suppress(FileNotFoundError):
                Path(f"{path}{suffix}").rename(f"{target}{suffix}")
        return target


def was_replaced(path: Path, identity: FileIdentity | None) -> bool:
    """Whether another process has moved the file with this identity into quarantine: a retry opens the new file."""
    from filelock import FileLock

    if not Path(f"{path}.lock").exists():
        return False
    with FileLock(f"{path}.lock", timeout=MAX_LOCK_WAIT_S):
        return get_file_identity(path) != identity


def _choose_free_path(path: Path) -> Path:
    """A path that does not exist yet: `path` with ".damaged-" and the time."""
    timestamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    number = 0
    while True:
        target = path.with_name(f"{path.name}.damaged-{timestamp}{f'-{number}' if number else ''}")
        if not target.exists():
            return target
        number += 1
