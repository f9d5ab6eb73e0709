"""`hubresolve watch`, and `diff` of stores and of two moments: four of 50 repos change, and nothing else is told."""

from __future__ import annotations

import asyncio
import json
import signal
import sqlite3
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from resolver.cli.moments import MOMENT
from resolver.local_hub import Catalog, LocalHub
from tests.resolver.cli.test_command import run_in_thread
from tests.resolver.cli.test_diff import change_four, head_of
from tests.resolver.support import answers, bert_row, catalog_of, command, settings_for

NAMES = [f"acme/r{number}" for number in range(50)]
FOUR = {"acme/r3": "moved", "acme/r7": "changed", "acme/r11": "failed", "acme/r13": "failed"}


@pytest.fixture
def catalog() -> Catalog:
    return catalog_of(*(bert_row(name) for name in NAMES))


@pytest.fixture
def ids(tmp_path: Path) -> Path:
    path = tmp_path / "ids.txt"
    path.write_text("\n".join(NAMES))
    return path


def set_back(store: Path, seconds: int) -> int:
    """Make all that the store knows so much older; a moment after it."""
    now_s = int(time.time())
    with closing(sqlite3.connect(store)) as connection:
        connection.execute("UPDATE refs SET changed_at = changed_at - ?", (seconds,))
        connection.commit()
    return now_s - seconds // 2


