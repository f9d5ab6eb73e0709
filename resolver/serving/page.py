"""`LivePage`: makes the page about what the store knows, and keeps it for a moment."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from typing import Any, NamedTuple

from registry.decision import Evidence
from resolver.report.assets import DEFAULT_TITLE, load_parts
from resolver.report.findings import MARKS, find
from resolver.report.page import build_policy, escape, render_page
from resolver.resolution import Resolution
from resolver.resolver import Resolver
from resolver.serving.limits import ServeLimits
from resolver.serving.responses import build_row


class MadePage(NamedTuple):
    """A page, the opaque part of its ETag, its Content-Security-Policy, and when it was made (monotonic seconds)."""

    body: bytes
    tag: str
    policy: str
    made_at_s: float


class LivePage:
    """Pages of all known repos and of single authors; one is made at a time. Only public answers are on it."""

    def __init__(self, resolver: Resolver, endpoint: str, limits: ServeLimits) -> None:
        """`endpoint` is shown, without secrets."""
        self._resolver = resolver
        self._endpoint = endpoint
        self._limits = limits
        self._made: OrderedDict[str | None, MadePage] = OrderedDict()
        self._making = asyncio.Lock()

    async def get(self, author: str | None) -> MadePage:
        """The page, made `page_ttl_s` ago at most.

        Raises:
            StoreError: the store cannot be read.
        """
        async with self._making:
            made = self._made.get(author)
            if made is None or time.monotonic() - made.made_at_s >= self._limits.page_ttl_s:
                made = self._made[author] = await self._make(author)
                if len(self._made) > self._limits.max_pages:
                    self._made.popitem(last=False)
            self._made.move_to_end(author)
            return made

    async def _make(self, author: str | None) -> MadePage:
        rows: list[Mapping[str, Any]] = []
        evidence: dict[int, Sequence[Evidence]] = {}
        has_more = False
        async with aclosing(self._resolver.list_known(author)) as answers:
            async for answer in answers:
                if len(rows) == self._limits.max_page_rows:
                    has_more = True
                    break
                row = build_row(answer, has_own_token=False)
                if isinstance(answer, Resolution) and any(row.get(key) for key in MARKS):
                    evidence[len(rows)] = answer.evidence
                rows.append(row)
        # Some 10,000 rows take a while: other requests are answered meanwhile.
        return await asyncio.to_thread(self._render, rows, evidence, author, has_more=has_more)

    def _render(
        self,
        rows: Sequence[Mapping[str, Any]],
        evidence: Mapping[int, Sequence[Evidence]],
        author: str | None,
        *,
        has_more: bool,
    ) -> MadePage:
        made_at_s, now_s = time.monotonic(), time.time()
        source = f"{self._endpoint}{f', of {author}' if author else ''}"
        if has_more:
            source += f", the first that were stored; there are more than {len(rows):,}: choose an author"
        parts = load_parts(DEFAULT_TITLE, source, now_s, _render_form(author))
        body = render_page(rows, find(rows, now_s), parts, evidence).encode()
        return MadePage(body, hashlib.blake2b(body, digest_size=16).hexdigest(), build_policy(parts), made_at_s)


def _render_form(author: str | None) -> str:
    """The form that asks for the repos of one author."""
    value = escape(author or "")
    return (
        '<form id="author-form" method="get" action="/"><label>Author '
        f'<input name="author" value="{value}" autocomplete="off" spellcheck="false"></label> '
        "<button>Show</button></form>\n"
    )
