"""No secret is seen in errors, tracebacks, logs or `repr`, whatever text of others they quote. And no terminal, JSON
line or spreadsheet is steered by what a repo holds.
"""

from __future__ import annotations

import base64
import csv
import io
import json
import logging
import re
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest

from registry.decision import Decision
from resolver import redaction
from resolver.answer import Failure, build_failure
from resolver.errors import HubUnavailableError, ResolveError, SettingsError
from resolver.local_hub import LocalHub, faults
from resolver.lookup.convert import Origin
from resolver.redaction import hide_secrets, remember_secret, without_secrets
from resolver.render import make_printable, render_csv_line, render_json_line
from resolver.resolution import Resolution, Source
from resolver.settings import Settings, find_token
from tests.resolver.support import answers, bert_row, catalog_of, run, settings_for

TOKEN = "hf_QmFzZTY0SXNOb3RTZWNyZXQ"
PASSWORD = "sw0rd/f@sh"


@pytest.fixture(autouse=True)
def forget_secrets() -> Iterator[None]:
    """What one test remembers hides nothing in another."""
    yield
    redaction._known.clear()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("http://me:swordfish@proxy:3128/x", "http://***@proxy:3128/x"),
        ("http://me:sw/ord@proxy:3128", "http://***@proxy:3128"),
        ("http://me:s@w@proxy", "http://***@proxy"),
        ("https://hf_abc@host/x failed", "https://***@host/x failed"),
        ("postgresql+asyncpg://u:p%40ss@db/x", "postgresql+asyncpg://***@db/x"),
        (f"token {TOKEN}.", "token hf_***."),
        ("Authorization: Bearer abcdefgh1234", "Authorization: ***"),
        ("{'Authorization': 'Basic dXNlcjpwYXNz'}", "{'Authorization': '***'}"),
        ("sent Bearer abcdefgh1234 to", "sent Bearer *** to"),
        ("BasicAuth(login='me', password='swordfish', encoding='latin1')",
         "BasicAuth(login='me', password='***', encoding='latin1')"),
        ("https://cdn/x?X-Amz-Signature=0a1b2c&y=1", "https://cdn/x?X-Amz-Signature=***&y=1"),
        ("http://127.0.0.1:8080/acme/x@main is missing", "http://127.0.0.1:8080/acme/x@main is missing"),
        ("acme/x@main has no token or password", "acme/x@main has no token or password"),
        ("https://huggingface.co/acme/x", "https://huggingface.co/acme/x"),
    ],
)  # fmt: skip
def test_what_looks_like_a_secret_is_hidden_and_nothing_else(text: str, shown: str) -> None:
    assert hide_secrets(text) == shown


def test_a_secret_of_this_process_is_hidden_in_every_form() -> None:
    remember_secret("corporate token 17/x")
    for text in ("corporate token 17/x", "a=corporate%20token%2017%2Fx;"):
        assert "17" not in hide_secrets(f"<{text}>")


def test_text_made_to_take_long_does_not() -> None:
    for piece in ("://", "://a:", "@", "a:@", "hf_", "Bearer ", "token='", "?token", "authorization:"):
        hide_secrets(piece * 20_000 + "@")


def make_foreign_error() -> ValueError:
    try:
        try:
            raise KeyError(f"{{'Authorization': 'Bearer {TOKEN}'}}")
        except KeyError as error:
            raise OSError(f"cannot connect to http://me:{PASSWORD}@proxy:3128") from error
    except OSError as error:
        made = ValueError("no secret in this one")
        made.__context__ = error
        return made


def show_all(error: BaseException) -> str:
    """Everything that a log, a traceback or a debugger shows of an error and of what caused it."""
    shown, chain = "".join(traceback.format_exception(error)), error
    for _ in range(9):
        shown += f"{chain}{chain!r}{vars(chain)!r}"
        following = chain.__cause__ or chain.__context__
        if following is None:
            break
        chain = following
    return shown


def test_an_exception_of_others_is_shown_without_its_secrets(caplog: pytest.LogCaptureFixture) -> None:
    failure = build_failure("acme/x", None, make_foreign_error())
    shown = show_all(failure.error) + caplog.text + repr(failure)
    assert TOKEN not in shown and PASSWORD not in shown
    assert "OSError" in shown and "make_foreign_error" not in repr(failure)
    harmless = ValueError("nothing to hide")
    assert without_secrets(harmless) is harmless


def test_an_exception_without_a_text_is_a_failure_too() -> None:
    class OddError(Exception):
        def __str__(self) -> str:
            raise RuntimeError(TOKEN)

    shown = show_all(build_failure("acme/x", None, OddError()).error)
    assert TOKEN not in shown and "OddError" in shown


@pytest.mark.parametrize("kind", [ResolveError, SettingsError, HubUnavailableError])
def test_no_error_of_ours_quotes_a_secret(kind: type[ResolveError]) -> None:
    assert TOKEN not in show_all(kind(f"the Hub says: {TOKEN}"))


def test_settings_and_what_is_made_of_them_show_no_secret(tmp_path: Path) -> None:
    settings = Settings(token=TOKEN, store="postgresql://me:swordfish@db/x", endpoint="https://hub.test")
    origin = Origin("https://hub.test", find_token(TOKEN), 0)
    for shown in (repr(settings), repr(settings.fill()), repr(origin)):
        assert TOKEN not in shown and "swordfish" not in shown
    assert "db/x" in repr(settings)
    for endpoint in (
        "https://me:swordfish@hub",
        "me:swordfish@hub",
        "ftp://me:swordfish@hub",
        "https://:swordfish@[hub",
    ):
        with pytest.raises(SettingsError) as caught:
            Settings(endpoint=endpoint).fill({})
        assert "swordfish" not in show_all(caught.value)


