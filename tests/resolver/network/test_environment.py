"""huggingface_hub's environment variables mean here what they mean there: both read the same ones, in one process."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from resolver import Settings
from resolver.environment import READ_BY_SETTINGS
from resolver.errors import SettingsError
from resolver.hub.headers import user_agent
from resolver.loading.download import Snapshot
from resolver.local_hub import LocalHub
from tests.resolver.support import BERT_SHA, ROOT, answer, environment, settings_for

PROGRAM = """
import importlib, json, os, sys
import huggingface_hub
from huggingface_hub import constants, get_token
from resolver.local.hf_cache import find_cache_dir
from resolver.settings import Settings, find_token

answers = []
for changes in json.load(sys.stdin):
    for name in list(os.environ):
        if name.startswith(("HF_", "HUGGING", "TRANSFORMERS_", "XDG_", "HUBRESOLVE_")):
            del os.environ[name]
    os.environ.update(changes)
    importlib.reload(constants)
    theirs = {
        "endpoint": constants.ENDPOINT,
        "offline": constants.HF_HUB_OFFLINE,
        "cache": constants.HF_HUB_CACHE,
        "token": None if constants.HF_HUB_DISABLE_IMPLICIT_TOKEN else get_token(),
    }
    settings = Settings(store="s").fill()
    ours = {
        "endpoint": settings.endpoint,
        "offline": settings.offline,
        "cache": str(find_cache_dir(None)),
        "token": find_token(settings.token, offline=settings.offline),
    }
    answers.append([theirs, ours])
