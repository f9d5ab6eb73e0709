"""Which proxy a URL has: a table, each row of which huggingface_hub's own client is asked too."""

from __future__ import annotations

import urllib.request

import pytest
from huggingface_hub.utils._http import get_session
from yarl import URL

from resolver.errors import SettingsError
from resolver.hub.proxies import ProxyRules
from tests.resolver.network.authority import Authority

HTTP, HTTPS, ALL = "http://one.test:1", "http://two.test:2", "http://three.test:3"
EVERY = {"HTTP_PROXY": HTTP, "HTTPS_PROXY": HTTPS, "ALL_PROXY": ALL}

ROWS: list[tuple[dict[str, str], str, str | None]] = [
    ({}, "https://hub.test/", None),
    (EVERY, "http://hub.test/", HTTP),
    (EVERY, "https://hub.test/", HTTPS),
    ({"ALL_PROXY": ALL}, "http://hub.test/", ALL),
    ({"ALL_PROXY": ALL}, "https://hub.test/", ALL),
    ({"HTTP_PROXY": HTTP}, "https://hub.test/", None),
    ({"HTTP_PROXY": "one.test:1"}, "http://hub.test/", HTTP),
    ({"HTTPS_PROXY": "two.test:2"}, "https://hub.test/", HTTPS),
    ({"HTTPS_PROXY": ""}, "https://hub.test/", None),
    ({"https_proxy": HTTPS}, "https://hub.test/", HTTPS),
    *(
        ({**EVERY, "NO_PROXY": no_proxy}, url, HTTPS if is_used else None)
        for no_proxy, url, is_used in [
            ("", "https://hub.test/", True),
            ("*", "https://hub.test/", False),
            ("a.test,*", "https://hub.test/", False),
            ("hub.test", "https://hub.test/", False),
            ("HUB.test", "https://hub.TEST/", False),
            ("hub.test", "https://files.hub.test/", False),
            ("hub.test", "https://myhub.test/", True),
            (".hub.test", "https://files.hub.test/", False),
            (".hub.test", "https://hub.test/", True),
            ("*.hub.test", "https://files.hub.test/", False),
            ("*.hub.test", "https://hub.test/", True),
            ("*hub.test", "https://hub.test/", True),
            ("all://*hub.test", "https://hub.test/", False),
            ("a.test, hub.test ,b.test", "https://hub.test/", False),
            ("hub.test:8443", "https://hub.test:8443/", False),
            ("hub.test:8443", "https://hub.test:9443/", True),
            ("hub.test:8443", "https://hub.test/", True),
            ("hub.test:443", "https://hub.test/", True),
            ("https://hub.test:443", "https://hub.test/", False),
            ("https://hub.test", "https://hub.test:8443/", False),
            ("http://hub.test", "https://hub.test/", True),
            ("all://hub.test", "https://hub.test/", False),
            ("https://*.hub.test", "https://files.hub.test/", False),
            ("10.0.0.0/8", "https://10.1.2.3/", False),
            ("10.0.0.0/8", "https://11.1.2.3/", True),
            ("10.1.2.9/24", "https://10.1.2.3/", False),
            ("10.0.0.0/8", "https://ten.test/", True),
            ("10.0.0.0/99", "https://10.1.2.3/", True),
            ("10.1.2.3", "https://10.1.2.3/", False),
            ("10.1.2.3", "https://10.1.2.3:8443/", False),
            ("10.1.2.3:8443", "https://10.1.2.3:8443/", False),
            ("10.1.2.3:8443", "https://10.1.2.3:9443/", True),
            ("::1", "https://[::1]/", False),
            ("[::1]", "https://[::1]:8443/", False),
            ("[::1]:8443", "https://[::1]:8443/", False),
            ("[::1]:8443", "https://[::1]:9443/", True),
            ("fd00::/8", "https://[fd12::1]/", False),
            ("fd00::/8", "https://[fe12::1]/", True),
            ("localhost", "https://localhost:8443/", False),
            ("localhost", "https://sub.localhost/", True),
            ("hub.test/models", "https://hub.test/", True),
            ("hub.test:port", "https://hub.test/", True),
            (",,", "https://hub.test/", True),
        ]
    ),
]


@pytest.mark.usefixtures("official_client")
@pytest.mark.parametrize(("environment", "url", "proxy"), ROWS)
def test_the_proxy_is_the_one_that_huggingface_hub_would_use(
    monkeypatch: pytest.MonkeyPatch,
    authority: Authority,
    environment: dict[str, str],
    url: str,
    proxy: str | None,
) -> None:
    # One certificate is read faster than all of the system's.
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.certificate))
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    found = ProxyRules(urllib.request.getproxies()).find(URL(url))
    assert (str(found.url) if found is not None else None) == proxy
    assert ask_official_rules(url) == proxy


def ask_official_rules(url: str) -> str | None:
    """The proxy that huggingface_hub's session has for a URL; no connection is made."""
    session = get_session()
    pool = session._transport_for_url(type(session.base_url)(url))._pool  # type: ignore[attr-defined]
    proxy = getattr(pool, "_proxy_url", None)
    return f"{proxy.scheme.decode()}://{proxy.host.decode()}:{proxy.port}" if proxy is not None else None


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("ftp://me:swordfish@proxy.test", "HTTPS_PROXY: a proxy cannot have the scheme 'ftp'"),
        ("socks4://proxy.test", "HTTPS_PROXY: a proxy cannot have the scheme 'socks4'"),
        ("http://me:swordfish@proxy.test:99999", "HTTPS_PROXY: .* is no address of a proxy"),
        ("http://:3128", "HTTPS_PROXY: .* is no address of a proxy"),
        ("http://[::1", "HTTPS_PROXY: .* is no address of a proxy"),
    ],
)
def test_what_is_no_proxy_names_its_variable_and_no_password(value: str, said: str) -> None:
    with pytest.raises(SettingsError, match=said) as caught:
        ProxyRules({"https": value}).find(URL("https://hub.test"))
    assert "swordfish" not in str(caught.value)
