"""Exit codes of the command."""

from __future__ import annotations

ALL_ANSWERED = 0
ERROR_ROWS = 1
WRONG_USAGE = 2
INTERRUPTED = 130
