"""Answers over HTTP with FastAPI: `uvicorn gateway:app`. The how-to page about a gateway explains it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, HTTPException, Request

from resolver import HubError, InvalidRequestError, RateLimitedError, ResolveError, Resolver


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[dict[str, Resolver]]:
    async with Resolver() as resolver:
        yield {"resolver": resolver}


app = FastAPI(lifespan=lifespan)


def choose_status(error: ResolveError) -> int:
    """The HTTP status that tells a caller what to do."""
    if isinstance(error, RateLimitedError):
        return 503
    if isinstance(error, InvalidRequestError):
        return 422
    if isinstance(error, HubError) and error.is_hub_answer:
        return 404
    return 502


@app.get("/models/{repo_id:path}")
async def resolve(
    request: Request, repo_id: str, revision: str | None = None, task: str | None = None
) -> dict[str, Any]:
    resolver: Resolver = request.state.resolver
    try:
        answer = await resolver.resolve(repo_id, revision, task)
    except ResolveError as error:
        raise HTTPException(choose_status(error), {"code": error.code, "message": str(error)}) from error
    return dict(answer.to_dict())
