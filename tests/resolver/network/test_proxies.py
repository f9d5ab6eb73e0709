"""Requests through real proxies on loopback, beside huggingface_hub where it can do the same."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from resolver.errors import HubUnavailableError, SettingsError
from resolver.local_hub import LocalHub, faults
from tests.resolver.network.authority import Authority
from tests.resolver.network.official_client import ask_official_client
from tests.resolver.network.proxy import PASSWORD, SOCKS_USER_INFO, USER_INFO, serve_http_proxy, serve_socks_proxy
from tests.resolver.support import BERT_SHA, READER, answer, settings_for

pytestmark = pytest.mark.usefixtures("official_client")


def port_of(hub: LocalHub) -> int:
    port = urlsplit(hub.endpoint).port
    assert port is not None
    return port


@pytest.mark.parametrize("user_info", ["", f"{USER_INFO}@"], ids=["open", "password"])
@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_hub_behind_a_proxy_is_reached_by_a_name_that_only_the_proxy_knows(
    hub: LocalHub, authority: Authority, store: Path, monkeypatch: pytest.MonkeyPatch, scheme: str, user_info: str
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.certificate))
    async with authority.serve(hub.endpoint) as tls_port:
        port, endpoint = (tls_port, "https://localhost") if scheme == "https" else (port_of(hub), "http://hub.test")
        async with serve_http_proxy(port, with_password=bool(user_info)) as proxy:
            monkeypatch.setenv("ALL_PROXY", f"http://{user_info}127.0.0.1:{proxy.port}")
            found = await answer(settings_for(endpoint, store, token=READER), "acme/private")
            ours = set(proxy.asked)
            official = await ask_official_client(endpoint, "acme/private", READER)
            assert ours == {urlsplit(endpoint).hostname} <= set(proxy.asked)
    assert found.commit_hash == official == "f" * 40
    assert all("Proxy-Authorization" not in entry.headers for entry in hub.requests)


@pytest.mark.parametrize(
    ("user_info", "status", "said"),
    [
        ("", None, "needs a user name and a password .407 .*write USER:PASSWORD@ before its host"),
        ("me:wrong-word@", None, "does not accept the user name and the password .407"),
        (f"{USER_INFO}@", "403 Forbidden by the company", "refuses the connection .403 Forbidden by the company"),
    ],
    ids=["no login", "wrong login", "forbidden"],
)
@pytest.mark.parametrize("endpoint", ["http://hub.test", "https://localhost"])
async def test_the_refusal_of_a_proxy_is_told_at_once_and_as_the_proxy_s(
    hub: LocalHub,
    store: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    endpoint: str,
    user_info: str,
    status: str | None,
    said: str,
) -> None:
    async with serve_http_proxy(port_of(hub), with_password=True) as proxy:
        proxy.status = status
        monkeypatch.setenv("HTTP_PROXY", f"{user_info}127.0.0.1:{proxy.port}")
        monkeypatch.setenv("HTTPS_PROXY", f"http://{user_info}127.0.0.1:{proxy.port}")
        with pytest.raises(HubUnavailableError, match=f"the proxy http://127.0.0.1:{proxy.port} of .*{said}") as caught:
            await answer(settings_for(endpoint, store, lean=True), "acme/bert")
        assert proxy.attempts == caught.value.attempts == 1
        assert await ask_official_client(endpoint, "acme/bert") is None
    shown = str(caught.value) + repr(caught.value) + caplog.text
    assert not any(word in shown for word in ("wrong-word", PASSWORD, USER_INFO, "swordfish"))


async def test_a_proxy_that_cannot_reach_the_hub_is_tried_again(
    hub: LocalHub, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serve_http_proxy(port_of(hub)) as proxy:
        proxy.status = "503 No route"
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.port}")
        with pytest.raises(HubUnavailableError, match=r"the proxy .* refuses the connection .503 No route") as caught:
            await answer(settings_for("https://localhost", store), "acme/bert")
    assert caught.value.attempts > 1


async def test_a_proxy_that_is_not_there_is_named(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "127.0.0.1:9")
    with pytest.raises(HubUnavailableError, match=r"the proxy http://127\.0\.0\.1:9 of HTTP_PROXY cannot be reached"):
        await answer(settings_for("http://hub.test", store), "acme/bert")


async def test_a_refusal_of_the_hub_is_not_the_proxy_s(
    hub: LocalHub, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serve_http_proxy(port_of(hub)) as proxy:
        monkeypatch.setenv("HTTP_PROXY", f"127.0.0.1:{proxy.port}")
        hub.faults.add(faults.failing(403, code="GatedRepo", message="ask first"), "*", times=None)
        with pytest.raises(Exception, match="is gated") as caught:
            await answer(settings_for("http://hub.test", store), "acme/bert")
    assert getattr(caught.value, "code", None) == "gated"


@pytest.mark.parametrize(
    ("no_proxy", "asked"),
    [([], ["127.0.0.1", "localhost"]), (["localhost"], ["127.0.0.1"]), (["127.0.0.0/8"], ["localhost"])],
    ids=["all", "second hop", "first hop"],
)
async def test_the_proxy_is_chosen_for_each_hop_of_a_redirect(
    hub: LocalHub, store: Path, monkeypatch: pytest.MonkeyPatch, no_proxy: Sequence[str], asked: list[str]
) -> None:
    target = f"http://localhost:{port_of(hub)}/api/models/acme/bert/revision/main"
    hub.faults.add(faults.redirect_to(target), "/api/models/acme/bert/revision/main", times=1)
    async with serve_http_proxy(port_of(hub)) as proxy:
        monkeypatch.setenv("HTTP_PROXY", f"127.0.0.1:{proxy.port}")
        monkeypatch.setenv("NO_PROXY", ",".join(no_proxy))
        found = await answer(settings_for(hub, store, lean=True), "acme/bert")
        ours, proxy.asked = list(proxy.asked), []
        hub.faults.add(faults.redirect_to(target), "/api/models/acme/bert", times=1)
        assert await ask_official_client(hub.endpoint, "acme/bert") == found.commit_hash == BERT_SHA
        assert ours == proxy.asked == asked


@pytest.mark.parametrize("with_password", [False, True], ids=["open", "password"])
@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_hub_behind_a_socks_proxy_is_reached(
    hub: LocalHub,
    authority: Authority,
    store: Path,
    monkeypatch: pytest.MonkeyPatch,
    scheme: str,
    with_password: bool,
) -> None:
    pytest.importorskip("aiohttp_socks", reason="the extra socks")
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.certificate))
    async with authority.serve(hub.endpoint) as tls_port:
        port, endpoint = (tls_port, "https://localhost") if scheme == "https" else (port_of(hub), "http://hub.test")
        async with serve_socks_proxy(port, with_password=with_password) as proxy:
            user_info = f"{SOCKS_USER_INFO}@" if with_password else ""
            monkeypatch.setenv("ALL_PROXY", f"socks5h://{user_info}127.0.0.1:{proxy.port}")
            found = await answer(settings_for(endpoint, store), "acme/bert")
            assert set(proxy.asked) == {urlsplit(endpoint).hostname}
    assert found.commit_hash == BERT_SHA


@pytest.mark.parametrize(
    ("user_info", "status", "attempts"),
    [("", None, 1), ("me:wrong-word@", None, 1), (f"{SOCKS_USER_INFO}@", "2", 1), (f"{SOCKS_USER_INFO}@", "4", 5)],
    ids=["no login", "wrong login", "forbidden", "unreachable"],
)
async def test_the_refusal_of_a_socks_proxy_is_told_as_the_proxy_s(
    hub: LocalHub, store: Path, monkeypatch: pytest.MonkeyPatch, user_info: str, status: str | None, attempts: int
) -> None:
    pytest.importorskip("aiohttp_socks", reason="the extra socks")
    async with serve_socks_proxy(port_of(hub), with_password=True) as proxy:
        proxy.status = status
        monkeypatch.setenv("ALL_PROXY", f"socks5://{user_info}127.0.0.1:{proxy.port}")
        said = f"the proxy socks5://127.0.0.1:{proxy.port} of ALL_PROXY refuses the connection"
        with pytest.raises(HubUnavailableError, match=said) as caught:
            await answer(settings_for("http://hub.test", store, lean=True), "acme/bert")
        assert caught.value.attempts == proxy.attempts == attempts
    assert "wrong-word" not in repr(caught.value) and SOCKS_USER_INFO not in repr(caught.value)


async def test_a_certificate_behind_a_socks_proxy_is_checked(
    hub: LocalHub, authority: Authority, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("aiohttp_socks", reason="the extra socks")
    async with authority.serve(hub.endpoint) as tls_port, serve_socks_proxy(tls_port) as proxy:
        monkeypatch.setenv("ALL_PROXY", f"socks5h://127.0.0.1:{proxy.port}")
        with pytest.raises(HubUnavailableError, match=r"the certificate of .*localhost is not trusted"):
            await answer(settings_for("https://localhost", store), "acme/bert")


async def test_the_package_that_socks_needs_is_named(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "aiohttp_socks", None)
    monkeypatch.setenv("ALL_PROXY", "socks5h://127.0.0.1:9")
    with pytest.raises(SettingsError, match=r"ALL_PROXY: .* needs the package aiohttp-socks: .*hubresolve\[socks\]"):
        await answer(settings_for("http://hub.test", store), "acme/bert")


async def test_a_password_that_socks_cannot_send_is_said(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", f"socks5h://{USER_INFO}@127.0.0.1:9")
    with pytest.raises(SettingsError, match=r"ALL_PROXY: .* must be of ASCII characters") as caught:
        await answer(settings_for("http://hub.test", store), "acme/bert")
    assert PASSWORD not in repr(caught.value)
