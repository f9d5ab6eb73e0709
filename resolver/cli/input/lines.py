"""Splits a stream of bytes into lines of bounded length."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import BinaryIO

CHUNK_BYTES = 65_536
_BOM = b"\xef\xbb\xbf"


def read_chunks(file: BinaryIO) -> Iterator[bytes]:
    """The bytes of a file; of a pipe, what it has now, without waiting for a full chunk."""
    read = getattr(file, "read1", file.read)
    while chunk := read(CHUNK_BYTES):
        yield chunk


def split_lines(chunks: Iterable[bytes], max_bytes: int) -> Iterator[tuple[bytes, int]]:
    """The beginning of each line, at most `max_bytes` and a little, and how many bytes the line has in all.

    The rest of a longer line is counted and not kept, so that memory is bounded, whatever the stream holds.
    """
    beginning, size_bytes, is_first = b"", 0, True
    for chunk in chunks:
        # "\r\n" becomes an empty line, which is skipped like any other.
        first, *others = chunk.replace(b"\r", b"\n").split(b"\n")
        if size_bytes <= max_bytes:
            beginning += first[: max_bytes + 1]
        size_bytes += len(first)
        for part in others:
            yield (beginning.removeprefix(_BOM) if is_first else beginning), size_bytes
            beginning, size_bytes, is_first = part[: max_bytes + 1], len(part), False
    yield (beginning.removeprefix(_BOM) if is_first else beginning), size_bytes
