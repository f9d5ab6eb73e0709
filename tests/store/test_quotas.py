"""The Hub's quota in a store: what is leased to whom, as tables for the pure part, and on either database."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from store.keys import derive_quota_owner
from store.quotas import (
    FIRST_REQUESTS,
    MAX_SHARE,
    PROBE_S,
    LeaseRequest,
    QuotaKey,
    QuotaRow,
    SeenQuota,
    find_problem,
    lease,
)
from store.store import MetadataStore
from tests.store.support import HUB

NOW_S = 1_000_000.0
ROW = QuotaRow(quota=200, remaining=80, window_s=10.0, ends_at_s=NOW_S + 6, probe_until_s=0.0)
SOON = replace(ROW, ends_at_s=NOW_S + 2)
OVER = replace(ROW, ends_at_s=NOW_S - 1)
KEY = QuotaKey(HUB, "owner", "api")


def seen(remaining: int, ends_in_s: float, *, quota: int | None = 200, took_s: float = 0.1) -> SeenQuota:
    """What a response that took `took_s` said."""
    return SeenQuota(
        remaining=remaining,
        quota=quota,
        window_s=10.0,
        min_ends_in_s=ends_in_s - 1 - took_s,
        max_ends_in_s=ends_in_s,
    )


@pytest.mark.pure
@pytest.mark.parametrize(
    ("row", "request_", "granted", "remaining", "is_probe"),
    [
        pytest.param(None, LeaseRequest(wanted=8), FIRST_REQUESTS, 0, True, id="the first one tries"),
        pytest.param(
            None,
            LeaseRequest(wanted=8, probe_cost=2),
            2 * FIRST_REQUESTS,
            0,
            True,
            id="a try takes as much as a request",
        ),
        pytest.param(ROW, LeaseRequest(wanted=4), 4, 76, False, id="as much as is wanted"),
        pytest.param(ROW, LeaseRequest(wanted=64), 80 // MAX_SHARE, 70, False, id="at most a share"),
        pytest.param(replace(ROW, remaining=1), LeaseRequest(wanted=9), 1, 0, False, id="the last one"),
        pytest.param(replace(ROW, remaining=0), LeaseRequest(wanted=9), 0, 0, False, id="nothing is left"),
        pytest.param(ROW, LeaseRequest(wanted=0, returned=9), 0, 89, False, id="given back"),
        pytest.param(ROW, LeaseRequest(wanted=0, returned=900), 0, 200, False, id="more given back than there is"),
        pytest.param(OVER, LeaseRequest(wanted=8), 1, 0, True, id="a window is over"),
        pytest.param(OVER, LeaseRequest(wanted=0), 0, 0, False, id="who wants nothing tries nothing"),
        pytest.param(
            replace(OVER, probe_until_s=NOW_S + 3), LeaseRequest(wanted=8), 0, 0, False, id="another process tries"
        ),
        pytest.param(
            replace(OVER, probe_until_s=NOW_S - 3), LeaseRequest(wanted=8), 1, 0, True, id="who tried was killed"
        ),
        pytest.param(
            replace(OVER, probe_until_s=NOW_S + 3),
            LeaseRequest(wanted=8, has_probed=True),
            1,
            0,
            True,
            id="a try without an answer",
        ),
        pytest.param(
            OVER, LeaseRequest(wanted=8, seen=seen(199, 10), has_probed=True), 8, 191, False, id="a new window"
        ),
        pytest.param(
            OVER, LeaseRequest(wanted=8, seen=seen(3, 0.5)), 1, 0, True, id="the end of the window that is over"
        ),
        pytest.param(ROW, LeaseRequest(wanted=8, seen=seen(16, 6)), 4, 12, False, id="somebody else uses it too"),
        pytest.param(ROW, LeaseRequest(wanted=8, seen=seen(199, 6)), 8, 72, False, id="others hold leases"),
        pytest.param(
            ROW,
            LeaseRequest(wanted=8, seen=seen(199, 8, took_s=2)),
            8,
            72,
            False,
            id="a slow response",
        ),
        pytest.param(SOON, LeaseRequest(wanted=8, seen=seen(199, 10)), 8, 191, False, id="the next window came early"),
        pytest.param(ROW, LeaseRequest(wanted=8, seen=seen(9, 900)), 8, 72, False, id="an end that cannot be true"),
    ],
)
def test_a_lease(row: QuotaRow | None, request_: LeaseRequest, granted: int, remaining: int, is_probe: bool) -> None:
    changed, got = lease(row, request_, NOW_S)
    assert (got.granted, got.remaining, got.is_probe) == (granted, remaining, is_probe)
    assert changed is not None and find_problem(changed, NOW_S) is None


@pytest.mark.pure
def test_what_a_response_said_grows_old_while_the_store_is_waited_for() -> None:
    request = LeaseRequest(wanted=8, seen=seen(199, 10, took_s=0))
    assert lease(SOON, request, NOW_S)[1].remaining == 191
    assert lease(SOON, request, NOW_S, elapsed_s=6)[1].remaining == 72


@pytest.mark.pure
@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({}, None),
        ({"remaining": 201}, "201 of 200"),
        ({"remaining": -1}, "a count"),
        ({"remaining": "many"}, "a count"),
        ({"quota": b"x"}, "a count"),
        ({"ends_at_s": None}, "a time"),
        ({"ends_at_s": float("nan")}, "a time"),
        ({"ends_at_s": NOW_S + 500}, "a clock was wrong"),
        ({"probe_until_s": NOW_S + 500}, "a clock was wrong"),
        ({"window_s": 1e9, "ends_at_s": NOW_S + 1e8}, "its window"),
    ],
    ids=str,
)
def test_a_row_that_cannot_be_true_is_not_believed(change: dict[str, Any], problem: str | None) -> None:
    found = find_problem(replace(ROW, **change), NOW_S)
    assert found is None if problem is None else problem in str(found)


@pytest.mark.pure
def test_a_quota_is_that_of_a_token_or_of_a_machine() -> None:
    owner = derive_quota_owner("hf_secret", "host")
    assert "hf_secret" not in owner and owner == derive_quota_owner("hf_secret", "other")
    assert derive_quota_owner(None, "host") != derive_quota_owner(None, "other")


async def test_many_leases_at_once_are_never_more_than_there_are(location: str) -> None:
    async with MetadataStore(location) as one, MetadataStore(location) as other:
        first = await one.lease_quota(KEY, LeaseRequest(wanted=5))
        assert first is not None and first.is_probe
        waits = await other.lease_quota(KEY, LeaseRequest(wanted=5))
        assert waits is not None and waits.granted == 0 and waits.retry_in_s > 0
        await one.lease_quota(KEY, LeaseRequest(wanted=0, has_probed=True, seen=seen(100, 10)))
        taken = await asyncio.gather(
            *(store.lease_quota(KEY, LeaseRequest(wanted=7)) for _ in range(30) for store in (one, other))
        )
        assert sum(item.granted for item in taken if item is not None) == 100


async def test_a_row_of_a_wrong_clock_is_said_and_begun_anew(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "store.sqlite3"
    async with MetadataStore(path) as store:
        await store.lease_quota(KEY, LeaseRequest(wanted=1))
        for change in ("ends_at = ends_at + 1e9", "remaining = 'x'", "version = 'x', probe_until = 9e99"):
            with closing(sqlite3.connect(path)) as connection, connection:
                connection.execute(f"UPDATE quotas SET {change}")
            caplog.clear()
            got = await store.lease_quota(KEY, LeaseRequest(wanted=1))
            assert got is not None and got.is_probe and got.ends_in_s == PROBE_S
            assert "is not believed" in caplog.text


async def test_rows_that_nobody_uses_any_more_are_removed(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite3"
    async with MetadataStore(path) as store:
        await store.lease_quota(replace(KEY, owner="gone"), LeaseRequest(wanted=1))
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute("UPDATE quotas SET ends_at = 1")
        await store.lease_quota(KEY, LeaseRequest(wanted=1))
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT owner FROM quotas").fetchall() == [("owner",)]
