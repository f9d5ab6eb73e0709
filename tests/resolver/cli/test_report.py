"""`hubresolve report`: the counts, the escaping and the parts of the page, read with an HTML parser."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from registry.decision import Evidence
from resolver.answer import build_failure
from resolver.errors import GatedRepoError
from resolver.local_hub import Catalog, LocalHub
from resolver.report.findings import AGES, MAX_LISTED, find, name_age
from resolver.report.page import MAX_BARS, PageParts, escape, render_page
from resolver.report.table_data import encode_table
from resolver.row import ROW_KEYS, format_time
from tests.resolver.cli.test_command import run_in_thread
from tests.resolver.support import answers, run, settings_for
from tests.resolver.test_rows import BASE, FAILED, FULL, HOSTILE, LOCAL

NOW_S = 1_800_003_600.0
VOID = {"meta", "input", "link", "br", "img", "rect"}
PARTS = PageParts(
    title=HOSTILE, source=HOSTILE, made_at_s=NOW_S, version="1", style="p { color: red }", script="let x = 1 < 2;"
)
HOSTILE_ROWS = [
    {**BASE.to_dict(), "repo_id": "<script>alert(1)</script>", "library": "</script><img src=x onerror=alert(1)>"},
    {**FULL.to_dict(), "architecture": '"><svg onload=alert(1)>', "task": "\u202egnp.exe"},
    build_failure("</table>", "'\"", GatedRepoError("<!-- <b>")).to_dict(),
    LOCAL.to_dict(),
    FAILED.to_dict(),
]


class Reader(HTMLParser):
    """Reads a page: its elements with their attributes and texts, and that every element is closed in its place."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None], list[str]]] = []
        self._open: list[int] = []
        self.feed(page)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs), []))
        if tag not in VOID:
            self._open.append(len(self.elements) - 1)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs), []))

    def handle_endtag(self, tag: str) -> None:
        assert self.elements[self._open.pop()][0] == tag

    def handle_data(self, data: str) -> None:
        for place in self._open:
            self.elements[place][2].append(data)

    def texts(self, tag: str, **attributes: str) -> list[str]:
        """The whole text of each element of this kind with these attributes."""
        wanted = {name.replace("_", "-"): value for name, value in attributes.items()}
        return [
            "".join(texts) for name, found, texts in self.elements if name == tag and wanted.items() <= found.items()
        ]

    def data(self) -> dict[str, Any]:
        """What the table of the page reads."""
        (text,) = self.texts("script", id="data")
        found: dict[str, Any] = json.loads(text)
        return found


def page_of(rows: list[Any], parts: PageParts = PARTS) -> str:
    return render_page(rows, find(rows, NOW_S), parts)


def read_column(data: dict[str, Any], key: str) -> list[str]:
    column = data["columns"][data["keys"].index(key)]
    return column.get("texts") or [column["values"][place] for place in column["rows"]]


@pytest.mark.pure
def test_what_repos_say_is_text_and_never_an_element_or_an_attribute() -> None:
    harmless = page_of([{**row, **dict.fromkeys(("library", "task"), "x")} for row in (BASE.to_dict(), FULL.to_dict())])
    page = page_of(HOSTILE_ROWS)
    reader = Reader(page)
    assert {name for name, _, _ in reader.elements} <= {name for name, _, _ in Reader(harmless).elements} | {"code"}
    assert not {name for _, found, _ in reader.elements for name in found if name.startswith("on") or name == "src"}
    assert page.count("</script") == 2 and page.count("<script") == 2 and "<!--" not in page
    assert "\x1b" not in page and "\u202e" not in page
    data = reader.data()
    assert read_column(data, "repo_id") == [row["repo_id"] for row in HOSTILE_ROWS]
    assert read_column(data, "library")[0] == HOSTILE_ROWS[0]["library"]
    assert read_column(data, "task")[1] == "\\u202egnp.exe"
    assert "</table>" in reader.texts("td") and "<!-- <b>" in reader.texts("td")
    assert HOSTILE.replace("\x1b", "\\x1b") in reader.texts("h1")[0]


