"""Finds files of the local Hugging Face cache that are not what the Hub sent. Blocking: call it in a thread.

A download that was cut off, a full disk or another program may have damaged them. This is for after a failure: small
files are read as a whole.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

_SHA256, _GIT_SHA1 = re.compile(r"[0-9a-f]{64}"), re.compile(r"[0-9a-f]{40}")
"""The names of files in the cache's folder `blobs`: the hash of a large file's content, or git's of a small one's."""

_CHUNK_BYTES = 1 << 20
_MAX_HEADER_BYTES = 100 << 20
"""The longest header that safetensors reads (safetensors 0.8, `tensor.rs`)."""

MAX_HASHED_BYTES = 1 << 30
"""Larger files are not read as a whole, unless the caller asks for it: the failure may have other reasons, such as the
memory, and its message must not come minutes later."""

MAX_NAMED = 3
"""Most damaged files that one message names."""


class DamagedFile(NamedTuple):
    """A file of a snapshot, by its path there, and what is wrong with it."""

    path: Path
    reason: str


def find_damaged_files(
    folder: Path, names: Iterable[str], sizes: Mapping[str, int], *, reads_all: bool = False
) -> list[DamagedFile]:
    """The damaged ones of the files `names` in a snapshot; `sizes` are their right sizes, as far as they are known.

    `reads_all`: read large files as a whole too.
    """
    checked = ((folder / name, _find_damage(folder / name, sizes.get(name), reads_all=reads_all)) for name in names)
    return [DamagedFile(path, reason) for path, reason in checked if reason is not None]


def remove_damaged_file(file: DamagedFile) -> None:
    """Remove the file, and the content that its link leads to, so that it is downloaded anew.

    Raises:
        OSError: the cache cannot be written.
    """
    path = file.path
    # The folder of the cache: a snapshot is CACHE/REPO/snapshots/COMMIT.
    cache = next(folder.parent.parent for folder in path.parents if folder.name == "snapshots")
    while path.is_relative_to(cache):
        # A blob may be a link itself, to one that several repos share.
        target = os.path.normpath(path.parent / path.readlink()) if path.is_symlink() else None
        path.unlink(missing_ok=True)
        if target is None:
            return
        path = Path(target)


def _find_damage(path: Path, size: int | None, *, reads_all: bool) -> str | None:
    try:
        found = path.stat().st_size
        if size is not None and found != size:
            return f"{found:,} of {size:,} bytes"
        is_hashed = path.is_symlink() and (reads_all or found <= MAX_HASHED_BYTES)
        blob = path.readlink().name if is_hashed else ""
        if _SHA256.fullmatch(blob):
            return None if _hash_file(path, hashlib.sha256()) == blob else "its content is not what the Hub sent"
        if _GIT_SHA1.fullmatch(blob):
            hashes = (hashlib.sha1(start, usedforsecurity=False) for start in (b"blob %d\0" % found, b""))
            # Mirrors may use the plain hash.
            is_right = any(_hash_file(path, state) == blob for state in hashes)
            return None if is_right else "its content is not what the Hub sent"
        return _find_wrong_form(path, found)
    except FileNotFoundError:
        return "its link leads to no file"
    except OSError as error:
        return f"it cannot be read: {error.strerror}"


def _hash_file(path: Path, state: hashlib._Hash) -> str:
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            state.update(chunk)
    return state.hexdigest()


def _find_wrong_form(path: Path, size: int) -> str | None:
    """What is wrong with a file whose hash is not known: a cache without links has only the files."""
    if size == 0:
        return "it is empty"
    try:
        if path.suffix == ".json":
            json.loads(path.read_bytes())
        if path.suffix == ".safetensors":
            expected = _read_safetensors_size(path)
            return None if size == expected else f"{size:,} of {expected:,} bytes"
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return "it is not in its format"
    return None


def _read_safetensors_size(path: Path) -> int:
    """The size that a safetensors file has by its own header."""
    with path.open("rb") as file:
        header_bytes = int.from_bytes(file.read(8), "little")
        if header_bytes > _MAX_HEADER_BYTES:
            raise ValueError("the header is too long")
        header = json.loads(file.read(header_bytes))
    ends = (int(item["data_offsets"][1]) for name, item in header.items() if name != "__metadata__")
    return 8 + header_bytes + max(ends, default=0)


def explain_damage(repo_id: str, damaged: Sequence[DamagedFile]) -> str:
    """What is damaged, and how it is fetched anew. Pure."""
    named = ", ".join(f"{file.path} ({file.reason})" for file in damaged[:MAX_NAMED])
    more = f" and {len(damaged) - MAX_NAMED} more" if len(damaged) > MAX_NAMED else ""
    return (
        f"{repo_id}: damaged in the local Hugging Face cache: {named}{more}; refresh=True (--refresh) fetches what is "
        "damaged anew"
    )
