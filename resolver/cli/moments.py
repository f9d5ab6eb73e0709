"""Parses moments: "2026-01-31", "2026-01-31T12:00", or a duration back from now such as "1d"."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import click

from resolver.cli.durations import DURATION


class Moment(click.ParamType):  # type: ignore[type-arg] # generic in click 8.5 only
    """The value of an option, in seconds since 1970, UTC."""

    name = "moment"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The seconds of a text; a number stays as it is. Dates and times without an offset are in UTC."""
        if isinstance(value, (int, float)):
            return float(value)
        text = str(value).strip()
        try:
            time_ = datetime.fromisoformat(text)
            return (time_ if time_.tzinfo is not None else time_.replace(tzinfo=UTC)).timestamp()
        except (ValueError, OverflowError):
            pass
        try:
            back_s = DURATION.convert(text, param, ctx)
        except click.BadParameter:
            self.fail(
                f"{text!r} is not a date or time such as 2026-01-31, nor a duration back from now (1d)", param, ctx
            )
        return time.time() - back_s


MOMENT = Moment()
