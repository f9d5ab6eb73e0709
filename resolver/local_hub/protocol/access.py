"""Checks what a caller may read, and builds the errors for what it may not. Pure."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass

from resolver.local_hub.catalog.catalog import HubRepo
from resolver.local_hub.options import ANY_REPO, HubOptions
from resolver.local_hub.protocol.response import INVALID_TOKEN, REPO_DISABLED, REPO_NOT_FOUND, RouteError


class AccessLevel(enum.Enum):
    """The access that a route needs: `METADATA` of gated and disabled repos is public, their `CONTENT` is not."""

    METADATA = enum.auto()
    CONTENT = enum.auto()


@dataclass(frozen=True, slots=True)
class Caller:
    """The sender of a request. An anonymous caller has no `token`; an authenticated one has a valid token."""

    token: str | None = None
    is_authenticated: bool = False


ANONYMOUS = Caller()


def identify_caller(headers: Mapping[str, str], options: HubOptions) -> Caller:
    """The caller of the `Authorization` header."""
    authorization = headers.get("Authorization")
    if authorization is None:
        return ANONYMOUS
    token = authorization.removeprefix("Bearer ").strip()
    if token in options.tokens:
        return Caller(token, is_authenticated=True)
    return ANONYMOUS if options.invalid_token == "ignore" else Caller(token, is_authenticated=False)


def check_token(caller: Caller) -> RouteError | None:
    """The error for an invalid token; None for a valid token or none. Every route makes this check."""
    return INVALID_TOKEN if caller.token is not None and not caller.is_authenticated else None


def build_missing_error(caller: Caller, options: HubOptions) -> RouteError:
    """The error for a repo that is missing or hidden from this caller; both look the same."""
    if caller.is_authenticated or options.anonymous_missing == 404:
        return REPO_NOT_FOUND
    code = "RepoNotFound" if options.http_error_codes else None
    return RouteError(status=401, message="Invalid username or password.", code=code)


def is_visible(repo: HubRepo, caller: Caller, options: HubOptions) -> bool:
    """Whether the repo exists for this caller."""
    return not repo.private or _is_granted(repo, caller, options)


def check_repo_access(repo: HubRepo, caller: Caller, options: HubOptions, level: AccessLevel) -> RouteError | None:
    """The error for a caller that may not read a repo at this level; None where it may."""
    if not is_visible(repo, caller, options):
        return build_missing_error(caller, options)
    if level is AccessLevel.METADATA:
        return None
    if repo.disabled:
        return REPO_DISABLED
    if repo.gated is None or _is_granted(repo, caller, options):
        return None
    if caller.is_authenticated:
        message = (
            f"Access to model {repo.id} is restricted and you are not in the authorized list. "
            f"Visit https://huggingface.co/{repo.id} to ask for access."
        )
        return RouteError(status=403, message=message, code="GatedRepo")
    message = (
        f"Access to model {repo.id} is restricted. You must have access to it and be authenticated to access it. "
        "Please log in."
    )
    return RouteError(status=401, message=message, code="GatedRepo")


def _is_granted(repo: HubRepo, caller: Caller, options: HubOptions) -> bool:
    if not caller.is_authenticated or caller.token is None:
        return False
    grants = options.tokens[caller.token]
    return ANY_REPO in grants or repo.id in grants
