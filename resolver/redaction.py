"""Hides secrets in texts that people see: errors, logs, tracebacks, `repr`.

What is hidden: the tokens and passwords that this process uses (`remember_secret`), user names and passwords in URLs,
and whatever has the form of a token, a password or an `Authorization` header. Texts of other libraries' exceptions may
hold any of these.
"""

from __future__ import annotations

import re
from urllib.parse import quote, unquote

HIDDEN = "***"
MIN_SECRET_LENGTH = 4
"""A shorter secret is not searched for: it would be found in ordinary words."""

MAX_SECRETS = 256
_MAX_CHAIN = 10
"""Exceptions of one chain of causes that are looked at."""

_known: dict[str, None] = {}
"""Secrets of this process, the latest last."""

# All repetitions are bounded: the text may be made to take long.
_PATTERNS = (
    # A password may contain "/"; a port followed by a path is none.
    (re.compile(r"(://)(?:[^\s/?#@]{0,256}@){1,3}"), rf"\1{HIDDEN}@"),
    (re.compile(r"(://)[^\s/@:]{0,256}:(?!\d{1,5}[/?#])[^\s@]{0,256}@"), rf"\1{HIDDEN}@"),
    (re.compile(r"\bhf_[A-Za-z0-9]{16,256}"), f"hf_{HIDDEN}"),
    (re.compile(r"(?i)\b(bearer\s{1,4})(?!token\b|realm)[\w.~+/=-]{6,4096}"), rf"\1{HIDDEN}"),
    (re.compile(r"(?i)(authorization['\"]?\s{0,4}[:=,]\s{0,4}['\"]?)[^'\"\r\n]{1,4096}"), rf"\1{HIDDEN}"),
    (
        re.compile(r"(?i)((?:password|passwd|secret|token)['\"]?\s{0,4}[:=]\s{0,4}(['\"]))[^'\"]{1,4096}(?=\2)"),
        rf"\1{HIDDEN}",
    ),
    (re.compile(r"(?i)([?&][\w.%-]{0,64}(?:token|signature|password|secret)=)[^&\s'\"]{1,4096}"), rf"\1{HIDDEN}"),
)


class Secret(str):
    """A string that does not show itself in `repr`, and thus not in the `repr` of what holds it."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"'{HIDDEN}'"


class HiddenError(Exception):
    """Takes the place of an exception whose text holds a secret: its kind, and its text without the secret."""


def remember_secret(text: str | None) -> None:
    """Hide `text` from now on, as it is and as a part of a URL."""
    for form in dict.fromkeys((text, unquote(text), quote(text, safe="")) if text else ()):
        if len(form) >= MIN_SECRET_LENGTH:
            _known.pop(form, None)
            _known[str(form)] = None
            if len(_known) > MAX_SECRETS:
                del _known[next(iter(_known))]


def forget_secret(text: str) -> None:
    """Hide `text` no longer, because this process does not use it any more; it is not kept."""
    for form in (text, unquote(text), quote(text, safe="")):
        _known.pop(form, None)


def remember_url_secrets(url: str) -> None:
    """Hide the password that a URL holds, from now on."""
    user_info, at, _ = url.partition("://")[2].partition("/")[0].rpartition("@")
    if at:
        remember_secret(user_info.partition(":")[2])


def hide_secrets(text: str) -> str:
    """`text` without what is, or looks like, a secret."""
    for secret in list(_known):
        if secret in text:
            text = text.replace(secret, HIDDEN)
    for pattern, replacement in _PATTERNS:
        text = pattern.sub(replacement, text)
    return text


def describe_error(error: BaseException) -> str:
    """The kind and text of an exception, without secrets. An exception without a usable text is its kind alone."""
    kind = type(error).__name__
    try:
        text = str(error)
    except Exception:
        text = ""
    return hide_secrets(f"{kind}: {text}" if text else kind)


def without_secrets(error: BaseException, depth: int = 0) -> BaseException:
    """`error`, or what takes its place where it, or an exception that caused it, holds a secret.

    The traceback is kept.
    """
    if not _holds_secret(error):
        return error
    hidden = HiddenError(describe_error(error)).with_traceback(error.__traceback__)
    before = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if before is not None and depth < _MAX_CHAIN:
        hidden.__cause__ = without_secrets(before, depth + 1)
    hidden.__suppress_context__ = True
    return hidden


def _holds_secret(error: BaseException | None) -> bool:
    for _ in range(_MAX_CHAIN):
        if error is None:
            return False
        try:
            text = f"{error}\n{error!r}\n{error.__dict__!r}"
        except Exception:
            return True
        if hide_secrets(text) != text:
            return True
        error = error.__cause__ or error.__context__
    return error is not None