@pytest.mark.pure
def test_the_page_allows_its_own_script_and_style_only_and_refers_to_nothing_else() -> None:
    reader = Reader(page_of(HOSTILE_ROWS))
    (policy,) = [found["content"] or "" for _, found, _ in reader.elements if found.get("http-equiv")]
    for kind, text in (("script", PARTS.script), ("style", PARTS.style)):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy
        assert text in reader.texts(kind)
    assert policy.startswith("default-src 'none'; ") and "unsafe" not in policy
    links = [found[name] for _, found, _ in reader.elements for name in ("href", "src", "action") if name in found]
    assert links == ["#table"]
    assert not [found for _, found, _ in reader.elements if "style" in found]


@pytest.mark.pure
def test_values_are_counted_with_a_bar_each_and_rare_ones_together() -> None:
    rows = [{**BASE.to_dict(), "architecture": f"Model{number % (MAX_BARS + 3)}"} for number in range(100)]
    findings = find([*rows, *HOSTILE_ROWS], NOW_S)
    assert (findings.total, findings.failed, findings.errors) == (105, 2, {"gated": 1, "repo_not_found": 1})
    assert findings.counts["library"] == {"transformers": 100, HOSTILE_ROWS[0]["library"]: 1, "": 2}
    assert findings.marks == {"conflict": 1, "undecided": 1, "requires_remote_code": 1}
    reader = Reader(page_of(rows))
    assert reader.texts("caption") == [
        *("By library", "By task", "By framework", "By architecture", "By age of the last check")
    ]
    assert "3 others" in reader.texts("th", scope="row")
    bars = [found for name, found, _ in reader.elements if name == "svg"]
    assert len(bars) == 3 + MAX_BARS + 1 + 1 and all(found["aria-hidden"] == "true" for found in bars)
    assert len(reader.texts("button", data_key="architecture")) == MAX_BARS
    assert reader.texts("dd") == ["100", "0", "0", "0", "0"]


@pytest.mark.pure
@pytest.mark.parametrize(
    ("age_s", "expected"), [(-60, 0), (0, 0), (3_600, 0), (3_601, 1), (86_401, 2), (30 * 86_400, 3), (40e6, 5)]
)
def test_ages(age_s: float, expected: int) -> None:
    assert name_age(format_time(NOW_S - age_s), NOW_S) == AGES[expected]


@pytest.mark.pure
@pytest.mark.parametrize("text", [None, "yesterday", ""])
def test_a_time_that_cannot_be_read_is_no_check(text: str | None) -> None:
    assert name_age(text, NOW_S) == "never checked"


@pytest.mark.pure
def test_failures_conflicts_and_undecided_rows_are_listed_to_a_limit() -> None:
    rows = [{**row, "repo_id": f"acme/r{number}"} for number, row in enumerate(HOSTILE_ROWS * MAX_LISTED)]
    reader = Reader(page_of(rows))
    intro = [text for text in reader.texts("p") if "The first 200 are listed" in text]
    assert len(intro) == 1 and "400 repos were not resolved: gated 200, repo_not_found 200." in intro[0]
    assert len([text for text in reader.texts("td") if text == "gated"]) == MAX_LISTED // 2
    assert any("holds no evidence" in text for text in reader.texts("p"))
    assert f"one; two {escape_shown(HOSTILE)}" in reader.texts("td")
    assert reader.texts("section", id="undecided") and len(read_column(reader.data(), "repo_id")) == 1_000


def escape_shown(text: str) -> str:
    return text.replace("\x1b", "\\x1b")


@pytest.mark.pure
def test_a_column_with_few_texts_holds_each_once_and_keys_that_no_row_has_are_left_out() -> None:
    rows = [{"repo_id": f"acme/r{number}", "task": "fill-mask"} for number in range(10)]
    data = json.loads(encode_table(rows, {}))
    assert data == {
        "keys": ["repo_id", "task"],
        "count": 10,
        "columns": [
            {"texts": [row["repo_id"] for row in rows]},
            {"values": ["fill-mask"], "rows": [0] * 10},
        ],
        "evidence": {},
    }
    reader = Reader(page_of(rows))
    assert reader.texts("caption") == ["By task"] and not reader.texts("section", id="failures")
    full = json.loads(encode_table([FULL.to_dict()], {}))
    assert full["keys"] == list(ROW_KEYS)
    assert read_column(full, "candidates") == ["fill-mask=AutoModelForMaskedLM; other="]