def as_iso(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


async def watch_once(hub: LocalHub, store: Path, ids: Path, *more: str | Path, code: int) -> list[dict[str, Any]]:
    place = ("--store", store, "--endpoint", hub.endpoint)
    done = await run_in_thread("watch", "--file", ids, "--once", "--format", "jsonl", *place, *more)
    assert done.returncode == code, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


async def test_one_check_tells_the_four_and_the_next_one_nothing(
    catalog: Catalog, hub: LocalHub, store: Path, ids: Path
) -> None:
    first = await watch_once(hub, store, ids, code=1)
    assert {event["event"] for event in first} == {"new"} and len(first) == 50
    assert await watch_once(hub, store, ids, code=0) == []
    before = head_of(catalog, "acme/r3")
    change_four(catalog)
    found = {event["repo_id"]: event for event in await watch_once(hub, store, ids, code=1)}
    assert {name: event["event"] for name, event in found.items()} == FOUR
    assert found["acme/r3"]["changes"] == {"commit_hash": {"old": before, "new": head_of(catalog, "acme/r3")}}
    assert found["acme/r7"]["changes"]["task"] == {"old": "fill-mask", "new": "text-classification"}
    for name in ("acme/r11", "acme/r13"):
        changes = found[name]["changes"]
        assert changes["task"] == {"old": "fill-mask", "new": None}
        assert changes["error"]["new"]["code"] == "repo_not_found"
    assert await watch_once(hub, store, ids, code=0) == []


async def test_a_repo_that_was_not_known_and_fails_is_no_news_and_an_outage_says_nothing(
    catalog: Catalog, store: Path, tmp_path: Path
) -> None:
    ids = tmp_path / "two.txt"
    ids.write_text("acme/r1\nacme/none\n")
    async with LocalHub(catalog) as hub:
        assert [event["repo_id"] for event in await watch_once(hub, store, ids, code=1)] == ["acme/r1"]
    done = await run_in_thread("watch", "--file", ids, "--once", "--store", store, "--endpoint", hub.endpoint)
    assert (done.returncode, done.stdout) == (1, "") and "2 could not be checked" in done.stderr
    assert "is the Hub there" in done.stderr


async def test_the_store_tells_the_four_of_two_moments_and_of_two_stores(
    catalog: Catalog, hub: LocalHub, store: Path, tmp_path: Path
) -> None:
    await answers(settings_for(hub, store), NAMES)
    moment_s = set_back(store, 1_000)
    copy = tmp_path / "copy.sqlite3"
    with closing(sqlite3.connect(store)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
    change_four(catalog)
    await answers(settings_for(hub, store, refresh=True), [*NAMES, "acme/r5@main"])
    place = ("--endpoint", hub.endpoint)
    gone = {name: event if event != "failed" else "gone" for name, event in FOUR.items()}
    for arguments in (
        ("--since", as_iso(moment_s), "--store", store, *place),
        ("--since", "8m", "--store", store, *place),
        (copy, store, *place),
    ):
        done = await run_in_thread("diff", *arguments, "--format", "jsonl")
        assert done.returncode == 1, done.stderr
        found = {item["repo_id"]: item for item in map(json.loads, done.stdout.splitlines())}
        assert {name: item["event"] for name, item in found.items()} == gone
        assert found["acme/r7"]["changes"]["task"] == {"old": "fill-mask", "new": "text-classification"}
        assert found["acme/r11"]["changes"]["task"] == {"old": "fill-mask", "new": None}
        assert done.stderr == "4 of 50 repos are different: 2 gone, 1 moved, 1 changed\n"
    for until in (moment_s - 10, moment_s + 10):
        early = ("--since", as_iso(moment_s - 20), "--until", as_iso(until))
        assert (await run_in_thread("diff", *early, "--store", store, *place)).returncode == 0
    new = await run_in_thread(
        "diff", "--since", as_iso(moment_s - 5_000), "--store", store, *place, "--format", "jsonl"
    )
    assert {json.loads(line)["event"] for line in new.stdout.splitlines()} == {"new"}
    assert len(new.stdout.splitlines()) == 48


async def test_stores_that_cannot_be_compared_are_refused(hub: LocalHub, store: Path, tmp_path: Path) -> None:
    await answers(settings_for(hub, store), NAMES[:2])
    rows = tmp_path / "rows.jsonl"
    rows.write_text('{"repo_id": "acme/r0", "task": "fill-mask"}\n')
    for arguments, message in (
        ((store, store), f"it has some from {hub.endpoint}"),
        ((rows, rows, "--endpoint", hub.endpoint), "OLD and NEW are files"),
        ((rows, rows, "--until", "1d"), "give --since"),
        ((rows,), "give OLD and NEW"),
        ((rows, "--since", "1d"), "not both"),
        (("--since", "yesterday"), "not a date"),
        (("--since", "1d", "--until", "2d", "--store", store), "earlier than --until"),
        (("--since", "1d", "--store", store), "it has some from"),
        (("--since", "1d", "--store", tmp_path / "none"), "no store at"),
    ):
        done = await run_in_thread("diff", *arguments)
        assert done.returncode == 2 and message in " ".join(done.stderr.split()), done.stderr
    mixed = await run_in_thread("diff", rows, store, "--endpoint", hub.endpoint, "--columns", "task")
    assert mixed.returncode == 1 and "1 new" in mixed.stderr


@asynccontextmanager
async def run_hook(events: list[Any], statuses: list[int]) -> AsyncIterator[str]:
    """A server that takes events, and answers with the given statuses, then with 200."""

    async def take(request: web.Request) -> web.Response:
        events.append(await request.json())
        return web.Response(status=statuses.pop(0) if statuses else 200)

    application = web.Application()
    application.router.add_post("/hook", take)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    assert runner.addresses
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    finally:
        await runner.cleanup()


async def test_an_event_is_given_to_a_program_and_posted(
    catalog: Catalog, hub: LocalHub, store: Path, ids: Path, tmp_path: Path
) -> None:
    await answers(settings_for(hub, store), NAMES)
    change_four(catalog)
    taken, script = tmp_path / "taken.jsonl", tmp_path / "take it.py"
    script.write_text(
        "import sys\n"
        f"open({str(taken)!r}, 'a').write(sys.stdin.read())\n"
        "assert sys.argv[1:] == ['$HOME; echo no', '*']\n"
        "print('said by the program')\n"
    )
    posted: list[Any] = []
    async with run_hook(posted, [500]) as url:
        run = f"{sys.executable} '{script}' '$HOME; echo no' '*'"
        events = await watch_once(hub, store, ids, "--run", run, "--post", url, code=1)
    assert {event["repo_id"]: event["event"] for event in events} == FOUR
    assert [json.loads(line) for line in taken.read_text().splitlines()] == events
    # The first attempt failed, and was repeated.
    assert posted[0] == posted[1] and posted[1:] == events


async def test_what_takes_no_event_is_told_and_ends_nothing(
    catalog: Catalog, hub: LocalHub, store: Path, ids: Path
) -> None:
    await answers(settings_for(hub, store), NAMES)
    change_four(catalog)
    async with run_hook([], [403] * 4) as url:
        run = f"{sys.executable} -c 'raise SystemExit(7)'"
        done = await run_in_thread(
            *("watch", "--file", ids, "--once", "--run", run, "--post", url),
            *("--store", store, "--endpoint", hub.endpoint),
        )
    assert done.returncode == 1 and len(done.stdout.splitlines()) == 4
    assert done.stderr.count("failed with exit code 7") == 4 and done.stderr.count("status 403") == 4
    assert "50 repos checked: 4 events, 4 reactions failed" in done.stderr


async def test_it_checks_again_until_it_is_interrupted(catalog: Catalog, hub: LocalHub, store: Path, ids: Path) -> None:
    await answers(settings_for(hub, store), NAMES)
    line, env = command("watch", "--file", ids, "--every", "1s", "--store", store, "--endpoint", hub.endpoint)
    process = await asyncio.create_subprocess_exec(
        *line, env=env, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None and process.stderr is not None
    assert b"50 repos checked: 0 events" in await process.stderr.readline()
    change_four(catalog)
    told = sorted([(await process.stdout.readline()).decode().split(":")[0] for _ in FOUR])
    assert told == sorted(f"{name}@main {event}" for name, event in FOUR.items())
    process.send_signal(signal.SIGINT)
    rest = await process.stdout.read()
    assert await process.wait() == 130 and rest == b""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "nothing to watch"),
        (("acme/r1", "--once", "--every", "1h"), "not both"),
        (("acme/r1", "--every", "0"), "at least a second"),
        (("acme/r1", "--once", "--run", "no-such-program-here"), "no such program"),
        (("acme/r1", "--once", "--run", "'"), "No closing quotation"),
        (("acme/r1", "--once", "--post", "ftp://x"), "is not a URL"),
        (("--file", "none.txt", "--once"), "there is no such file"),
    ],
    ids=["nothing", "both", "every", "program", "quotes", "url", "file"],
)
async def test_wrong_options(store: Path, arguments: tuple[str, ...], message: str) -> None:
    place = ("--store", str(store), "--endpoint", "http://127.0.0.1:9")
    done = await run_in_thread("watch", *arguments, *place)
    assert done.returncode == 2 and message in " ".join(done.stderr.split()), done.stderr


async def test_it_does_not_run_offline(store: Path) -> None:
    done = await run_in_thread("watch", "acme/r1", "--once", "--store", store, HF_HUB_OFFLINE="1")
    assert done.returncode == 2 and "HF_HUB_OFFLINE" in done.stderr


@pytest.mark.pure
@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2026-01-31", 1_769_817_600),
        ("2026-01-31T12:00", 1_769_860_800),
        ("2026-01-31T12:00:00Z", 1_769_860_800),
        ("2026-01-31T13:00:00+01:00", 1_769_860_800),
    ],
)
def test_moments(text: str, seconds: int) -> None:
    assert MOMENT.convert(text, None, None) == seconds
