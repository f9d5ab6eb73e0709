"""Reads the environment variables of huggingface_hub as it reads them (2.4, `constants.py`). Pure.

An empty value counts as none, where huggingface_hub would use it. What it reads by itself is left to it: the token, the
home folder, and how it downloads. docs/networks.md has the table.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

STAGING_ENDPOINT = "https://hub-ci.huggingface.co"

_TRUE = {"1", "ON", "YES", "TRUE"}


def is_true(value: str | None) -> bool:
    """Whether the value of a variable means yes."""
    return value is not None and value.upper() in _TRUE


def read_endpoint(environ: Mapping[str, str]) -> str | None:
    """The Hub to ask; None for the public one."""
    return STAGING_ENDPOINT if is_true(environ.get("HUGGINGFACE_CO_STAGING")) else environ.get("HF_ENDPOINT")


def read_offline(environ: Mapping[str, str]) -> bool:
    """Whether the Hub must not be asked. `HF_HUB_OFFLINE` counts before the variable of transformers."""
    return is_true(environ.get("HF_HUB_OFFLINE") or environ.get("TRANSFORMERS_OFFLINE"))


def read_cache_dir(environ: Mapping[str, str]) -> str | None:
    """The folder of the Hugging Face cache; None for the one in its home folder."""
    value = environ.get("HF_HUB_CACHE") or environ.get("HUGGINGFACE_HUB_CACHE")
    return os.path.expandvars(os.path.expanduser(value)) if value else None  # noqa: PTH111 (as huggingface_hub)


def read_timeout(environ: Mapping[str, str]) -> str | None:
    """The longest time of a request, in seconds and as text; None where it is not set, or 0."""
    value = environ.get("HF_HUB_DOWNLOAD_TIMEOUT", "").strip()
    return value if value.strip("0") else None


def read_user_agent_origin(environ: Mapping[str, str]) -> str | None:
    """Who asks, for the User-Agent header."""
    return environ.get("HF_HUB_USER_AGENT_ORIGIN") or None


READ_BY_SETTINGS: Mapping[str, tuple[str, ...]] = {
    "endpoint": ("HUGGINGFACE_CO_STAGING", "HF_ENDPOINT"),
    "token": ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"),
    "offline": ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"),
    "timeout_s": ("HF_HUB_DOWNLOAD_TIMEOUT",),
}
"""Field of `Settings` -> the variables of huggingface_hub that it is read from."""
