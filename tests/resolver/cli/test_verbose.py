"""`-v` and `-vv`: what is done is said on standard error, each part of a package by its own logger, without secrets."""

from __future__ import annotations

import asyncio
import json
import logging
import re
from pathlib import Path

import pytest

from resolver.local_hub import LocalHub, faults
from tests.resolver.network.proxy import PASSWORD, USER_INFO, serve_http_proxy
from tests.resolver.support import READER, answer, run, settings_for

ARGUMENTS = ("acme/bert", "--format", "jsonl")


async def ask(hub: LocalHub, store: Path, *verbose: str, **environ: str) -> tuple[str, list[str]]:
    """Standard output, and the lines of standard error."""
    before, after = [word for word in verbose if word == "-v"], [word for word in verbose if word != "-v"]
    line = (*before, "resolve", *ARGUMENTS, *after, "--endpoint", hub.endpoint, "--store", str(store))
    done = await asyncio.to_thread(run, *line, **environ)
    assert done.returncode == 0, done.stderr
    return done.stdout, done.stderr.splitlines()


async def test_without_the_option_nothing_is_said(hub: LocalHub, store: Path) -> None:
    _, said = await ask(hub, store)
    assert said == []


async def test_v_says_what_is_done_and_leaves_the_rows_alone(hub: LocalHub, store: Path) -> None:
    hub.faults.add(faults.failing(503), "/api/models/*")
    rows, said = await ask(hub, store, "--verbose", HF_TOKEN=READER)
    assert json.loads(rows)["task"] == "fill-mask"
    text = "\n".join(said)
    assert f"the store {store} is open" in text and f"asking {hub.endpoint}, with a token" in text
    assert "attempt 1 failed" in text and "GET " not in text and READER not in text
    assert all(line.startswith("hubresolve: ") for line in said)


@pytest.mark.parametrize("verbose", [("-vv",), ("-v", "-v"), ("-v", "--verbose")], ids=["after", "before", "both"])
async def test_vv_says_each_request_and_step_with_its_logger(
    hub: LocalHub, store: Path, verbose: tuple[str, ...]
) -> None:
    _, said = await ask(hub, store, *verbose)
    loggers = {match[1] for line in said if (match := re.match(r"hubresolve: [\d:.]+ ([a-z_.]+): ", line))}
    parts = {".".join(name.split(".")[:2]) for name in loggers}
    assert parts >= {"resolver.hub", "resolver.lookup", "resolver.cache", "store.database"}
    text = "\n".join(said)
    assert re.search(r"GET http://127\.0\.0\.1:\d+/api/models/acme/bert/revision/main: status 200", text)
    assert "acme/bert@main: next step AskHub" in text and "expand" not in text


async def test_what_is_said_holds_no_secret(hub: LocalHub, store: Path) -> None:
    port = int(hub.endpoint.rpartition(":")[2])
    async with serve_http_proxy(port, with_password=True) as proxy:
        address = f"http://{USER_INFO}@127.0.0.1:{proxy.port}"
        _, said = await ask(hub, store, "-vv", HF_TOKEN=READER, HTTP_PROXY=address)
    text = "\n".join(said)
    assert f"through the proxy http://127.0.0.1:{proxy.port}" in text
    assert not any(secret in text for secret in (READER, PASSWORD, USER_INFO, "Basic "))


@pytest.mark.parametrize("part", ["resolver.hub", "resolver.lookup", "resolver.cache", "store"])
async def test_a_program_may_listen_to_one_part(
    hub: LocalHub, store: Path, caplog: pytest.LogCaptureFixture, part: str
) -> None:
    caplog.set_level(logging.DEBUG, logger=part)
    await answer(settings_for(hub, store), "acme/bert")
    told = {record.name for record in caplog.records if record.name.startswith(("resolver", "store", "registry"))}
    assert told and all(name.startswith(part) for name in told)
