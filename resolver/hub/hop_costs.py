"""`HopCosts`: learns from the headers whether the Hub counts the redirected request for a file too. Pure.

Until the headers show that it does not, each redirect counts: a quota that is thought to be lower costs time, one that
is thought to be higher costs refusals.
"""

from __future__ import annotations

from resolver.hub.pacing.quota_headers import Quota


class HopCosts:
    """Whether redirects of one bucket are counted."""

    def __init__(self) -> None:
        self.are_free = False

    def count(self, first: Quota | None, last: Quota | None, redirects: int) -> int:
        """How many of `redirects` count. `first` and `last` are the quotas in the first response and in the last.

        A redirect that counts leaves less than there was before it, whatever other requests take meanwhile. So where
        as much is left of the same window, it was free.
        """
        if not redirects:
            return 0
        if not self.are_free and first is not None and last is not None and first.name == last.name:
            is_same_window = abs(first.reset_after_s - last.reset_after_s) <= 1.0
            self.are_free = is_same_window and first.remaining == last.remaining > 0
        return 0 if self.are_free else redirects
