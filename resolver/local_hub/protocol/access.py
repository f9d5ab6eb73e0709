"""Who may see what: the caller behind a request and the refusals it meets. Pure."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass

from resolver.local_hub.catalog.catalog import HubRepo
from resolver.local_hub.protocol.response import DISABLED, INVALID_TOKEN, REPO_NOT_FOUND, Refusal
from resolver.local_hub.server.options import ANY_REPO, HubOptions


class Need(enum.Enum):
    """What a route reads: `METADATA` of gated and disabled repos is public, their `CONTENT` is not."""

    METADATA = enum.auto()
    CONTENT = enum.auto()


@dataclass(frozen=True, slots=True)
class Caller:
    """A request's sender. `token` is None for an anonymous one; `known` tells whether the token is valid."""

    token: str | None = None
    known: bool = False


ANONYMOUS = Caller()


def identify(headers: Mapping[str, str], options: HubOptions) -> Caller:
    """The caller that the `Authorization` header names."""
    authorization = headers.get("Authorization")
    if authorization is None:
        return ANONYMOUS
    token = authorization.removeprefix("Bearer ").strip()
    if token in options.tokens:
        return Caller(token, known=True)
    return ANONYMOUS if options.invalid_token == "ignore" else Caller(token, known=False)


def refuse_caller(caller: Caller) -> Refusal | None:
    """The refusal that an invalid token meets everywhere."""
    return INVALID_TOKEN if caller.token is not None and not caller.known else None


def refuse_missing(caller: Caller, options: HubOptions) -> Refusal:
    """The refusal for a repo that is missing, or hidden from this caller: the two look alike."""
    if caller.known or options.anonymous_missing == 404:
        return REPO_NOT_FOUND
    code = "RepoNotFound" if options.http_error_codes else None
    return Refusal(status=401, message="Invalid username or password.", code=code)


def is_visible(repo: HubRepo, caller: Caller, options: HubOptions) -> bool:
    """Whether the caller may know that the repo exists."""
    return not repo.private or _is_granted(repo, caller, options)


def refuse_repo(repo: HubRepo, caller: Caller, options: HubOptions, need: Need) -> Refusal | None:
    """The refusal that this caller meets at a repo, None where it may read."""
    if not is_visible(repo, caller, options):
        return refuse_missing(caller, options)
    if need is Need.METADATA:
        return None
    if repo.disabled:
        return DISABLED
    if repo.gated is None or _is_granted(repo, caller, options):
        return None
    if caller.known:
        message = (
            f"Access to model {repo.id} is restricted and you are not in the authorized list. "
            f"Visit https://huggingface.co/{repo.id} to ask for access."
        )
        return Refusal(status=403, message=message, code="GatedRepo")
    message = (
        f"Access to model {repo.id} is restricted. You must have access to it and be authenticated to access it. "
        "Please log in."
    )
    return Refusal(status=401, message=message, code="GatedRepo")


def _is_granted(repo: HubRepo, caller: Caller, options: HubOptions) -> bool:
    if not caller.known or caller.token is None:
        return False
    grants = options.tokens[caller.token]
    return ANY_REPO in grants or repo.id in grants
