"""A hostile Hub: whatever it answers, every repo has its row, in bounded time and memory, and no secret is seen.

`HUBRESOLVE_HOSTILE_REPOS` and `HUBRESOLVE_HOSTILE_SEED` make the campaign longer, or another one.
"""

from __future__ import annotations

import asyncio
import json
import os
import threading
from pathlib import Path
from typing import Any

import pytest

from resolver.errors import HubResponseError
from resolver.hub import payloads
from resolver.hub.body_size import is_large
from resolver.hub.pacing.quota_headers import Quota
from resolver.hub.retry import RetryPolicy
from resolver.limits import Limits
from resolver.local_hub import HubOptions, LocalHub, faults
from resolver.lookup.author_listings import ListingLimits
from resolver.resolution import Resolution
from tests.hostile import hub_client
from tests.hostile.hostile_hub import FAULTS, SLOW_FAULTS, TOKEN, HostileHub
from tests.hostile.measured import MAX_MEMORY_BYTES, run_measured
from tests.resolver.support import (
    answers,
    bert_row,
    catalog_of,
    code_of,
    open_resolver,
    settings_for,
)


async def run_client(
    hub: HostileHub, store: Path, ids: list[str], *, timeout_s: float
) -> tuple[dict[str, Any], str, int]:
    """What the client in its own process wrote, what it logged, and the most memory that it took, in bytes."""
    given = {"endpoint": hub.endpoint, "store": str(store), "token": TOKEN, "ids": ids, "timeout_s": timeout_s}
    done = await asyncio.to_thread(run_measured, "tests.hostile.hub_client", stdin=json.dumps(given).encode())
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout), done.stderr, done.peak_bytes


@pytest.mark.slow
async def test_every_repo_of_a_hostile_hub_has_its_row(store: Path) -> None:
    count = int(os.environ.get("HUBRESOLVE_HOSTILE_REPOS", "4400"))
    ids = [f"{'clean' if number % 5 == 0 else 'bad'}{number}/m" for number in range(count)]
    async with HostileHub(seed=int(os.environ.get("HUBRESOLVE_HOSTILE_SEED", "1"))) as hub:
        found, log, peak_bytes = await run_client(hub, store, ids, timeout_s=1)
        served, kinds = hub.requests.copy(), hub.kinds.copy()
        again, log_again, _ = await run_client(hub, store, ids[:50], timeout_s=1)
    rows = [json.loads(line) for line in found["rows"]]
    codes = [row["error"]["code"] if row["error"] else None for row in rows]
    print(
        f"{sum(served.values()):,} requests, {len(kinds)} kinds; {codes.count(None):,} of {count:,} answered in "
        f"{found['elapsed_s']:.0f} s; longest wait {found['longest_wait_s']:.2f} s; {peak_bytes / 1e6:.0f} MB"
    )
    assert [row["repo_id"] for row in rows] == ids, "an id is lost"
    assert set(codes) - {None} <= {
        "repo_not_found", "revision_not_found", "gated", "disabled", "unauthorized", "rate_limited", "hub_unavailable",
        "bad_response", "not_a_model",
    }, "a foreign exception"  # fmt: skip
    for row in rows:
        if row["repo_id"].startswith("clean"):
            assert (row["error"], row["task"]) == (None, "fill-mask"), "a fault of one repo spoiled another"
    seen = "".join([*found["rows"], found["shown"], log, *again["rows"], again["shown"], log_again])
    assert TOKEN not in seen and "Traceback" not in log and "internal error" not in log
    assert seen.replace("\n", "").isprintable()
    assert found["longest_wait_s"] <= hub_client.POLICY.max_retry_after_s
    assert log.count("such resets are ignored") == 1, "said once"
    assert max(served.values()) <= 20 * hub_client.POLICY.max_attempts, "a redirect loop is ten requests"
    assert len(kinds) >= 40
    assert peak_bytes < MAX_MEMORY_BYTES


@pytest.mark.slow
@pytest.mark.large_server
@pytest.mark.parametrize("kind", ["9 MB of values", "42 MB of file names", "a bomb", "9 MB of one text"])
async def test_large_responses_at_the_same_time_take_little_memory(store: Path, kind: str) -> None:
    ids = [f"{'clean' if number % 4 == 0 else 'bad'}{number}/m" for number in range(24)]
    async with HostileHub(fixed=kind) as hub:
        found, _, peak_bytes = await run_client(hub, store, ids, timeout_s=30)
    rows = [json.loads(line) for line in found["rows"]]
    assert [row["repo_id"] for row in rows] == ids
    assert all(row["task"] == "fill-mask" for row in rows if row["repo_id"].startswith("clean"))
    assert peak_bytes < MAX_MEMORY_BYTES


