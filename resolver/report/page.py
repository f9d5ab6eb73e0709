"""Renders a report as one page of HTML that needs no network. Pure.

Every value of a row is escaped. The page forbids itself, by a Content-Security-Policy, every script, style and request
but its own script and style, so that even a value that were not escaped could not run.
"""

from __future__ import annotations

import base64
import hashlib
import html
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from resolver.render import make_printable
from resolver.report.findings import AGES, COUNTED_KEYS, MARKS, MAX_LISTED, Findings
from resolver.report.table_data import EvidenceByPlace, encode_table
from resolver.row import format_time

MAX_BARS = 12
"""Values of one picture; rarer ones are one more bar."""

BAR_WIDTH = 200
_BAR_HEIGHT = 12

_HEADINGS = {key: f"By {key}" for key in COUNTED_KEYS}
_NO_VALUE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class PageParts:
    """What a page is made of beside its rows. `style` and `script` are our own CSS and JavaScript; `made_at_s` is in
    seconds since 1970, UTC. `form` is HTML of ours that asks the server for other rows; empty for a page without one.
    """

    title: str
    source: str
    made_at_s: float
    version: str
    style: str
    script: str
    form: str = ""


def render_page(
    rows: Sequence[Mapping[str, Any]],
    findings: Findings,
    parts: PageParts,
    evidence: EvidenceByPlace | None = None,
) -> str:
    """The page. `evidence` None: the source of the rows has none, and the page says so."""
    title = escape(parts.title)
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{html.escape(build_policy(parts))}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="generator" content="hubresolve {escape(parts.version)}">
<title>{title}</title>
<style>{parts.style}</style>
</head>
<body>
<a class="skip" href="#table">Go to the table</a>
<header>
<h1>{title}</h1>
<p>{findings.total:,} rows of {escape(parts.source)}; made {format_time(parts.made_at_s)} by hubresolve \
{escape(parts.version)}.</p>
{parts.form}{_render_totals(findings)}
</header>
<main>
<section aria-labelledby="pictures-heading">
<h2 id="pictures-heading">Counts</h2>
<div class="pictures">
{"".join(_render_pictures(findings))}</div>
</section>
{_render_failures(findings)}{_render_conflicts(rows, findings, evidence)}{_render_reasons(findings)}{_TABLE}
</main>
<script type="application/json" id="data">{encode_table(rows, evidence or {})}</script>
<script>{parts.script}</script>
</body>
</html>
"""


def build_policy(parts: PageParts) -> str:
    """The Content-Security-Policy of the page."""
    return "; ".join(
        (
            "default-src 'none'",
            f"style-src 'sha256-{_hash(parts.style)}'",
            f"script-src 'sha256-{_hash(parts.script)}'",
            "base-uri 'none'",
            "form-action 'self'" if parts.form else "form-action 'none'",
        )
    )


def escape(text: str) -> str:
    """A text as HTML, with characters that are invisible or change the direction of text shown as escapes."""
    return html.escape(make_printable(text))


def _hash(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _render_totals(findings: Findings) -> str:
    totals = [
        ("answered", findings.total - findings.failed),
        ("failed", findings.failed),
        *((name, findings.marks[key]) for key, name in MARKS.items()),
    ]
    items = "".join(f"<div><dt>{name}</dt><dd>{count:,}</dd></div>" for name, count in totals)
    return f'<dl class="totals">{items}</dl>'


def _render_pictures(findings: Findings) -> Iterable[str]:
    for key, counts in findings.counts.items():
        bars: list[tuple[str, int, str | None]] = [
            (value or _NO_VALUE, count, value) for value, count in _order(counts)[:MAX_BARS]
        ]
        if rest := counts.total() - sum(count for _, count, _ in bars):
            bars.append((f"{len(counts) - MAX_BARS:,} others", rest, None))
        yield _render_picture(_HEADINGS[key], key, bars)
    if findings.ages:
        ages = [(name, findings.ages[name], None) for name in AGES if findings.ages[name]]
        yield _render_picture("By age of the last check", "checked_at", ages)


def _order(counts: Counter[str]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def _render_picture(heading: str, key: str, bars: Sequence[tuple[str, int, str | None]]) -> str:
    """A picture: a table of values, each with its count and a bar. A value that can be filtered by is a button."""
    longest = max((count for _, count, _ in bars), default=1)
    rows = "".join(
        f'<tr><th scope="row">{_render_label(label, key, value)}</th><td class="count">{count:,}</td>'
        f"<td>{_render_bar(count / longest)}</td></tr>\n"
        for label, count, value in bars
    )
    return (
        f'<table class="picture"><caption>{heading}</caption>\n'
        '<thead class="unseen"><tr><th scope="col">value</th><th scope="col">repos</th><th scope="col">bar</th></tr>'
        f"</thead>\n<tbody>\n{rows}</tbody></table>\n"
    )


def _render_label(label: str, key: str, value: str | None) -> str:
    if value is None:
        return escape(label)
    # The table compares with what it shows, in which control characters are escaped as well.
    return (
        f'<button type="button" data-key="{escape(key)}" data-value="{escape(value)}" '
        f'title="Show these in the table">{escape(label)}</button>'
    )


def _render_bar(share: float) -> str:
    return (
        f'<svg aria-hidden="true" focusable="false" width="{BAR_WIDTH}" height="{_BAR_HEIGHT}" '
        f'viewBox="0 0 {BAR_WIDTH} {_BAR_HEIGHT}"><rect class="bar" width="{max(share * BAR_WIDTH, 1):.1f}" '
        f'height="{_BAR_HEIGHT}" rx="2"/></svg>'
    )


def _render_failures(findings: Findings) -> str:
    if not findings.failed:
        return ""
    counts = ", ".join(f"{escape(code)} {count:,}" for code, count in _order(findings.errors))
    rows = (
        (row["repo_id"], row.get("revision") or "", row["error"]["code"], row["error"]["message"])
        for row in findings.failures
    )
    intro = f"{findings.failed:,} repos were not resolved: {counts}.{_mention_limit(findings.failed)}"
    return _render_section("failures", "Failures", intro, ("repo", "revision", "error", "message"), rows)


def _render_conflicts(rows: Sequence[Mapping[str, Any]], findings: Findings, evidence: EvidenceByPlace | None) -> str:
    count = findings.marks["conflict"]
    if not count:
        return ""
    intro = (
        f"{count:,} repos have a pipeline tag that names a task which the architecture cannot serve."
        f"{_mention_limit(count)}"
    )
    columns = ["repo", "pipeline tag", "task", "architecture", "notes"]
    if evidence is None:
        intro += (
            " The answers come from a file, which holds no evidence: <code>hubresolve explain ID</code> shows it, and "
            "<code>hubresolve report --store PATH</code> has it."
        )
    else:
        columns.append("evidence")
    cells = []
    for place in findings.conflicts:
        row = rows[place]
        texts = [row["repo_id"], *(row.get(key) or "" for key in ("pipeline_tag", "task", "architecture"))]
        texts.append(" ".join(row.get("notes") or ()))
        if evidence is not None:
            steps = evidence.get(place, ())
            texts.append("\n".join(f"{item.rule}: saw {item.saw}; concluded {item.said}" for item in steps))
        cells.append(texts)
    return _render_section("conflicts", "Conflicts", intro, columns, cells)


def _render_reasons(findings: Findings) -> str:
    if not findings.reasons:
        return ""
    ordered = _order(findings.reasons)
    rows = ((f"{count:,}", reason) for reason, count in ordered[:MAX_LISTED])
    hidden = len(ordered) - MAX_LISTED
    intro = f"{findings.reasons.total():,} repos have no task." + (
        f" The {MAX_LISTED} most frequent of {len(ordered):,} reasons are listed." if hidden > 0 else ""
    )
    return _render_section("undecided", "Undecided", intro, ("repos", "reason"), rows)


def _mention_limit(count: int) -> str:
    return f" The first {MAX_LISTED} are listed; the table has all." if count > MAX_LISTED else ""


def _render_section(name: str, heading: str, intro: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A section with a table. `intro` is HTML; the cells are texts, and are escaped here."""
    heads = "".join(f'<th scope="col">{column}</th>' for column in columns)
    body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>\n" for row in rows)
    return (
        f'<section id="{name}" aria-labelledby="{name}-heading">\n<h2 id="{name}-heading">{heading}</h2>\n'
        f'<p>{intro}</p>\n<div class="wide" tabindex="0" role="region" aria-labelledby="{name}-heading">'
        f'<table class="listed"><thead><tr>{heads}</tr></thead>\n'
        f"<tbody>\n{body}</tbody></table></div>\n</section>\n"
    )


