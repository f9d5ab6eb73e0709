"""Defines the subcommand `serve`."""

from __future__ import annotations

import click

from resolver.cli.durations import DURATION


@click.command(
    epilog="""\b
Examples:
  hubresolve serve
  hubresolve serve --host 0.0.0.0 --port 80 --store /var/lib/hubresolve/store.sqlite3
  curl localhost:8080/v1/models/openai/whisper-small
  curl --data-binary @ids.txt localhost:8080/v1/resolve
"""
)
@click.option(
    "--host",
    metavar="H",
    default="127.0.0.1",
    show_default=True,
    help="Address to listen at; 0.0.0.0 lets other machines ask.",
)
@click.option(
    "--port",
    metavar="P",
    type=click.IntRange(0, 65_535),
    default=8080,
    show_default=True,
    help="Port to listen at; 0 for a free one.",
)
@click.option("--endpoint", metavar="URL", help="Base URL of the Hub.  [env: HF_ENDPOINT]")
@click.option("--store", metavar="PATH|URL", help="Database that keeps the answers.  [env: HUBRESOLVE_STORE]")
@click.option("--offline", is_flag=True, default=None, help="Do not ask the Hub. Answer from the store.")
@click.option(
    "--max-age",
    type=DURATION,
    metavar="AGE",
    help="Check a branch again if its last check is older: 3600, 15m, 12h, 1d.  [default: 1d]",
)
@click.option(
    "--max-stale",
    type=DURATION,
    metavar="AGE",
    help="If the Hub cannot be reached, give answers checked within this time, marked stale.  [default: 0]",
)
@click.option("--lean", is_flag=True, default=None, help="Fetch config.json only if it can change the answer.")
@click.option("--concurrency", type=int, metavar="N", help="Maximum number of requests to the Hub.  [default: 64]")
@click.option(
    "--rate",
    type=click.FloatRange(0),
    metavar="N",
    default=20.0,
    show_default=True,
    help="Requests a second that one client may send on average; 0 for any number.",
)
@click.option(
    "--grace",
    type=DURATION,
    metavar="TIME",
    default="30",
    show_default=True,
    help="How long running answers may take after the signal to stop.",
)
def serve(
    host: str,
    port: int,
    endpoint: str | None,
    store: str | None,
    offline: bool | None,
    max_age: float | None,
    max_stale: float | None,
    lean: bool | None,
    concurrency: int | None,
    rate: float,
    grace: float,
) -> int:
    """Answer over HTTP, for programs in any language.

    GET /v1/models/ORG/NAME answers one repo. POST /v1/resolve answers a list of ids with JSON lines. / is a page about
    what is known. The service asks the Hub with your token, but answers only what is public. After SIGTERM it finishes
    the running answers and ends.
    """
    from resolver.cli.running import run
    from resolver.cli.serving import serve_until_stopped
    from resolver.serving.limits import ServeLimits
    from resolver.serving.service import ServeOptions
    from resolver.settings import Settings

    settings = Settings(
        endpoint=endpoint,
        store=store,
        offline=offline,
        max_age_s=max_age,
        max_stale_s=max_stale,
        lean=lean,
        concurrency=concurrency,
    )
    limits = ServeLimits(requests_per_s=rate, burst=max(1, round(5 * rate)), grace_s=grace)
    return run(serve_until_stopped(ServeOptions(settings=settings, host=host, port=port, limits=limits)))