@pytest.mark.parametrize("kind", ["9 MB of one text", "9 MB of values"])
async def test_a_large_response_is_not_parsed_in_the_event_loop(
    store: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    parsed_in = list[threading.Thread]()
    parse = payloads.parse_model_info

    def parse_and_note(body: bytes, *, is_truncated: bool = False) -> payloads.ModelInfo:
        if is_large(body):
            parsed_in.append(threading.current_thread())
        return parse(body, is_truncated=is_truncated)

    monkeypatch.setattr(payloads, "parse_model_info", parse_and_note)
    async with HostileHub(fixed=kind) as hub:
        found = await answers(settings_for(hub.endpoint, store, timeout_s=60), ["bad/m", "clean/m"])
    assert [item.repo_id for item in found] == ["bad/m", "clean/m"] and code_of(found[1]) is None
    assert parsed_in and threading.main_thread() not in parsed_in


@pytest.mark.parametrize("kind", sorted(SLOW_FAULTS))
async def test_a_response_that_never_ends_ends_with_the_timeout(store: Path, kind: str) -> None:
    limits = Limits(retry=RetryPolicy(max_attempts=1))
    async with HostileHub(fixed=kind) as hub:
        found = await answers(settings_for(hub.endpoint, store, timeout_s=0.3), ["bad/m", "clean/m"], limits=limits)
    assert code_of(found[0]) in ("hub_unavailable", "bad_response") and code_of(found[1]) is None


REFUSALS = (
    "429 for days", "429 for a long window", "429 and retry in days", "429 without a word", "429 for a moment",
)  # fmt: skip


@pytest.mark.parametrize("kind", REFUSALS)
async def test_a_hub_that_always_refuses_is_waited_for_twice(store: Path, kind: str) -> None:
    policy = RetryPolicy(max_attempts=50, first_wait_s=0.01, max_wait_s=0.02, max_retry_after_s=0.1)
    async with HostileHub(fixed=kind) as hub:
        settings = settings_for(hub.endpoint, store, timeout_s=5, lean=True)
        async with open_resolver(settings, limits=Limits(retry=policy)) as resolver:
            found = [item async for item in resolver.resolve_many(["bad/m"])]
            assert [code_of(item) for item in found] == ["rate_limited"]
            assert resolver.longest_wait_s <= policy.max_retry_after_s
            waits = policy.max_server_waits * policy.max_retry_after_s / (policy.first_wait_s / 2)
            assert sum(hub.requests.values()) <= 1 + waits


async def test_attempts_end_though_each_would_be_allowed(store: Path) -> None:
    policy = RetryPolicy(max_attempts=1_000, first_wait_s=0.01, max_wait_s=0.01)
    async with HostileHub(fixed="silence") as hub:
        settings = settings_for(hub.endpoint, store, timeout_s=0.2, lean=True)
        found = await answers(settings, ["bad/m"], limits=Limits(retry=policy))
        assert [code_of(item) for item in found] == ["hub_unavailable"]
        assert sum(hub.requests.values()) <= policy.max_timeouts + 1


@pytest.mark.parametrize(
    ("reset_s", "window_s", "is_believed"),
    [(300, None, True), (301, None, False), (60, 60, True), (61, 60, False), (5_000, 6_000, True), (0, 0, True)],
)
def test_a_reset_after_the_end_of_the_window_is_not_believed(
    reset_s: float, window_s: float | None, is_believed: bool
) -> None:
    assert Quota(name="api", remaining=0, reset_after_s=reset_s, window_s=window_s).is_credible is is_believed


async def test_a_reset_that_cannot_be_true_is_said_once(store: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with HostileHub(fixed="success with a used up quota") as hub:
        found = await answers(settings_for(hub.endpoint, store), [f"bad{number}/m" for number in range(9)])
    assert all(isinstance(item, Resolution) for item in found)
    assert caplog.text.count("such resets are ignored") == 1 and "888888 s" in caplog.text


LISTED = [f"acme/m{number:03}" for number in range(30)]


async def list_all(hub: LocalHub, store: Path) -> list[str]:
    limits = Limits(listings=ListingLimits(max_page_size=10))
    async with open_resolver(settings_for(hub, store), limits=limits) as resolver:
        return [item.repo_id async for item in resolver.resolve_listing(author="acme")]


@pytest.mark.parametrize(
    ("link", "requests", "repos"),
    [
        ("/api/models?author=acme&limit=10&again=1", 2, 10),
        ("/api/models?author=acme&limit=10&n={n}", 4, 10),
        ("https://elsewhere.test/api/models?x", 1, 10),
        ("/api/models/acme/m001?x", 1, 10),
        ("//elsewhere.test/api/models?x", 1, 10),
    ],
    ids=["a loop", "the same page for ever", "another origin", "no listing", "another host"],
)
async def test_a_listing_that_leads_nowhere_ends(
    store: Path, caplog: pytest.LogCaptureFixture, link: str, requests: int, repos: int
) -> None:
    async with LocalHub(catalog_of(*map(bert_row, LISTED)), HubOptions()) as hub:
        url = link if link.startswith(("http", "//")) else hub.endpoint + link
        for number in range(50):
            named = f'<{url.replace("{n}", str(number))}>; rel="next"'
            hub.faults.add(faults.Edit(headers={"Link": named}), "/api/models", times=1)
        found = await list_all(hub, store)
        assert hub.count.kind["listing"] == requests
    assert len(found) == repos and len(set(found)) == len(found)
    assert "the listing ends after page" in caplog.text


async def test_a_page_is_not_taken_from_another_origin(store: Path) -> None:
    async with LocalHub(catalog_of(bert_row("acme/x"))) as hub, LocalHub(catalog_of(bert_row("acme/evil"))) as other:
        hub.faults.add(faults.redirect_to(f"{other.endpoint}/api/models?author=acme"), "/api/models", times=None)
        with pytest.raises(HubResponseError, match="another origin"):
            await list_all(hub, store)


async def test_empty_pages_for_ever_end(store: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with LocalHub(catalog_of(*map(bert_row, LISTED))) as hub:
        for number in range(50):
            named = f'<{hub.endpoint}/api/models?n={number}>; rel="next"'
            hub.faults.add(faults.Reply(body=b"[]", headers={"Link": named}), "/api/models", times=1)
        assert await list_all(hub, store) == []
        assert hub.count.kind["listing"] == 3
    assert "no new repo" in caplog.text


def test_every_kind_of_fault_has_a_name_of_its_own() -> None:
    assert len({*FAULTS, *SLOW_FAULTS}) == len(FAULTS) + len(SLOW_FAULTS) >= 40
