"""Parses JSON as browsers, Python and the Hub's own tools accept it. Pure."""

from __future__ import annotations

import json
import math
from typing import Any

import msgspec

from registry.nesting import is_deeper_than

MAX_DEPTH = 200
"""Deepest nesting of a JSON file that is read; real ones stay below 20."""


class UnusableJsonError(ValueError):
    """The bytes are not usable JSON; the message says why in a few words."""


def parse_json(body: bytes) -> Any:
    """The value of JSON text. A BOM is skipped, NaN and infinities become null, of duplicate keys the last counts.

    Raises:
        UnusableJsonError: the text is not JSON, or is nested too deep to be safe.
    """
    if body.startswith(b"\xef\xbb\xbf"):
        body = body[3:]
    try:
        value = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        value = _parse_leniently(body)
    # Only text with many brackets can nest deep; most files skip the walk.
    if body.count(b"[") + body.count(b"{") > MAX_DEPTH and is_deeper_than(value, MAX_DEPTH):
        raise UnusableJsonError(f"nested deeper than {MAX_DEPTH} levels")
    return value


def _parse_leniently(body: bytes) -> Any:
    try:
        value = json.loads(body, parse_constant=lambda _name: None, parse_float=_parse_finite_float)
        # A lone surrogate can neither be stored nor written out again.
        json.dumps(value, ensure_ascii=False).encode()
    except RecursionError:
        raise UnusableJsonError(f"nested deeper than {MAX_DEPTH} levels") from None
    except UnicodeEncodeError:
        raise UnusableJsonError("not JSON: half a character in a string") from None
    except UnicodeDecodeError:
        raise UnusableJsonError("not UTF-8 text") from None
    except ValueError as error:
        raise UnusableJsonError(f"not JSON: {error}") from None
    return value


def _parse_finite_float(text: str) -> float | None:
    number = float(text)
    return number if math.isfinite(number) else None
