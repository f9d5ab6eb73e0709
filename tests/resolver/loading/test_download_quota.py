"""What the Hub says of its quota to huggingface_hub's own client reaches the pacer."""

from __future__ import annotations

import asyncio

from huggingface_hub import get_session

from resolver.hub.pacing.quota_headers import Quota
from resolver.hub.pacing.quota_pacer import QuotaPacer, SentRequest
from resolver.loading.download_quota import DownloadWatch
from resolver.local_hub import HubOptions, LocalHub
from tests.resolver.support import catalog_of


async def test_responses_of_the_endpoint_alone_are_passed_on() -> None:
    options = HubOptions(quota_api=50)
    async with LocalHub(catalog_of(), options) as hub, LocalHub(catalog_of(), options) as other:
        seen: list[str] = []
        watch = DownloadWatch(hub.endpoint, lambda headers: seen.append(headers["ratelimit"]))
        watch.start()
        watch.start()
        for server in (hub, other):
            await asyncio.to_thread(get_session().get, f"{server.endpoint}/api/models/acme/bert")
        watch.stop()
        await asyncio.to_thread(get_session().get, f"{hub.endpoint}/api/models/acme/bert")
        assert len(seen) == 1 and '"api";r=49' in seen[0]


def test_a_download_lowers_what_is_left_of_its_window() -> None:
    def said(remaining: int, reset_s: float) -> Quota:
        return Quota(name="api", remaining=remaining, reset_after_s=reset_s, quota=50, window_s=10)

    pacer = QuotaPacer()
    pacer.record_response(said(40, 10), 0, SentRequest(cost=1, number=0, in_flight=0))
    pacer.record_other(said(45, 10), 0)
    assert pacer.left == 40
    pacer.record_other(said(7, 9), 1)
    assert pacer.left == 7
