"""A damaged store file: how it is told from another program's, and how it is put aside. Blocking: call it in a thread.

Nothing is ever deleted: the file keeps its content under a name that says what it is.
"""

from __future__ import annotations

import contextlib
import logging
import time
from pathlib import Path

from store.errors import StoreError

logger = logging.getLogger(__name__)

SQLITE_MAGIC = b"SQLite format 3\0"
APPLICATION_ID = 0x68755273
"""Marks a SQLite file as ours ("huRs"), in the header field that SQLite keeps for this purpose."""

_APPLICATION_ID_AT = 68
_CORRUPT, _NOT_A_DATABASE = 11, 26
DATABASE_SUFFIXES = (".sqlite3", ".sqlite", ".db")
COMPANIONS = ("", "-wal", "-shm")

Identity = tuple[int, int]
"""Device and inode of a file: two files of one name are told apart by it."""


def is_damage(error: BaseException | None) -> bool:
    """Whether SQLite says that the file is malformed, or no database (result codes SQLITE_CORRUPT, SQLITE_NOTADB)."""
    code = getattr(error, "sqlite_errorcode", None)
    return code is not None and code & 0xFF in (_CORRUPT, _NOT_A_DATABASE)


def identity_of(path: Path) -> Identity | None:
    """Which file is at `path` now; None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def is_ours(path: Path) -> bool:
    """Whether a file that SQLite cannot read was once a store: its header says so, or the header itself is destroyed,
    and the file is named as a database and is no text. Anything else may be a file that was named by mistake.
    """
    try:
        with path.open("rb") as file:
            head = file.read(4_096)
    except OSError:
        return False
    if head.startswith(SQLITE_MAGIC) and len(head) >= _APPLICATION_ID_AT + 4:
        return head[_APPLICATION_ID_AT : _APPLICATION_ID_AT + 4] == APPLICATION_ID.to_bytes(4, "big")
    return path.suffix.lower() in DATABASE_SUFFIXES and not _is_text(head)


def _is_text(head: bytes) -> bool:
    """Whether a file that begins so is written in words."""
    if b"\0" in head:
        return False
    try:
        # A character may be cut in two at the end.
        head[:-3].decode("utf-8")
    except UnicodeDecodeError as error:
        return error.start > len(head) - 8
    return True


def set_aside(path: Path, damaged: Identity | None) -> Path | None:
    """Where the damaged file was moved to; None where another process has already put a new one in its place.

    `damaged` tells which file was found damaged.

    Raises:
        StoreError: it is not ours to move.
        OSError: it cannot be moved.
    """
    from filelock import FileLock

    with FileLock(f"{path}.lock", timeout=60):
        if damaged is None or identity_of(path) != damaged:
            return None
        if not is_ours(path):
            raise StoreError(f"{path} is not a hubresolve store, nor a database at all; it was left as it is")
        aside = _free_name(path)
        # What is not yet in the file itself lies beside it; under its new name SQLite finds it again.
        for companion in reversed(COMPANIONS):
            with contextlib.suppress(FileNotFoundError):
                Path(f"{path}{companion}").rename(f"{aside}{companion}")
        return aside


def was_replaced(path: Path, found: Identity | None) -> bool:
    """Whether another process has put the file `found` aside meanwhile: what failed may work on the new one."""
    from filelock import FileLock

    if not Path(f"{path}.lock").exists():
        return False
    with FileLock(f"{path}.lock", timeout=60):
        return identity_of(path) != found


def _free_name(path: Path) -> Path:
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    number = 0
    while True:
        aside = path.with_name(f"{path.name}.damaged-{stamp}{f'-{number}' if number else ''}")
        if not aside.exists():
            return aside
        number += 1
