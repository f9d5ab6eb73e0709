"""The URLs of the Hub's API, as a table; forms as recorded from huggingface.co (2026)."""

from __future__ import annotations

import pytest

from resolver.hub.urls import (
    BY_CHANGE,
    EXPAND,
    dataset_info_url,
    file_url,
    is_page_of,
    listing_url,
    model_info_url,
)

pytestmark = pytest.mark.pure

HUB = "https://hub.test"
EXPANDED = "&".join(f"expand={name}" for name in EXPAND)

URLS = (
    (model_info_url(HUB, "acme/bert", "main"), f"/api/models/acme/bert/revision/main?{EXPANDED}"),
    (model_info_url(HUB, "gpt2", "refs/pr/1"), f"/api/models/gpt2/revision/refs%2Fpr%2F1?{EXPANDED}"),
    (model_info_url(HUB, "gpt2", "ö b"), f"/api/models/gpt2/revision/%C3%B6%20b?{EXPANDED}"),
    (file_url(HUB, "acme/bert", "main", "config.json"), "/acme/bert/resolve/main/config.json"),
    (file_url(HUB, "acme/bert", "a/b", "unet/config.json"), "/acme/bert/resolve/a%2Fb/unet/config.json"),
    (file_url(HUB, "acme/bert", "main", "a?b#c.json"), "/acme/bert/resolve/main/a%3Fb%23c.json"),
    (dataset_info_url(HUB, "acme/words"), "/api/datasets/acme/words?expand=private"),
    (listing_url(HUB), f"/api/models?sort=createdAt&limit=1000&{EXPANDED}"),
    (
        listing_url(HUB, author="acme", search="a b", filters=["gguf", "license:mit"], page_size=10),
        f"/api/models?author=acme&search=a+b&filter=gguf&filter=license%3Amit&sort=createdAt&limit=10&{EXPANDED}",
    ),
    (listing_url(HUB, sort=BY_CHANGE), f"/api/models?sort=lastModified&limit=1000&{EXPANDED}&expand=lastModified"),
)


@pytest.mark.parametrize(("url", "expected"), URLS)
def test_urls_are_those_of_the_hub(url: str, expected: str) -> None:
    assert url == HUB + expected


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (f"{HUB}/api/models?cursor=abc", True),
        ("https://elsewhere.test/api/models?cursor=abc", False),
        (f"{HUB}.evil.test/api/models?cursor=abc", False),
        (f"{HUB}/api/datasets?cursor=abc", False),
        ("http://hub.test/api/models?cursor=abc", False),
    ],
)
def test_a_next_page_is_one_of_the_same_endpoint(url: str, expected: bool) -> None:
    assert is_page_of(HUB, url) is expected