_TABLE = """<section id="table" aria-labelledby="table-heading">
<h2 id="table-heading">All rows</h2>
<noscript><p>The table needs JavaScript, which is in this page; it loads nothing.</p></noscript>
<form id="filters" role="search" hidden>
<label>Search <input id="search" type="search" autocomplete="off" spellcheck="false" \
aria-describedby="search-hint"></label>
<label>Show <select id="only"><option value="">all rows</option><option value="error">failures</option>\
<option value="conflict">conflicts</option><option value="undecided">undecided</option>\
<option value="requires_remote_code">need remote code</option><option value="partial">partial</option>\
<option value="stale">stale</option></select></label>
<span id="chosen"></span>
<button type="button" id="clear">Clear</button>
<output id="shown" for="search only" aria-live="polite"></output>
<p id="search-hint">Every word must be found in a row. A heading sorts. In the table, the arrow keys, Page Up, Page \
Down, Home and End move; Enter shows all values of a row.</p>
</form>
<div id="scroller" tabindex="-1" hidden><table id="rows" role="grid" aria-labelledby="table-heading">
<thead></thead><tbody></tbody></table></div>
<p id="print-note" hidden></p>
<dialog id="details" aria-labelledby="details-heading"><h3 id="details-heading"></h3><dl id="details-values"></dl>
<div id="details-evidence" hidden><h4>Evidence</h4><ol></ol></div>
<form method="dialog"><button>Close</button></form></dialog>
</section>"""
