"""`Settings`: how a resolver behaves, with defaults from the environment variables of this project."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from registry.registry import Registry
from resolver import environment
from resolver.cache.freshness import DEFAULT_MAX_AGE_S, Policy
from resolver.errors import SettingsError
from resolver.hooks.hooks import Hooks
from resolver.redaction import Secret, describe_error, hide_secrets, remember_secret, remember_url_secrets

DEFAULT_ENDPOINT = "https://huggingface.co"
DEFAULT_CONCURRENCY = 64
DEFAULT_TIMEOUT_S = 30.0
MAX_CONCURRENCY = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Every field may be None: it is then read from the environment, else it has its default.

    `endpoint`: base URL of the Hub (`HF_ENDPOINT`; default https://huggingface.co).
    `token`: sent as Bearer to the endpoint's origin only; False for no token (`HF_TOKEN`, or the token file).
    `store`: path of the SQLite file, or a SQLAlchemy URL of SQLite or PostgreSQL (`HUBRESOLVE_STORE`; default in the
    user's cache folder).
    `offline`: open no socket (`HF_HUB_OFFLINE`, `TRANSFORMERS_OFFLINE`).
    `max_age_s`: how long a branch or tag is used without a check with the Hub (`HUBRESOLVE_MAX_AGE`; default a day).
    `max_stale_s`: while the Hub cannot be reached, answer with a check that is no longer ago, marked as stale
    (`HUBRESOLVE_MAX_STALE`; default 0: such an answer is an error).
    `refresh`: check with the Hub, whatever the age. `lean`: fetch `config.json` only where the Hub's extract of it does
    not settle the decision. `partial`: answer as soon as files, or the page of a listing, tell enough; the answer's own
    `partial` names what could not be seen, and a run without this setting completes it.
    `concurrency`: most requests in flight (`HUBRESOLVE_CONCURRENCY`; default 64).
    Pickled settings hold no token: it is read from the environment where they are unpickled.
    `timeout_s`: longest time that one request may take (default 30, or `HF_HUB_DOWNLOAD_TIMEOUT` where that is longer).
    `cache_dir`: the local Hugging Face cache, read while offline (`HF_HUB_CACHE`, `HF_HOME`).
    `registry`: the rules; default the shipped ones. `hooks`: methods that are called for requests, hits, waits and
    retries (`resolver.Hooks`; default none); they are not pickled either.
    `ids_only`: requests are ids of repos; a path is refused, and neither local folders nor the Hugging Face cache are
    read. `public_only`: the token is sent to the Hub, but what is answered and remembered is what a request without it
    would be answered. Both are for services that answer strangers.
    """

    endpoint: str | None = None
    token: str | Literal[False] | None = field(default=None, repr=False)
    store: str | Path | None = None
    offline: bool | None = None
    max_age_s: float | None = None
    max_stale_s: float | None = None
    refresh: bool | None = None
    lean: bool | None = None
    partial: bool | None = None
    concurrency: int | None = None
    timeout_s: float | None = None
    cache_dir: str | Path | None = None
    registry: Registry | None = None
    hooks: Hooks | None = field(default=None, repr=False, hash=False)
    ids_only: bool | None = None
    public_only: bool | None = None

    def __getstate__(self) -> list[Any]:
        # A token is not stored or sent: where this is unpickled, it is read from the environment, as if it were open.
        values = {item.name: getattr(self, item.name) for item in fields(self)}
        return list({**values, "token": False if self.token is False else None, "hooks": None}.values())

    def __copy__(self) -> Settings:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Settings:
        return self

    def __repr__(self) -> str:
        return _describe_fields(self)

    def fill(self, environ: Mapping[str, str] | None = None) -> FilledSettings:
        """These settings with every field that is None taken from `environ` (default: the process's) or its default.

        Raises:
            SettingsError: a value cannot be used; the message names the field.
        """
        env = os.environ if environ is None else environ
        store = self.store if self.store is not None else env.get("HUBRESOLVE_STORE") or _find_default_store()
        remember_secret(self.token or None)
        remember_url_secrets(str(store))
        return FilledSettings(
            endpoint=_parse_endpoint(self.endpoint if self.endpoint is not None else environment.read_endpoint(env)),
            token=self.token,
            store=store,
            offline=self.offline if self.offline is not None else environment.read_offline(env),
            max_age_s=_parse_number(
                "max_age_s", self.max_age_s, DEFAULT_MAX_AGE_S, 0, math.inf, env.get("HUBRESOLVE_MAX_AGE")
            ),
            max_stale_s=_parse_number("max_stale_s", self.max_stale_s, 0, 0, math.inf, env.get("HUBRESOLVE_MAX_STALE")),
            refresh=bool(self.refresh),
            lean=bool(self.lean),
            partial=bool(self.partial),
            concurrency=int(
                _parse_number(
                    "concurrency",
                    self.concurrency,
                    DEFAULT_CONCURRENCY,
                    1,
                    MAX_CONCURRENCY,
                    env.get("HUBRESOLVE_CONCURRENCY"),
                )
            ),
            timeout_s=_find_timeout_s(self.timeout_s, env),
            cache_dir=self.cache_dir,
            registry=self.registry,
            hooks=self.hooks,
            ids_only=bool(self.ids_only),
            public_only=bool(self.public_only),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class FilledSettings:
    """`Settings` without open fields; of those read from the environment only `token` and `cache_dir`
    may be None: as huggingface_hub finds it."""

    endpoint: str
    token: str | Literal[False] | None = field(repr=False)
    store: str | Path
    offline: bool
    max_age_s: float
    max_stale_s: float
    refresh: bool
    lean: bool
    partial: bool
    concurrency: int
    timeout_s: float
    cache_dir: str | Path | None
    registry: Registry | None
    hooks: Hooks | None = field(repr=False, hash=False)
    ids_only: bool
    public_only: bool

    def __repr__(self) -> str:
        return _describe_fields(self)

    @property
    def policy(self) -> Policy:
        """How remembered refs are used."""
        return Policy(max_age_s=self.max_age_s, offline=self.offline, refresh=self.refresh, partial=self.partial)


def _describe_fields(settings: Settings | FilledSettings) -> str:
    """The `repr` of settings: without the token, and without the password in the URL of a store."""
    shown = (f"{item.name}={getattr(settings, item.name)!r}" for item in fields(settings) if item.repr)
    return hide_secrets(f"{type(settings).__name__}({', '.join(shown)})")


def find_token(token: str | Literal[False] | None, *, offline: bool = False) -> str | None:
    """The token to send: `token` itself, None for False, else as huggingface_hub finds it. Blocking: it reads files.

    Offline the token only selects what was stored for it; then nothing is called that could open a socket.
    """
    if token is False:
        return None
    if token is None:
        from huggingface_hub import constants

        if constants.HF_HUB_DISABLE_IMPLICIT_TOKEN:
            return None
        if offline:
            token = os.environ.get("HF_TOKEN") or os.environ.get("HUGGING_FACE_HUB_TOKEN") or _read_token_file()
        else:
            from huggingface_hub import get_token

            try:
                token = get_token()
            except Exception as error:  # of an exchange of tokens, which may fail in any way
                raise SettingsError(f"token: huggingface_hub cannot get one: {describe_error(error)}") from None
    token = token.strip() if token else ""
    remember_secret(token)
    return Secret(token) if token else None


def read_environment(settings: Settings) -> tuple[object, ...]:
    """What `Settings.fill` and `find_token` would read for the open fields: equal until one of them would differ."""
    values: list[object] = [
        _ENVIRON.get(variable)
        for field_name, variables in _VARIABLES
        if getattr(settings, field_name) is None
        for variable in variables
    ]
    if settings.token is None:
        from huggingface_hub import constants

        try:
            token_file = os.stat(constants.HF_TOKEN_PATH)  # noqa: PTH116 (Path.stat takes five times as long)
            values.append(token_file.st_mtime_ns)
        except OSError:
            values.append(None)
    return tuple(values)


# Bytes are read faster where the system has them: this is read at each call of a function without `await`.
_ENVIRON: Mapping[Any, Any] = os.environb if os.supports_bytes_environ else os.environ


def _encode_names(*names: str) -> tuple[str | bytes, ...]:
    return tuple(os.fsencode(name) if os.supports_bytes_environ else name for name in names)


_VARIABLES = (
    *((field_name, _encode_names(*names)) for field_name, names in environment.READ_BY_SETTINGS.items()),
    ("store", _encode_names("HUBRESOLVE_STORE")),
    ("max_age_s", _encode_names("HUBRESOLVE_MAX_AGE")),
    ("max_stale_s", _encode_names("HUBRESOLVE_MAX_STALE")),
    ("concurrency", _encode_names("HUBRESOLVE_CONCURRENCY")),
)
"""Field of `Settings` -> the environment variables that it is read from."""


def _read_token_file() -> str | None:
    from huggingface_hub import constants

    try:
        return Path(constants.HF_TOKEN_PATH).read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return None


def _parse_endpoint(value: str | None) -> str:
    endpoint = (value or DEFAULT_ENDPOINT).strip().rstrip("/")
    try:
        parts = urlsplit(endpoint)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and not (parts.query or parts.fragment)
        _ = parts.port
    except ValueError:
        usable = False
    if "@" in endpoint and not (usable and not parts.username and not parts.password):
        raise SettingsError("endpoint: the URL contains a user name or password; use a token instead")
    if not usable:
        raise SettingsError(f"endpoint: {endpoint!r} is not a base URL such as {DEFAULT_ENDPOINT}")
    return endpoint


def _find_default_store() -> Path:
    import platformdirs

    return Path(platformdirs.user_cache_dir("hubresolve", appauthor=False)) / "store.sqlite3"


def _find_timeout_s(value: float | None, env: Mapping[str, str]) -> float:
    if value is None and (variable := environment.read_timeout(env)) is not None:
        # It is meant for slow networks: there it is the longest time between two bytes, and here of a whole request.
        return max(DEFAULT_TIMEOUT_S, _parse_number("timeout_s", None, DEFAULT_TIMEOUT_S, 0.001, 86_400, variable))
    return _parse_number("timeout_s", value, DEFAULT_TIMEOUT_S, 0.001, 86_400)


def _parse_number(
    name: str, value: float | None, default: float, low: float, high: float, variable: str | None = None
) -> float:
    """`value`, else the value of the environment variable, else `default`; it must be from `low` to `high`."""
    text: float | str = value if value is not None else variable or default
    try:
        number = float(text)
    except (TypeError, ValueError):
        raise SettingsError(f"{name}: {text!r} is not a number") from None
    if not low <= number <= high:
        raise SettingsError(f"{name}: {text!r} is not between {low:g} and {high:g}")
    return number
