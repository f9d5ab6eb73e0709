"""Splits a stream of bytes into lines of bounded length, of text in UTF-8 or UTF-16, compressed by gzip or not."""

from __future__ import annotations

import codecs
import zlib
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import BinaryIO

import click

CHUNK_BYTES = 65_536
GZIP_MAGIC = b"\x1f\x8b"
_GZIP_WINDOW_BITS = 31
"""zlib's number for the largest window, in the format of gzip."""

_UTF_16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_ARCHIVES = {
    b"PK\x03\x04": "a ZIP or Excel file",
    b"\x28\xb5\x2f\xfd": "compressed by zstd",
    b"BZh": "compressed by bzip2",
    b"\xfd7zXZ": "compressed by xz",
}
_BOM = b"\xef\xbb\xbf"


def read_chunks(file: BinaryIO) -> Iterator[bytes]:
    """The bytes of a file; of a pipe, what it has now, without waiting for a full chunk."""
    read = getattr(file, "read1", file.read)
    while chunk := read(CHUNK_BYTES):
        yield chunk


def decode_chunks(first: bytes, chunks: Iterator[bytes]) -> Iterator[bytes]:
    """`chunks`, which begin with `first`, as UTF-8: decompressed from gzip, and decoded from UTF-16, which Windows
    writes where a shell redirects.

    Raises:
        click.UsageError: they are compressed in another way, or damaged.
    """
    archive = next((name for magic, name in _ARCHIVES.items() if first.startswith(magic)), None)
    if archive is not None:
        raise click.UsageError(f"the file is {archive}: give it as text, or compressed by gzip")
    if first.startswith(GZIP_MAGIC):
        chunks = _decompress(chunks)
        first = next(chunks, b"")
        chunks = chain([first], chunks)
    if first.startswith(_UTF_16_MARKS):
        return (text.encode("utf-8", "replace") for text in codecs.iterdecode(chunks, "utf-16", "replace"))
    return chunks


def _decompress(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The content of a gzip file, in chunks of bounded size; a file may be of several parts."""
    inflate = zlib.decompressobj(_GZIP_WINDOW_BITS)
    try:
        for chunk in chunks:
            while chunk:
                if inflate.eof:
                    inflate = zlib.decompressobj(_GZIP_WINDOW_BITS)
                if content := inflate.decompress(chunk, CHUNK_BYTES):
                    yield content
                chunk = inflate.unused_data if inflate.eof else inflate.unconsumed_tail
    except zlib.error as error:
        raise click.UsageError(f"the file is compressed by gzip, and damaged ({error})") from error
    if not inflate.eof:
        raise click.UsageError("the file is compressed by gzip, and its end is missing")


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