json.dump(answers, sys.stdout)
"""

HOME = "/home/nobody"

ROWS: tuple[dict[str, str], ...] = (
    {},
    {"HF_ENDPOINT": "https://mirror.example/"},
    {"HF_ENDPOINT": "https://mirror.example/api/huggingface/models"},
    {"HUGGINGFACE_CO_STAGING": "1"},
    {"HUGGINGFACE_CO_STAGING": "yes", "HF_ENDPOINT": "https://mirror.example"},
    {"HUGGINGFACE_CO_STAGING": "0", "HF_ENDPOINT": "https://mirror.example"},
    *({"HF_HUB_OFFLINE": value} for value in ("1", "ON", "yes", "True", "0", "off", "", "2", "y")),
    {"TRANSFORMERS_OFFLINE": "1"},
    {"TRANSFORMERS_OFFLINE": "1", "HF_HUB_OFFLINE": "0"},
    {"TRANSFORMERS_OFFLINE": "1", "HF_HUB_OFFLINE": ""},
    {"TRANSFORMERS_OFFLINE": "0", "HF_HUB_OFFLINE": "1"},
    {"HF_HOME": "/data/hf"},
    {"HF_HOME": "~/hf"},
    {"HF_HOME": "$DATA_FOLDER/hf"},
    {"XDG_CACHE_HOME": "/data/xdg"},
    {"XDG_CACHE_HOME": "/data/xdg", "HF_HOME": "/data/hf"},
    {"HF_HUB_CACHE": "/data/cache"},
    {"HF_HUB_CACHE": "~/cache"},
    {"HF_HUB_CACHE": "$DATA_FOLDER/cache", "HF_HOME": "/data/hf"},
    {"HF_HUB_CACHE": "${DATA_FOLDER}x/cache"},
    {"HUGGINGFACE_HUB_CACHE": "/data/older"},
    {"HUGGINGFACE_HUB_CACHE": "/data/older", "HF_HUB_CACHE": "/data/cache"},
    {"HF_TOKEN": "hf_one"},
    {"HUGGING_FACE_HUB_TOKEN": "hf_two"},
    {"HF_TOKEN": "hf_one", "HUGGING_FACE_HUB_TOKEN": "hf_two"},
    {"HF_TOKEN": " hf_one\n"},
    {"HF_TOKEN": "hf_one", "HF_HUB_OFFLINE": "1"},
    {"HF_TOKEN": "hf_one", "HF_HUB_DISABLE_IMPLICIT_TOKEN": "1"},
    {"HF_TOKEN": ""},
    {"HF_TOKEN_PATH": "TOKEN_FILE"},
    {"HF_TOKEN_PATH": "TOKEN_FILE", "HF_HUB_OFFLINE": "1"},
    {"HF_TOKEN_PATH": "TOKEN_FILE", "HF_TOKEN": "hf_one"},
    {"HF_TOKEN_PATH": "TOKEN_FILE", "HF_HUB_DISABLE_IMPLICIT_TOKEN": "true"},
)


@cache
def read_both(token_file: Path) -> list[list[dict[str, Any]]]:
    """For each of `ROWS` what huggingface_hub has, and what we have."""
    token_file.write_text("hf_from_file\n")
    rows = [{name: str(token_file) if value == "TOKEN_FILE" else value for name, value in row.items()} for row in ROWS]
    line = [sys.executable, "-W", "ignore", "-c", PROGRAM]
    env = environment(HOME=HOME, DATA_FOLDER="/data/elsewhere")
    done = subprocess.run(line, env=env, input=json.dumps(rows), capture_output=True, text=True, check=True)
    answers: list[list[dict[str, Any]]] = json.loads(done.stdout)
    return answers


@pytest.fixture(scope="module")
def token_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("token") / "token"


def name_row(row: dict[str, str]) -> str:
    return " ".join(f"{name}={value.strip()}" for name, value in row.items()) or "none"


@pytest.mark.parametrize("row", ROWS, ids=name_row)
def test_both_read_the_same(row: dict[str, str], token_file: Path) -> None:
    theirs, ours = read_both(token_file)[ROWS.index(row)]
    assert ours == theirs


def test_the_rows_differ(token_file: Path) -> None:
    theirs = [item for item, _ in read_both(token_file)]
    values = {key: {item[key] for item in theirs} for key in theirs[0]}
    assert {key: len(found) for key, found in values.items()} == {"endpoint": 4, "offline": 2, "cache": 10, "token": 4}


@pytest.mark.parametrize(
    ("value", "timeout_s"), [("120", 120.0), ("10", 30.0), ("0", 30.0), ("", 30.0), (" 45 ", 45.0), ("00", 30.0)]
)
def test_a_longer_timeout_for_downloads_is_ours_too(value: str, timeout_s: float) -> None:
    assert Settings(store="s").fill({"HF_HUB_DOWNLOAD_TIMEOUT": value}).timeout_s == timeout_s
    assert Settings(store="s", timeout_s=5).fill({"HF_HUB_DOWNLOAD_TIMEOUT": value}).timeout_s == 5


def test_a_timeout_that_is_no_number_is_named() -> None:
    with pytest.raises(SettingsError, match="timeout_s: 'soon' is not a number"):
        Settings(store="s").fill({"HF_HUB_DOWNLOAD_TIMEOUT": "soon"})


async def test_the_origin_of_requests_is_in_the_header(
    hub: LocalHub, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_USER_AGENT_ORIGIN", "acme-tool")
    assert user_agent().endswith("; origin/acme-tool")
    assert (await answer(settings_for(hub, store), "acme/bert")).task == "fill-mask"
    monkeypatch.delenv("HF_HUB_USER_AGENT_ORIGIN")
    assert "origin/" not in user_agent()


async def test_an_exchange_of_tokens_that_fails_is_an_error_of_the_settings(
    hub: LocalHub, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_OIDC_RESOURCE", "acme/bert")
    with pytest.raises(SettingsError, match="token: huggingface_hub cannot get one"):
        await answer(settings_for(hub, store, token=None), "acme/bert")


async def test_a_cache_that_is_named_later_gets_the_downloads_too(
    hub: LocalHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """huggingface_hub has read the environment already."""
    monkeypatch.setenv("HF_HUB_CACHE", "$NAMED_LATER/cache")
    monkeypatch.setenv("NAMED_LATER", str(tmp_path))
    snapshot = Snapshot(repo_id="acme/bert", commit_hash=BERT_SHA, endpoint=hub.endpoint)
    folder = await asyncio.to_thread(snapshot.fetch, ["config.json"])
    assert folder.is_relative_to(tmp_path / "cache") and (folder / "config.json").is_file()


def test_the_page_has_every_variable_that_is_read() -> None:
    page = (ROOT / "docs" / "networks.md").read_text("utf-8")
    read = {name for names in READ_BY_SETTINGS.values() for name in names} | {name for row in ROWS for name in row}
    source = (ROOT / "resolver" / "environment.py").read_text("utf-8")
    read |= set(re.findall(r'environ.get\("(\w+)"', source))
    assert [name for name in sorted(read) if f"`{name}`" not in page] == []
