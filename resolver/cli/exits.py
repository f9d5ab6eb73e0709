"""Defines the exit codes of the command."""

from __future__ import annotations

ALL_ANSWERED = 0
ERROR_ROWS = 1
"""At least one repo was not resolved or loaded."""
DIFFERENT = 1
"""`diff` found a difference."""
WRONG_USAGE = 2
"""Wrong options, settings or store."""
NOTHING_FOUND = 3
"""There is no such repo in the listing, or no row has the values that were asked for."""
INTERRUPTED = 130
