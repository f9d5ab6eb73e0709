"""The FastAPI application of `docs/serving.md`, and the steps of the `Dockerfile`."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from resolver.cli.main import cli
from resolver.local_hub import LocalHub
from resolver.serving.limits import ServeLimits
from resolver.serving.responses import STATUSES
from tests.ports import find_free_port
from tests.resolver.own_environment import make_python
from tests.resolver.serving.support import DESCRIPTION, read_url
from tests.resolver.support import READER, ROOT, environment

PAGE = (ROOT / "docs" / "serving.md").read_text("utf-8")
(RECIPE,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


def test_the_page_has_every_route_code_and_bound() -> None:
    for path, operations in DESCRIPTION["paths"].items():
        for method in operations:
            assert f"`{method.upper()} {path}`" in PAGE
    for code, status in STATUSES.items():
        assert any(f"`{code}`" in line for line in PAGE.splitlines() if line.startswith(f"| {status} |"))
    limits = ServeLimits()
    for bound in (limits.max_ids, limits.max_connections, limits.max_page_rows, limits.max_line_bytes):
        assert f"{bound:,}" in PAGE
    assert "`--rate`" in PAGE and "`--grace`" in PAGE and "serve" in cli.commands


async def test_the_application_of_the_page_answers(hub: LocalHub, store: Path, tmp_path: Path) -> None:
    (tmp_path / "recipe.py").write_text(RECIPE)
    port = find_free_port()
    line = [sys.executable, "-m", "uvicorn", "recipe:app", "--port", str(port), "--log-level", "warning"]
    more = {"HF_ENDPOINT": hub.endpoint, "HF_TOKEN": READER, "HUBRESOLVE_STORE": str(store)}
    running = await asyncio.create_subprocess_exec(*line, env=environment(**more), cwd=tmp_path)
    try:
        async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session:
            found = await _get_when_ready(session, "/models/acme/bert")
            assert found["task"] == "fill-mask"
            for hidden in ("acme/private", "./recipe.py"):
                async with session.get(f"/models/{hidden}") as response:
                    assert response.status == 404
            async with session.post("/resolve", json=["acme/sd", "acme/private"]) as response:
                rows = [json.loads(line) for line in (await response.text()).splitlines()]
            assert rows[0]["library"] == "diffusers" and rows[1]["error"]["code"] == "repo_not_found"
    finally:
        running.send_signal(signal.SIGTERM)
        await running.wait()


async def _get_when_ready(session: aiohttp.ClientSession, path: str) -> dict[str, Any]:
    while True:
        try:
            async with session.get(path) as response:
                found: dict[str, Any] = await response.json()
                return found
        except aiohttp.ClientConnectorError:
            await asyncio.sleep(0.05)


def read_steps() -> list[tuple[str, str]]:
    """The instructions of the `Dockerfile`, each with its arguments."""
    lines = (ROOT / "Dockerfile").read_text("utf-8").splitlines()
    steps = [line.partition(" ") for line in lines if line and not line.startswith("#")]
    return [(name, arguments) for name, _, arguments in steps]


def test_the_image_has_what_it_copies_and_no_rights() -> None:
    steps = read_steps()
    of: dict[str, list[str]] = {}
    for name, arguments in steps:
        of.setdefault(name, []).append(arguments)
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines() if line.startswith("!")}
    copied = {source for arguments in of["COPY"] for source in arguments.split()[:-1]}
    assert copied == allowed and all((ROOT / source).exists() for source in copied)
    (user,), (volume,), (start,) = of["USER"], of["VOLUME"], of["ENTRYPOINT"]
    assert int(user) > 0 and f"--uid {user}" in " ".join(of["RUN"]) and f"chown {user} {volume}" in " ".join(of["RUN"])
    assert f"HUBRESOLVE_STORE={volume}/" in of["ENV"][0] and json.loads(start)[1] == "serve"
    # Nothing is copied or installed by the user without rights, and nothing is run as root after it.
    names = [name for name, _ in steps]
    assert not {"RUN", "COPY"} & set(names[names.index("USER") :])


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="the steps are for Linux")
async def test_the_steps_of_the_image_run_in_a_clean_environment(hub: LocalHub, tmp_path: Path) -> None:
    root = tmp_path / "root"
    # Skips where no package index can be reached.
    python = make_python(tmp_path / "base", ["hatchling"])

    def place(text: str) -> str:
        return re.sub(r"(?<![\w.])/(src|opt|var)\b", rf"{root}/\1", text)

    env = {"PATH": f"{python.parent}:{os.environ['PATH']}", "HOME": str(tmp_path)}
    env |= {name: value for name, value in os.environ.items() if name.startswith(("PIP_", "SSL_"))}
    start: list[str] = []
    health: list[str] = []
    for name, arguments in read_steps():
        if name == "COPY":
            *sources, target = arguments.split()
            for source in sources:
                to = Path(place(target)) / (source if target.endswith("/") else "")
                to.parent.mkdir(parents=True, exist_ok=True)
                if (ROOT / source).is_dir():
                    shutil.copytree(ROOT / source, to, ignore=shutil.ignore_patterns("__pycache__"))
                else:
                    shutil.copyfile(ROOT / source, to)
        elif name == "RUN" and "useradd" not in arguments:
            done = subprocess.run(["sh", "-c", place(arguments)], env=env, cwd=tmp_path, capture_output=True, text=True)
            assert done.returncode == 0, done.stderr[-4_000:]
        elif name == "ENV":
            env |= dict(item.split("=", 1) for item in place(arguments).split())
        elif name == "ENTRYPOINT":
            start = [place(part) for part in json.loads(arguments)]
        elif name == "HEALTHCHECK":
            health = [place(part) for part in json.loads(arguments.partition("CMD ")[2])]
    (root / "var" / "lib" / "hubresolve").mkdir(parents=True)
    env["HF_ENDPOINT"] = hub.endpoint
    running = await asyncio.create_subprocess_exec(
        *start, "--port", "0", env=env, cwd=tmp_path, stderr=asyncio.subprocess.PIPE
    )
    try:
        url = (await read_url(running)).replace("0.0.0.0", "127.0.0.1")
        async with aiohttp.ClientSession() as session:
            async with session.get(f"{url}/v1/models/acme/bert") as response:
                assert (await response.json())["task"] == "fill-mask"
            async with session.get(f"{url}/metrics") as response:
                assert response.status == 200
        checked = await asyncio.create_subprocess_exec(*(part.replace("http://127.0.0.1:8080", url) for part in health))
        assert await checked.wait() == 0
        assert (root / "var" / "lib" / "hubresolve" / "store.sqlite3").exists()
    finally:
        running.send_signal(signal.SIGTERM)
        await running.communicate()
    assert running.returncode == 0
