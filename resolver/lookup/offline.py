"""An offline miss in words: what would answer it. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from resolver.render import age
from resolver.repo_id import RepoRevision
from store.sql.known_refs import KnownRef

MOST_NAMED = 3


def other_ids(wanted: RepoRevision, known: Sequence[KnownRef], endpoint: str) -> list[str]:
    """The other names that the repo asked for has or had at this endpoint."""
    names = (name for ref in known if ref.endpoint == endpoint for name in (ref.repo_id, ref.canonical_id))
    return [name for name in dict.fromkeys(names) if name != wanted.repo_id]


def offline_miss(wanted: RepoRevision, known: Sequence[KnownRef], endpoint: str, now_s: float) -> str:
    """Why there is no answer, and what to do: ask for what is known, at the endpoint it is known at, or bring it here.

    `known` are refs of the repo, latest first; `now_s` is in seconds since 1970, UTC.
    """
    here = [ref for ref in known if ref.endpoint == endpoint]
    elsewhere = list(dict.fromkeys(ref.endpoint for ref in known if ref.endpoint != endpoint))
    ways = []
    if here:
        named = [f"{ref.repo_id}@{ref.revision} (seen {age(ref.checked_at_s, now_s)})" for ref in here[:MOST_NAMED]]
        ways.append(f"ask for what the store knows, {' or '.join(named)}")
    elif elsewhere:
        ways.append(f"name the endpoint that the store knows it from, {' or '.join(elsewhere[:MOST_NAMED])}")
    ways += ["resolve it once online", "import a bundle that knows it"]
    asked = f"{wanted.repo_id}@{wanted.revision}"
    return (
        f"{asked} is neither in the store nor in the local Hugging Face cache, and the Hub may not be asked while "
        f"offline: {', '.join(ways[:-1])}, or {ways[-1]}"
    )
