"""Parses durations such as "90", "15m", "12h", "30d" and "2w", and moments: ISO dates and times, or durations ago."""

from __future__ import annotations

import math
import re
import time
from datetime import UTC, datetime

import click

_UNITS_S = {"": 1, "s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 7 * 86_400}
_DURATION = re.compile(r"(\d{1,12}(?:\.\d{1,9})?)([smhdw]?)")


class Duration(click.ParamType):  # type: ignore[type-arg] # generic in click 8.5 only
    """The value of an option, in seconds."""

    name = "duration"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The seconds of a text; a number stays as it is."""
        if isinstance(value, (int, float)):
            return float(value)
        match = _DURATION.fullmatch(str(value).strip())
        if match is None:
            self.fail(f"{value!r} is not a duration such as 3600, 15m, 12h, 30d or 2w", param, ctx)
        return float(match[1]) * _UNITS_S[match[2]]


LAST = "last"
"""The moment of the last complete run, as `--since` takes it."""


class Moment(click.ParamType):  # type: ignore[type-arg] # generic in click 8.5 only
    """The value of an option, in seconds since 1970, UTC. A time without a zone is in UTC.

    With `takes_last`, the word "last" is a moment too: infinity.
    """

    name = "moment"

    def __init__(self, *, takes_last: bool = False) -> None:
        self._takes_last = takes_last

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The seconds of a text; a number stays as it is."""
        if isinstance(value, (int, float)):
            return float(value)
        text = str(value).strip()
        if self._takes_last and text == LAST:
            return math.inf
        if (match := _DURATION.fullmatch(text)) is not None and match[2]:
            return max(0.0, time.time() - float(match[1]) * _UNITS_S[match[2]])
        try:
            moment = datetime.fromisoformat(text)
            moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
            return max(0.0, moment.timestamp())
        except (ValueError, OverflowError):
            problem = f"{value!r} is neither a date such as 2026-01-31 or 2026-01-31T12:00Z nor a time ago such as 1d"
            self.fail(f"{problem}, nor {LAST}" if self._takes_last else problem, param, ctx)


DURATION = Duration()
MOMENT, MOMENT_OR_LAST = Moment(), Moment(takes_last=True)
