"""Writes and reads bundle files: the rows of a store in one file.

    magic line | header block | blocks of rows ... | SHA-256 of everything before

A block is its length in four bytes, then MessagePack, compressed by zlib. The rows are those of `rows`, each with its
digest; facts come before the refs to them. Blocking: call it in a thread. `exporting` selects the rows, and `importing`
stores them.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import stat
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

import msgspec

from registry.releases.update import RegistryUpdate, ReleaseError
from store.checks import find_decision_problem, find_facts_problem, find_ref_problem
from store.errors import BundleError
from store.keys import PUBLIC
from store.rows import DecisionRow, FactsRow, RefRow, Rows
from store.tables import ROWS_SCHEMA, ROWS_SCHEMA_WITHOUT_SIZE

MAGIC = b"hubresolve bundle 1\n"
"""The first line of a bundle, with the version of the file format."""

ROWS_PER_BLOCK = 1_000
"""Rows of each table in one block, at most."""

_FULL_BLOCK_BYTES = 4 * 2**20
"""A block is written once its bodies are so long, even where it has few rows."""

_MAX_BLOCK_BYTES = 32 * 2**20
"""The size of the longest block that is read, decompressed; it bounds the memory that a malformed file can take."""

_MAX_TIME_S = 2**40
"""The latest time, in seconds since 1970, that is believed: some 35,000 years."""

_DIGEST_BYTES = hashlib.sha256().digest_size
"""The size of the digest at the end of the file."""

_READ_SIZE_BYTES = 1024 * 1024
"""The digest of the file is computed in pieces of this size."""


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """The first block of a bundle. `schema` is the version of the rows' schema; `made_at_s` is in seconds since 1970,
    UTC; `updates` are the registry updates of the store, by which its decisions were made.
    """

    schema: int
    made_at_s: int
    with_private: bool
    updates: tuple[RegistryUpdate, ...] = ()


class Block(msgspec.Struct, frozen=True, array_like=True):
    """A block of rows, at most `ROWS_PER_BLOCK` of each table."""

    facts: list[FactsRow]
    refs: list[RefRow]
    decisions: list[DecisionRow]


_encoder = msgspec.msgpack.Encoder()
_header_decoder = msgspec.msgpack.Decoder(Header)
_block_decoder = msgspec.msgpack.Decoder(Block)
_earlier_block_decoder = msgspec.msgpack.Decoder(tuple[list[Any], list[list[Any]], list[Any]])


class BundleWriter:
    """Writes a bundle to a temporary file and renames it to `path` when complete: `path` never holds half a bundle."""

    def __init__(self, path: Path, header: Header) -> None:
        """A writer that has written the header.

        Raises:
            OSError: the file cannot be created.
        """
        self._path = path
        self._temporary_path = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        self._file: BinaryIO = self._temporary_path.open("xb")
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
                self._temporary_path.replace(self._path)
            with suppress(FileNotFoundError):
                self._temporary_path.unlink()

    def write(self, rows: Rows) -> None:
        """Append `rows`, in a block or more."""
        part, size_bytes = Rows(), 0
        for facts in rows.facts:
            part.facts.append(facts)
            size_bytes += len(facts.body)
            if size_bytes >= _FULL_BLOCK_BYTES:
                self._write_rows(part)
                part, size_bytes = Rows(), 0
        self._write_rows(Rows(facts=part.facts, refs=rows.refs, decisions=rows.decisions))

    def _write_rows(self, rows: Rows) -> None:
        self._write_block(_encoder.encode(Block(rows.facts, rows.refs, rows.decisions)))

    def _write_block(self, content: bytes) -> None:
        block = zlib.compress(content)
        self._write(len(block).to_bytes(4, "big"))
        self._write(block)

    def _write(self, data: bytes) -> None:
        self._digest.update(data)
        self._file.write(data)


def read_header(path: Path) -> Header:
    """The header of the bundle at `path`, after checking the digest of the whole file.

    Raises:
        BundleError: the file is not a bundle, is damaged, or has another schema.
        OSError: the file cannot be read.
    """
    with _open_bundle(path) as file:
        _check_digest(file, path)
        file.seek(len(MAGIC))
        try:
            header = _header_decoder.decode(_read_block(file))
        except (zlib.error, msgspec.DecodeError, UnicodeDecodeError, RecursionError, EOFError) as error:
            raise BundleError(f"{path} was exported by an incompatible version of hubresolve: {error}") from error
    if header.schema not in (ROWS_SCHEMA, ROWS_SCHEMA_WITHOUT_SIZE):
        raise BundleError(
            f"{path} has store schema {header.schema}, but this version of hubresolve needs schema {ROWS_SCHEMA}: "
            f"export the bundle again with a version of hubresolve that has schema {ROWS_SCHEMA}"
        )
    if not 0 <= header.made_at_s <= _MAX_TIME_S:
        raise BundleError(f"{path} is damaged: it was exported at an impossible time; nothing was imported")
    for update in header.updates:
        try:
            update.decode()
        except ReleaseError as error:
            raise BundleError(f"{path} is damaged: {error}; nothing was imported") from error
    return header


def read_rows(path: Path) -> Iterator[Rows]:
    """All rows of the bundle at `path`, block by block, after checking each of them.

    Raises:
        BundleError: a block cannot be read; a row is damaged, is about facts that are not in the bundle, or is not for
            everybody in a bundle without private rows.
        OSError: the file cannot be read.
    """
    facts_keys = set[int]()
    with _open_bundle(path) as file:
        end = file.seek(0, os.SEEK_END) - _DIGEST_BYTES
        file.seek(len(MAGIC))
        try:
            header = _header_decoder.decode(_read_block(file))
            while file.tell() < end:
                block = _decode_block(_read_block(file), header.schema)
                rows = Rows(block.facts, block.refs, block.decisions)
                if (problem := _find_problem(rows, header, facts_keys)) is not None:
                    raise BundleError(f"{path} is damaged: {problem}; nothing was imported")
                yield rows
        except (zlib.error, msgspec.DecodeError, UnicodeDecodeError, RecursionError, EOFError) as error:
            raise BundleError(f"{path} is damaged: {error}; nothing was imported") from error


def _open_bundle(path: Path) -> BinaryIO:
    if path.is_dir():
        raise BundleError(f"{path} is a folder, not a bundle")
    # A pipe would be waited for, and a device may never end.
    if not stat.S_ISREG(path.stat().st_mode):
        raise BundleError(f"{path} is a pipe, a device or a socket, not a bundle")
    return path.open("rb")


def _check_digest(file: BinaryIO, path: Path) -> None:
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    if file.read(len(MAGIC)) != MAGIC:
        raise BundleError(f"{path} is not a bundle; `hubresolve store export` writes one")
    file.seek(0)
    digest, left_bytes = hashlib.sha256(), size - _DIGEST_BYTES
    while left_bytes > 0 and (chunk := file.read(min(left_bytes, _READ_SIZE_BYTES))):
        digest.update(chunk)
        left_bytes -= len(chunk)
    if left_bytes or file.read(_DIGEST_BYTES) != digest.digest():
        raise BundleError(f"{path} is damaged: its content does not match its digest; nothing was imported")


def _read_block(file: BinaryIO) -> bytes:
    """The next block, decompressed. Its length is compared with the limit before anything is allocated for it."""
    head = file.read(4)
    length = int.from_bytes(head, "big")
    if length > _MAX_BLOCK_BYTES:
        raise EOFError("a block is too long")
    block = file.read(length)
    if len(head) < 4 or len(block) < length:
        raise EOFError("the file is truncated")
    inflate = zlib.decompressobj()
    content = inflate.decompress(block, _MAX_BLOCK_BYTES)
    if not inflate.eof:
        raise EOFError("a block is truncated or too long")
    return content


def _decode_block(content: bytes, schema: int) -> Block:
    if schema == ROWS_SCHEMA:
        return _block_decoder.decode(content)
    facts, refs, decisions = _earlier_block_decoder.decode(content)
    return msgspec.convert((facts, [(*ref[:-1], None, None, *ref[-1:]) for ref in refs], decisions), Block)


def _find_problem(rows: Rows, header: Header, facts_keys: set[int]) -> str | None:
    """The first row that cannot be used, in words; None where all can. Adds the keys of the facts to `facts_keys`.

    Facts come before what refers to them. A row about other facts would change what the store says about a repo that
    the bundle does not have.
    """
    for facts in rows.facts:
        if (problem := find_facts_problem(facts)) is not None:
            return f"a row of facts {problem}"
        facts_keys.add(facts.key)
    for ref in rows.refs:
        if (problem := find_ref_problem(ref)) is not None:
            return f"a ref {problem}"
        if ref.facts_key is None or ref.facts_key not in facts_keys:
            return "a ref is about facts that are not in the bundle"
    for decision in rows.decisions:
        if (problem := find_decision_problem(decision)) is not None:
            return f"a decision {problem}"
        if decision.facts_key not in facts_keys:
            return "a decision is about facts that are not in the bundle"
    scopes = {row.scope for row in rows.facts} | {row.scope for row in rows.refs}
    if not header.with_private and scopes - {PUBLIC}:
        return "it has rows for certain tokens only, and says that it has none"
    return None
