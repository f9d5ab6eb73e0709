"""Values to the bytes kept in the store, and back. Pure, but for reading its dictionaries once.

A body is the value's JSON, deflated with a dictionary of texts such bodies are made of (`dictionaries/`, written by
`tools/make_dictionaries.py`): most are a few hundred bytes of very similar text, which plain deflate hardly shortens.
Fields that have their default value are left out. Changing a dictionary makes every body stored with it unreadable;
`tables.SCHEMA_VERSION` rises with it.
"""

from __future__ import annotations

import functools
import zlib
from pathlib import Path
from typing import Any, TypeVar, cast

import msgspec

from registry.decision import Decision
from registry.facts import CommitFacts, HubHints
from store.keys import hash64_of

T = TypeVar("T", CommitFacts, HubHints, Decision)

DICTIONARIES = Path(__file__).with_name("dictionaries")

_NAMES: dict[type, str] = {CommitFacts: "commit_facts", HubHints: "hub_hints", Decision: "decision"}
_encoder = msgspec.json.Encoder()
_decoders: dict[type, msgspec.json.Decoder[Any]] = {kind: msgspec.json.Decoder(kind) for kind in _NAMES}

_LEVEL = 4
# A window of 4 KiB holds a dictionary and a short text, and takes less time to set up than the largest.
_SHORT_TEXT_BYTES = 4_096
_SHORT_WINDOW_BITS, _SHORT_MEMORY_LEVEL = -12, 5
_WINDOW_BITS, _MEMORY_LEVEL = -15, 8
_LONGEST_SHARED_BYTES = 2_048


class UnreadableBodyError(ValueError):
    """The bytes of a row are not what this codec writes."""


@functools.cache
def _dictionary(kind: type) -> bytes:
    return (DICTIONARIES / f"{_NAMES[kind]}.txt").read_bytes()


def text_of(value: CommitFacts | HubHints | Decision) -> bytes:
    """`value` as JSON, without what has its default value."""
    return _encoder.encode(value)


def deflate(text: bytes, dictionary: bytes) -> bytes:
    """`text` as raw deflate data."""
    is_short = len(text) <= _SHORT_TEXT_BYTES
    window_bits = _SHORT_WINDOW_BITS if is_short else _WINDOW_BITS
    memory_level = _SHORT_MEMORY_LEVEL if is_short else _MEMORY_LEVEL
    stream = zlib.compressobj(_LEVEL, zlib.DEFLATED, window_bits, memory_level, zdict=dictionary)
    return stream.compress(text) + stream.flush()


@functools.lru_cache(maxsize=4_096)
def _deflate_shared(kind: type, text: bytes) -> bytes:
    """As `deflate`; repos alike have the very same bodies, which are then deflated once."""
    return deflate(text, _dictionary(kind))


def encode(value: CommitFacts | HubHints | Decision) -> bytes:
    """The body of `value`: the same value gives the same bytes."""
    text, kind = _encoder.encode(value), type(value)
    if len(text) <= _LONGEST_SHARED_BYTES:
        return _deflate_shared(kind, text)
    return deflate(text, _dictionary(kind))


def decode(kind: type[T], body: bytes) -> T:
    """The value that `body` was made from.

    Raises:
        UnreadableBodyError: `body` was damaged, or written for another kind of value.
    """
    try:
        inflate = zlib.decompressobj(_WINDOW_BITS, zdict=_dictionary(kind))
        text = inflate.decompress(body)
        if not inflate.eof:
            raise UnreadableBodyError("the row is cut short")
        return cast(T, _decoders[kind].decode(text))
    except (zlib.error, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UnreadableBodyError(f"the row does not hold a {kind.__name__}: {error}") from error


def hints_id(body: bytes) -> int:
    """The number that decisions name hints by, from their body."""
    return hash64_of(body)


@functools.lru_cache(maxsize=8_192)
def decode_decision(body: bytes) -> Decision:
    """As `decode`; repos alike have the very same decision, which is then decoded once and shared."""
    return decode(Decision, body)
