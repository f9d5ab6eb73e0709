"""Chooses the visibility scopes that are read and written. Pure."""

from __future__ import annotations

from registry.facts import HubHints
from store.keys import ANONYMOUS, PUBLIC, derive_scope


def choose_scope(hints: HubHints, token: str | None) -> str:
    """The scope that facts are stored for: everybody, where the Hub said that the repo is public or answered without a
    token; else this token.
    """
    is_public = hints.private is not True and hints.gated is None
    return PUBLIC if is_public and (hints.private is False or not token) else derive_scope(token)


def list_own_scopes(token: str | None, *, offline: bool) -> tuple[str, ...]:
    """The scopes beside `PUBLIC` that may be read with `token`, the more specific first.

    Offline also what was seen without a token: that is better than nothing for a caller who has one.
    """
    own = derive_scope(token)
    return (own, ANONYMOUS) if offline and own != ANONYMOUS else (own,)
