"""The bundle: what a store knows, as one file that is carried to another.

    magic line | header block | blocks of rows ... | SHA-256 of all before

A block is its length in four bytes, and MessagePack, deflated. Rows are those of `rows`, each with its own digest, the
facts before the refs that lead to them. Blocking: call it in a thread. What is chosen, and what becomes of it, is left
to `exporting` and `importing`.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

import msgspec

from store.errors import BundleError
from store.keys import FactsKey, RefKey, hash64_of
from store.rows import Rows, is_whole
from store.tables import SCHEMA_VERSION

MAGIC = b"hubresolve bundle 1\n"
ROWS_PER_BLOCK = 1_000
_LONGEST_BLOCK_BYTES = 256 * 1024 * 1024
_DIGEST_BYTES = hashlib.sha256().digest_size
_READ_BYTES = 1024 * 1024

FactsRow = tuple[int, str, str, str, str, int, bytes, int]
# fmt: off
RefRow = tuple[
    int, str, str, str, str, int | None, str | None, str | None, str | None,
    int, str | None, str | None, bytes, int, int,
]
# fmt: on
DecisionRow = tuple[int, int, int, str, bytes, int]


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """`schema` is the one that the rows were written under; `made_at_s` is in seconds since 1970, UTC."""

    schema: int
    made_at_s: int
    with_private: bool


class Block(msgspec.Struct, frozen=True, array_like=True):
    """Some rows, at most `ROWS_PER_BLOCK` of each kind."""

    facts: list[FactsRow]
    refs: list[RefRow]
    decisions: list[DecisionRow]


_encoder = msgspec.msgpack.Encoder()
_header_decoder = msgspec.msgpack.Decoder(Header)
_block_decoder = msgspec.msgpack.Decoder(Block)


class BundleWriter:
    """Writes a bundle beside `path`, and puts it there when all is written: there is never half a bundle at `path`."""

    def __init__(self, path: Path, header: Header) -> None:
        """Raises:
        OSError: nothing can be written there.
        """
        self._path = path
        self._unfinished = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        self._file: BinaryIO = self._unfinished.open("xb")
        self._digest = hashlib.sha256()
        self._write(MAGIC)
        self._write_block(_encoder.encode(header))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._file.write(self._digest.digest())
                self._file.flush()
                os.fsync(self._file.fileno())
        finally:
            self._file.close()
            if kind is None:
                self._unfinished.replace(self._path)
            with suppress(FileNotFoundError):
                self._unfinished.unlink()

    def write(self, rows: Rows) -> None:
        """Add `rows`."""
        self._write_block(_encoder.encode(Block(rows.facts, rows.refs, rows.decisions)))

    def _write_block(self, text: bytes) -> None:
        block = zlib.compress(text)
        self._write(len(block).to_bytes(4, "big"))
        self._write(block)

    def _write(self, some: bytes) -> None:
        self._digest.update(some)
        self._file.write(some)


def read_header(path: Path) -> Header:
    """The header of the bundle at `path`, whose digest has been checked.

    Raises:
        BundleError: it is no bundle, a damaged one, or of a newer version.
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        _check_digest(file, path)
        file.seek(len(MAGIC))
        try:
            header = _header_decoder.decode(_read_block(file))
        except (zlib.error, msgspec.DecodeError, EOFError) as error:
            raise BundleError(f"{path} is a bundle of another version of hubresolve: {error}") from error
    if header.schema != SCHEMA_VERSION:
        raise BundleError(
            f"{path} holds rows of store schema {header.schema}, and this version of hubresolve works with "
            f"{SCHEMA_VERSION}: export it again with a version of that schema"
        )
    return header


def read_rows(path: Path) -> Iterator[Rows]:
    """All rows of the bundle at `path`, block by block, each row checked against its own digest and key.

    Raises:
        BundleError: a row is not what it says it is.
    """
    with path.open("rb") as file:
        end = file.seek(0, os.SEEK_END) - _DIGEST_BYTES
        file.seek(len(MAGIC))
        try:
            _read_block(file)
            while file.tell() < end:
                block = _block_decoder.decode(_read_block(file))
                rows = Rows(list(block.facts), list(block.refs), list(block.decisions))
                if (problem := _problem(rows)) is not None:
                    raise BundleError(f"{path} is damaged: {problem}; nothing of it was taken")
                yield rows
        except (zlib.error, msgspec.DecodeError, EOFError) as error:
            raise BundleError(f"{path} is damaged: {error}; nothing of it was taken") from error


def _check_digest(file: BinaryIO, path: Path) -> None:
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    if file.read(len(MAGIC)) != MAGIC:
        raise BundleError(f"{path} is not a bundle that `hubresolve store export` wrote")
    file.seek(0)
    digest, left = hashlib.sha256(), size - _DIGEST_BYTES
    while left > 0 and (some := file.read(min(left, _READ_BYTES))):
        digest.update(some)
        left -= len(some)
    if left or file.read(_DIGEST_BYTES) != digest.digest():
        raise BundleError(f"{path} is damaged: its content is not what was exported; nothing of it was taken")


def _read_block(file: BinaryIO) -> bytes:
    length = file.read(4)
    block = file.read(int.from_bytes(length, "big"))
    if len(length) < 4 or len(block) < int.from_bytes(length, "big"):
        raise EOFError("it ends in the middle")
    inflate = zlib.decompressobj()
    text = inflate.decompress(block, _LONGEST_BLOCK_BYTES)
    if not inflate.eof:
        raise EOFError("a block is longer than any that was exported")
    return text


def _problem(rows: Rows) -> str | None:
    """What is wrong with the first row that is not what it says it is."""
    for row in rows.facts:
        if not is_whole(row) or row[0] != FactsKey(*row[1:5]).key:
            return f"the facts of {row[2]}@{row[3]} do not match their digest"
    for row in rows.refs:
        _, endpoint, repo_id, revision, scope, facts_key, canonical_id, commit_hash, *_ = row
        expected = FactsKey(endpoint, canonical_id or repo_id, commit_hash, scope).key if commit_hash else None
        is_right = row[0] == RefKey(endpoint, repo_id, revision, scope).key and facts_key == expected
        if not (is_right and is_whole(row) and row[9] == hash64_of(row[12])):
            return f"the ref {repo_id}@{revision} does not match its digest"
    return None if all(map(is_whole, rows.decisions)) else "a decision does not match its digest"