@pytest.mark.pure
def test_evidence_is_listed_with_conflicts_and_escaped() -> None:
    rows = [BASE.to_dict(), FULL.to_dict()]
    evidence = {1: (Evidence(rule="tag", saw=HOSTILE, said="</script>"),)}
    reader = Reader(render_page(rows, find(rows, NOW_S), PARTS, evidence))
    assert "evidence" in reader.texts("th", scope="col")
    assert f"tag: saw {escape_shown(HOSTILE)}; concluded </script>" in reader.texts("td")
    assert reader.data()["evidence"] == {"1": [["tag", escape_shown(HOSTILE), "</script>"]]}
    assert not any("holds no evidence" in text for text in reader.texts("p"))


@pytest.mark.pure
def test_a_text_is_escaped_with_what_is_invisible() -> None:
    assert escape("<a href='x'>&\u200b\x00") == "&lt;a href=&#x27;x&#x27;&gt;&amp;\\u200b\\x00"


async def test_the_page_of_a_store_has_evidence(catalog: Catalog, hub: LocalHub, store: Path, tmp_path: Path) -> None:
    catalog.change("acme/bert", pipeline_tag="text-to-image")
    await answers(settings_for(hub, store), ["acme/bert", "acme/sd", "single"])
    place = ("--store", store, "--endpoint", hub.endpoint)
    done = await run_in_thread("report", *place, "--author", "acme")
    reader = Reader(done.stdout)
    assert done.returncode == 0 and f"of the store store.sqlite3, from {hub.endpoint};" in reader.texts("p")[0]
    data = reader.data()
    assert set(read_column(data, "repo_id")) == {"acme/bert", "acme/sd"}
    ((number, steps),) = data["evidence"].items()
    assert read_column(data, "repo_id")[int(number)] == "acme/bert"
    assert any("text-to-image" in saw for _, saw, _ in steps)
    assert (await run_in_thread("report", *place, "--author", "nobody")).returncode == 3
    assert (await run_in_thread("report", "answers.csv", "--author", "acme")).returncode == 2
    missing = await run_in_thread("report", "--store", tmp_path / "none.sqlite3")
    assert missing.returncode == 2 and not (tmp_path / "none.sqlite3").exists()


async def test_the_page_of_a_run(hub: LocalHub, store: Path, tmp_path: Path) -> None:
    written, page = tmp_path / "answers.csv", tmp_path / "report.html"
    await run_in_thread(
        *("resolve", "acme/bert", "acme/sd", "acme/none", "--format", "csv", "--output", written, "--quiet"),
        *("--endpoint", hub.endpoint, "--store", store),
    )
    done = run("report", written, "-o", page, "--title", "Ours & yours")
    assert (done.returncode, done.stdout) == (0, "") and "3 rows" in done.stderr
    reader = Reader(page.read_text("utf-8"))
    assert reader.texts("title") == ["Ours & yours"] == reader.texts("h1")
    assert read_column(reader.data(), "repo_id") == ["acme/bert", "acme/sd", "acme/none"]
    assert re.search("3 rows of answers.csv; made 2", reader.texts("p")[0])
    piped = run("report", "-", "--title", "Ours & yours", stdin=written.read_text())
    assert piped.returncode == 0 and "of standard input" in piped.stdout


@pytest.mark.parametrize(
    ("content", "arguments", "code", "message"),
    [
        ("acme/bert\n", (), 2, "has no rows"),
        ("repo_id,task\n", (), 3, "no rows in answers"),
        ('{"repo_id": "a/b"}\n', ("-o", "{tmp}/none/report.html"), 2, "No such file"),
        (None, (), 2, "there is no such file"),
    ],
    ids=["ids", "no rows", "a missing folder", "no file"],
)
def test_what_cannot_be_reported_is_explained(
    tmp_path: Path, content: str | None, arguments: tuple[str, ...], code: int, message: str
) -> None:
    written = tmp_path / "answers"
    if content is not None:
        written.write_text(content)
    done = run("report", written, *(part.format(tmp=tmp_path) for part in arguments))
    assert (done.returncode, done.stdout) == (code, "") and message in " ".join(done.stderr.split())
