"""HTTPS with an authority of one's own: what is trusted, and what is said where it is not."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from resolver.errors import HubUnavailableError, SettingsError
from resolver.hub.certificates import VARIABLES
from resolver.hub.network_errors import translate
from resolver.local_hub import LocalHub, faults
from tests.resolver.network.authority import Authority, hash_name
from tests.resolver.network.official_client import ask_official_client
from tests.resolver.support import BERT_SHA, READER, answer, settings_for

pytestmark = pytest.mark.usefixtures("official_client")


@pytest.mark.parametrize("variable", VARIABLES)
async def test_an_authority_is_trusted_that_a_variable_names(
    hub: LocalHub, authority: Authority, store: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    path = authority.certificate
    if variable == "SSL_CERT_DIR":
        # OpenSSL finds an authority in a folder by the hash of its name.
        path = store.parent / "authorities"
        path.mkdir()
        (path / f"{hash_name(authority.certificate)}.0").write_bytes(authority.certificate.read_bytes())
    monkeypatch.setenv(variable, str(path))
    async with authority.serve(hub.endpoint) as port:
        endpoint = f"https://localhost:{port}"
        found = await answer(settings_for(endpoint, store), "acme/bert")
        official = await ask_official_client(endpoint, "acme/bert")
    assert (found.task, found.commit_hash) == ("fill-mask", BERT_SHA)
    if variable.startswith("SSL_"):
        # The other two were read by its releases that used requests.
        assert official == BERT_SHA


async def test_an_unknown_authority_is_said_at_once_with_what_helps(
    hub: LocalHub, authority: Authority, store: Path
) -> None:
    async with authority.serve(hub.endpoint) as port:
        endpoint = f"https://localhost:{port}"
        with pytest.raises(HubUnavailableError, match="unable to get local issuer certificate") as caught:
            await answer(settings_for(endpoint, store), "acme/bert")
        assert await ask_official_client(endpoint, "acme/bert") is None
    text = str(caught.value)
    assert caught.value.attempts == 1 and hub.count.total == 0
    assert f"localhost:{port}" in text and "SSL_CERT_FILE" in text and "those of the system" in text


async def test_a_certificate_for_another_name_is_said(
    hub: LocalHub, authority: Authority, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.certificate))
    async with authority.serve(hub.endpoint) as port:
        endpoint = f"https://127.0.0.1:{port}"
        with pytest.raises(HubUnavailableError, match=r"certificate is not valid for '127\.0\.0\.1'") as caught:
            await answer(settings_for(endpoint, store), "acme/bert")
        assert await ask_official_client(endpoint, "acme/bert") is None
    assert "use the name that the certificate is for" in str(caught.value)


async def test_a_redirect_to_a_server_that_is_not_trusted_names_that_server(
    hub: LocalHub, authority: Authority, store: Path
) -> None:
    async with authority.serve(hub.endpoint) as port:
        hub.faults.add(faults.redirect_to(f"https://localhost:{port}/api/models/acme/bert"), "/api/*", times=None)
        with pytest.raises(HubUnavailableError, match=f"the certificate of localhost:{port} is not trusted"):
            await answer(settings_for(hub, store), "acme/bert")


@pytest.mark.parametrize("content", [None, "no certificate"], ids=["missing", "unreadable"])
async def test_authorities_that_cannot_be_read_name_their_variable(
    store: Path, monkeypatch: pytest.MonkeyPatch, content: str | None
) -> None:
    path = store.parent / "authorities.pem"
    if content is not None:
        path.write_text(content)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(path))
    with pytest.raises(SettingsError, match=r"REQUESTS_CA_BUNDLE: no certificates can be read from .*authorities\.pem"):
        await answer(settings_for("https://localhost:9", store), "acme/bert")


async def test_a_server_without_tls_is_not_called_unreachable(hub: LocalHub, store: Path) -> None:
    with pytest.raises(HubUnavailableError, match=r"no TLS connection to .*; it may speak plain http"):
        await answer(settings_for(hub.endpoint.replace("http:", "https:"), store), "acme/bert")


@pytest.mark.parametrize(
    ("code", "message", "helps"),
    [
        (10, "certificate has expired", "the clock of this machine"),
        (9, "certificate is not yet valid", "the clock of this machine"),
        (20, "unable to get local issuer certificate", "SSL_CERT_FILE"),
        (18, "self-signed certificate", "SSL_CERT_FILE"),
        (62, "Hostname mismatch, certificate is not valid for 'x'.", "the name that the certificate is for"),
    ],
)
def test_the_reason_is_openssl_s_and_the_help_fits_it(code: int, message: str, helps: str) -> None:
    error = ssl.SSLCertVerificationError(1, f"certificate verify failed: {message}")
    error.verify_code, error.verify_message = code, message
    text = str(translate(error, "https://hub.test", 1.0))
    assert message.rstrip(".") in text and helps in text and "https://hub.test" in text


@pytest.mark.parametrize("token", ["hf_new\nline", "hf_zürich", "hf_\x00", "hf_“quoted”"])
async def test_a_token_with_characters_that_no_token_has_is_said_before_any_request(
    hub: LocalHub, store: Path, token: str
) -> None:
    with pytest.raises(SettingsError, match="token: it has characters") as caught:
        await answer(settings_for(hub, store, token=token), "acme/bert")
    assert token not in str(caught.value) and hub.count.total == 0


async def test_a_token_with_a_line_end_of_windows_is_sent_without_it(hub: LocalHub, store: Path) -> None:
    found = await answer(settings_for(hub, store, token=f"{READER}\r\n"), "acme/private")
    assert found.task == "fill-mask"
