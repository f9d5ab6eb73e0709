"""What the operator's token sees is told to nobody, and what a caller's own token sees to him alone."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from resolver.local_hub import LocalHub
from resolver.redaction import HIDDEN, hide_secrets, remember_secret
from resolver.serving.callers import CallerResolvers, CallersFullError
from resolver.serving.limits import ServeLimits
from store.keys import derive_scope
from tests.resolver.serving.support import Client, serving
from tests.resolver.support import LIMITS, READER, STRANGER, settings_for, wait_until

MINE = {"Authorization": f"Bearer {READER}"}

ANONYMOUS_CODES = {
    "acme/private": "repo_not_found",
    "acme/private?revision=none": "repo_not_found",
    f"acme/private?revision={'f' * 40}": "repo_not_found",
    "acme/private@dev": "repo_not_found",
    "acme/gated?revision=none": "revision_not_found",
    "acme/disabled": "disabled",
}


async def test_a_hidden_repo_is_answered_as_without_any_token(client: Client) -> None:
    for _ in range(2):
        for asked, code in ANONYMOUS_CODES.items():
            assert (await client.get_model(asked)).code == code
    gated = await client.get_model("acme/gated")
    assert any("gated" in note for note in gated.json["notes"])


async def test_a_private_repo_looks_like_a_missing_one(client: Client) -> None:
    seen = []
    for name in ("acme/private", "acme/missing"):
        replies = [await client.get_model(name) for _ in range(2)]
        replies.append(await client.resolve(name, f"{name}@v1"))
        seen.append(
            [(reply.status, reply.body.replace(name.encode(), b"X"), sorted(reply.headers)) for reply in replies]
        )
    assert seen[0] == seen[1]


async def test_a_tag_that_somebody_else_got_shows_nothing(client: Client) -> None:
    owned = await client.get_model("acme/private", **MINE)
    assert (owned.status, owned.headers["Cache-Control"]) == (200, "private, no-cache")
    assert (await client.get_model("acme/private", If_None_Match=owned.headers["ETag"], **MINE)).status == 304
    for sent in (owned.headers["ETag"], "*"):
        reply = await client.get_model("acme/private", If_None_Match=sent)
        assert (reply.status, reply.code) == (404, "repo_not_found")


async def test_a_callers_token_is_for_him_alone(client: Client, hub: LocalHub) -> None:
    ids = ("acme/private", "acme/bert", "acme/gated")
    mine = (await client.resolve(*ids, **MINE)).rows
    assert [row["error"] for row in mine] == [None] * 3 and mine[2]["notes"] == []
    for headers in ({}, {"Authorization": f"Bearer {STRANGER}"}):
        rows = (await client.resolve(*ids, **headers)).rows
        assert rows[0]["error"]["code"] == "repo_not_found" and rows[1]["error"] is None and rows[2]["notes"]
        assert (await client.get_model("acme/private", **headers)).status == 404


async def test_the_hub_refuses_a_wrong_token_to_its_caller_alone(client: Client) -> None:
    refused = await client.get_model("acme/bert", Authorization="Bearer hf_nobody_has_this_one")
    assert (refused.status, refused.code) == (401, "unauthorized")
    assert refused.headers["WWW-Authenticate"] == "Bearer" and "hf_nobody" not in refused.body.decode()
    assert (await client.get_model("acme/bert")).status == 200


async def test_a_repo_that_turns_private_is_told_to_nobody_after_the_next_check(hub: LocalHub, store: Path) -> None:
    async with serving(hub, store) as client:
        known = await client.get_model("acme/bert")
        assert b"acme/bert" in (await client.get("/")).body
    hub.catalog.change("acme/bert", private=True)
    async with serving(hub, store, ServeLimits(requests_per_s=0, page_ttl_s=0)) as client:
        # It is known, and fresh: so is what callers are told.
        assert (await client.get_model("acme/bert", If_None_Match=known.headers["ETag"])).status == 304
    async with serving(hub, store, ServeLimits(requests_per_s=0, page_ttl_s=0), refresh=True) as client:
        assert (await client.get_model("acme/bert", If_None_Match=known.headers["ETag"])).status == 404
        assert b"acme/bert" not in (await client.get("/")).body
        assert (await client.get_model("acme/bert", **MINE)).status == 200


async def test_no_token_is_stored_logged_or_kept(hub: LocalHub, store: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    caller = "caller-without-prefix-0123456789"
    async with serving(hub, store, ServeLimits(requests_per_s=0), token=STRANGER) as client:
        for headers in (MINE, {"Authorization": f"Bearer {caller}"}):
            await client.resolve("acme/private", "acme/bert", **headers)
            await client.get_model("acme/private", **headers)
        assert hide_secrets(f"x {caller} x") == f"x {HIDDEN} x"
    with closing(sqlite3.connect(store)) as connection:
        stored = "\n".join(connection.iterdump())
    text = "\n".join(f"{record.getMessage()} {record.exc_text}" for record in caplog.records)
    for token in (READER, STRANGER, caller):
        assert token not in stored and token not in text
        assert not any(token.encode() in path.read_bytes() for path in store.parent.glob("store*"))
    assert derive_scope(READER) in stored and derive_scope(STRANGER) not in stored
    assert hide_secrets(f"x {caller} x") == f"x {caller} x"


async def test_a_callers_resolver_is_shared_bounded_and_closed_when_idle(hub: LocalHub, store: Path) -> None:
    settings = settings_for(hub, store, ids_only=True)
    async with CallerResolvers(settings, LIMITS, max_callers=2, idle_s=0.2) as callers:
        async with callers.use("a" * 20) as first, callers.use("a" * 20) as second, callers.use("b" * 20) as other:
            assert first is second and first is not other
            with pytest.raises(CallersFullError):
                async with callers.use("c" * 20):
                    pass
        async with callers.use(STRANGER) as third:
            assert (await third.resolve("acme/sd")).library == "diffusers" and 1 <= len(callers) <= 2
        await wait_until(lambda: len(callers) == 0)


async def test_a_caller_that_goes_away_while_his_resolver_opens_harms_nobody(hub: LocalHub, store: Path) -> None:
    async def use(callers: CallerResolvers) -> bool:
        async with callers.use("a" * 20) as resolver:
            return resolver.registry_digest != ""

    async with CallerResolvers(settings_for(hub, store), LIMITS, max_callers=2, idle_s=60) as callers:
        leaving, staying = asyncio.create_task(use(callers)), asyncio.create_task(use(callers))
        await asyncio.sleep(0)
        leaving.cancel()
        assert await staying and len(callers) == 1


async def test_a_resolver_that_cannot_be_opened_is_tried_again(hub: LocalHub, tmp_path: Path) -> None:
    store = tmp_path / "store.sqlite3"
    store.write_bytes(b"")
    with closing(sqlite3.connect(store)) as connection:
        connection.execute("CREATE TABLE other (x)")
        connection.commit()
    async with CallerResolvers(settings_for(hub, store), LIMITS, max_callers=1, idle_s=60) as callers:
        for _ in range(2):
            with pytest.raises(Exception, match="store"):
                async with callers.use("a" * 20):
                    pass
            assert len(callers) == 0


async def test_the_operators_token_stays_hidden_though_a_caller_sent_it(hub: LocalHub, store: Path) -> None:
    token = "operator-without-prefix-123456"
    remember_secret(token)
    async with serving(hub, store, token=token) as client:
        await client.get_model("acme/bert", Authorization=f"Bearer {token}")
    assert hide_secrets(token) == HIDDEN