async def test_a_hub_that_repeats_the_token_does_not_get_it_into_an_error(
    store: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "resolver")
    token = "not-of-the-usual-form"
    replies = [
        faults.failing(403, message=f"the token {token} may not"),
        faults.failing(404, "RepoNotFound", message=f"Bearer {token}"),
        faults.failing(500, message=token),
        faults.Reply(status=418, body=token.encode(), content_type="text/plain"),
        faults.redirect_to(f"http://me:{token}@127.0.0.1:99999/"),
        faults.redirect_to(f"http://me:{token}@127.0.0.1:9/"),
        faults.redirect_to(f"gopher://{token}"),
    ]
    ids = [f"acme{number}/x" for number in range(len(replies))]
    async with LocalHub(catalog_of(*map(bert_row, ids))) as hub:
        for repo_id, reply in zip(ids, replies, strict=True):
            hub.faults.add(reply, f"*{repo_id}*", times=None)
        found = await answers(settings_for(hub, store, token=token), ids)
    assert all(isinstance(item, Failure) for item in found)
    for item in found:
        assert isinstance(item, Failure) and token not in show_all(item.error), item
    assert token not in caplog.text


@pytest.mark.parametrize("scheme", ["http", "socks5"])
async def test_the_password_of_a_proxy_is_not_seen(
    store: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, scheme: str
) -> None:
    monkeypatch.setenv("http_proxy", f"{scheme}://me:swordfish@127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "")
    (found,) = await answers(settings_for("http://hub.test", store), ["acme/x"])
    assert isinstance(found, Failure)
    shown = show_all(found.error) + caplog.text
    assert "swordfish" not in shown and base64.b64encode(b"me:swordfish").decode() not in shown


CONTROLS = "\x1b]0;x\x07 \x7f \x9b2J \x85 \u2028 \u202e \u2066 \ufeff"


def resolution(pipeline_tag: str | None = None, library_name: str | None = None) -> Resolution:
    return Resolution(
        repo_id="acme/x",
        canonical_id="acme/x",
        revision="main",
        commit_hash="a" * 40,
        pipeline_tag=pipeline_tag,
        library_name=library_name,
        source=Source.HUB,
        decision=Decision(task="fill-mask", library="transformers"),
    )


def test_json_lines_and_csv_hold_no_control_characters() -> None:
    row = {"repo_id": CONTROLS, CONTROLS: [CONTROLS]}
    line = render_json_line(row)
    assert line.isprintable() and json.loads(line) == row
    cells = render_csv_line(resolution(pipeline_tag=CONTROLS + "\n").to_dict())
    assert cells.rstrip("\n").isprintable() and cells.count("\n") == 1
    assert make_printable(CONTROLS).isprintable() and "\\x1b" in make_printable(CONTROLS)


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "＝"])
def test_a_cell_that_begins_a_formula_is_made_text_on_demand(start: str) -> None:
    answer = resolution(pipeline_tag=f"{start}cmd|' /C calc'!A0", library_name="ordinary")
    (plain,), (safe,) = (
        list(csv.reader(io.StringIO(render_csv_line(answer.to_dict(), is_safe=bool(is_safe))))) for is_safe in (0, 1)
    )
    changed = [(before, after) for before, after in zip(plain, safe, strict=True) if before != after]
    assert changed == [(answer.pipeline_tag, f"'{answer.pipeline_tag}")]


def test_the_command_shows_neither_secrets_nor_control_characters(tmp_path: Path, store: Path) -> None:
    (tmp_path / "ids").write_bytes(f"=1+1\nacme/x@{CONTROLS.replace(' ', '')}\nacme/\x9bx\n".encode())
    given = ("resolve", "--file", tmp_path / "ids", "--offline", "--store", store)
    done = run(*given, "--format", "csv", "--csv-safe")
    assert done.returncode == 1 and "\n'=1+1," in done.stdout
    for format_ in ("csv", "jsonl", "table"):
        done = run(*given, "--format", format_)
        # The tabs are those between the cells of a table.
        assert all(line.count("\t") in (0, 6) for line in done.stdout.splitlines()), format_
        assert re.sub(r"[\n\t]", "", done.stdout + done.stderr).isprintable(), format_
    assert run(*given, "--csv-safe").returncode == 2
    for arguments in (
        ("explain", "acme/x@\x9b2J"),
        ("resolve", "acme/x", "--endpoint", "http://me:swordfish@hub"),
        ("resolve", "acme/x", "--store", "postgresql://me:swordfish@127.0.0.1:9/x"),
        ("resolve", "acme/x", "--store", "nodb://me:swordfish@127.0.0.1:9/x"),
        ("resolve", "acme/x", "--task", "\x1b[2J"),
        ("resolve", "acme/x", "--format", "\x1b[2J"),
        ("resolve", "acme/x", "--author", "http://me:swordfish@hub"),
    ):
        done = run(*arguments, "--offline", *(() if "--store" in arguments else ("--store", store)))
        shown = re.sub(r"[\n\t]", "", done.stdout + done.stderr)
        assert "swordfish" not in shown and shown.isprintable(), (arguments, done.stderr)
