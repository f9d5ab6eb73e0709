"""`hubresolve registry` in a separate process: what is in force, and updates from wheels."""

from __future__ import annotations

import asyncio
import functools
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from registry.defaults import find_tables_date, shipped_registry
from registry.extension import Extension
from resolver.local_hub import LocalHub
from resolver.resolver import Resolver
from resolver.version import __version__
from tests.registry.wheels import PEFT, TRANSFORMERS, make_wheel
from tests.resolver.support import catalog_of, run, settings_for

ZYX: dict[str, Any] = {
    "id": "acme/zyx",
    "sha": "a" * 40,
    "config": {"architectures": ["ZyxFoldingTrunk"], "model_type": "zyx"},
    "siblings": ["config.json", "model.safetensors"],
    "library_name": "transformers",
}


async def run_in_thread(*arguments: str | Path, **more: str) -> subprocess.CompletedProcess[str]:
    """Run the command in a thread, because the local Hub runs in this event loop."""
    return await asyncio.to_thread(functools.partial(run, *arguments, **more))


async def resolve(hub: LocalHub, store: Path, *options: str) -> dict[str, Any]:
    done = await run_in_thread(
        *("resolve", "acme/zyx", "--format", "jsonl", "--quiet", "--endpoint", hub.endpoint, "--store", store), *options
    )
    row: dict[str, Any] = json.loads(done.stdout)
    return row


async def test_a_new_architecture_is_answered_after_an_update_and_after_a_restart_offline(
    store: Path, tmp_path: Path
) -> None:
    wheel = make_wheel(tmp_path)
    async with LocalHub(catalog_of(ZYX)) as hub:
        before = await resolve(hub, store)
        assert (before["task"], before["model_class"]) == (None, None)
        sent = hub.count.total

        done = await run_in_thread("registry", "update", "--from", wheel, "--store", store)
        assert done.returncode == 0, done.stderr
        assert "transformers 5.99.0: read from transformers-5.99.0-py3-none-any.whl" in done.stderr
        assert "3 architectures, 2 model types and 0 pipelines more" in done.stderr
        assert "new: ZyxFoldingTrunk, ZyxSinger, ZyxSpareWheel" in done.stderr

        for _ in range(2):
            after = await resolve(hub, store, "--offline")
            assert (after["task"], after["model_class"]) == ("feature-extraction", "AutoModel")
        assert hub.count.total == sent
        verified = await run_in_thread("store", "verify", "--store", store)
        assert (verified.returncode, verified.stdout) == (0, "") and "1 decided again" in verified.stderr

        assert (await run_in_thread("registry", "reset", "--store", store)).returncode == 0
        assert (await resolve(hub, store, "--offline"))["task"] is None


async def test_info_says_what_is_in_force(store: Path, tmp_path: Path) -> None:
    async def show() -> dict[str, Any]:
        done = await run_in_thread("registry", "info", "--format", "json", "--store", store)
        assert done.returncode == 0, done.stderr
        content: dict[str, Any] = json.loads(done.stdout)
        return content

    before = await show()
    assert not store.exists()
    assert {row["origin"] for row in before["libraries"]} == {"the tables of this program"}
    make_wheel(tmp_path / "wheels")
    make_wheel(tmp_path / "wheels", "peft", "0.99.0", PEFT)
    await run_in_thread("registry", "update", "--from", tmp_path / "wheels", "--store", store)

    after = await show()

    rows = {row["library"]: row for row in after["libraries"]}
    assert rows["peft"]["origin"] == "update from peft-0.99.0-py3-none-any.whl"
    assert rows["peft"]["version"] == "0.99.0" and rows["peft"]["read_at"] is not None
    assert rows["diffusers"]["origin"] == "the tables of this program"
    assert after["digest"] != before["digest"] and after["decided_by"] != before["decided_by"]
    text = (await run_in_thread("registry", "info", "--store", store)).stdout
    assert "update from transformers-5.99.0-py3-none-any.whl, read just now" in text


async def test_a_release_is_fetched_with_the_users_pip(store: Path, tmp_path: Path) -> None:
    make_wheel(tmp_path / "index")
    pip = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(tmp_path / "index")}

    done = await run_in_thread("registry", "update", "--from", "5.99.0", "--store", store, **pip)
    assert done.returncode == 0, done.stderr
    done = await run_in_thread("registry", "update", "--from", "transformers==6.6.6", "--store", store, **pip)
    assert done.returncode == 2 and "pip cannot fetch transformers==6.6.6" in done.stderr


async def test_bad_input_is_one_line_and_stores_nothing(store: Path, tmp_path: Path) -> None:
    old = make_wheel(tmp_path / "old", version="5.0.0")
    changed = make_wheel(tmp_path / "changed", changed={"transformers/__init__.py": "x"})
    unreadable = make_wheel(tmp_path / "bad", files={**TRANSFORMERS, "models/auto/modeling_auto.py": "no Python"})
    for source, message in (
        (old, "is older than the tables of this program"),
        (changed, "not as RECORD says"),
        (unreadable, "cannot be read"),
        ("numpy", "there is no such file or folder"),
        ("../nothing.whl", "there is no such file or folder"),
        ("--help-me", "there is no such file or folder"),
    ):
        done = await run_in_thread("registry", "update", f"--from={source}", "--store", store)
        assert done.returncode == 2 and message in done.stderr, (source, done.stderr)
    assert not store.exists()


async def test_of_several_releases_those_that_can_be_read_are_stored(store: Path, tmp_path: Path) -> None:
    make_wheel(tmp_path, files={**TRANSFORMERS, "models/auto/modeling_auto.py": "no Python"})
    make_wheel(tmp_path, "peft", "0.99.0", PEFT)

    done = await run_in_thread("registry", "update", "--from", tmp_path, "--store", store)

    assert done.returncode == 1 and "the tables of transformers 5.99.0 cannot be read" in done.stderr
    assert "peft 0.99.0: read from" in done.stderr


async def test_a_registry_of_the_users_own_is_updated_too(store: Path, tmp_path: Path) -> None:
    await run_in_thread("registry", "update", "--from", make_wheel(tmp_path), "--store", store)
    mine = shipped_registry().extended(Extension(name="mine", aliases={"folding": "feature-extraction"}))
    async with LocalHub(catalog_of(ZYX)) as hub, Resolver(settings_for(hub, store, registry=mine)) as resolver:
        answer = await resolver.resolve("acme/zyx", task="folding")

    assert answer.decision.model_class == "AutoModel"


async def test_an_update_travels_in_a_bundle_and_counts_for_all_that_reads_tables(store: Path, tmp_path: Path) -> None:
    wheel, bundle, other = make_wheel(tmp_path), tmp_path / "knowledge.bundle", tmp_path / "other.sqlite3"
    async with LocalHub(catalog_of(ZYX)) as hub:
        assert (await run_in_thread("registry", "update", "--from", wheel, "--store", store)).returncode == 0
        await resolve(hub, store)
        assert (await run_in_thread("store", "export", bundle, "--store", store)).returncode == 0
        done = await run_in_thread("store", "import", bundle, "--store", other)
        assert "registry update of transformers 5.99.0" in done.stderr
        sent = hub.count.total
        assert (await resolve(hub, other, "--offline"))["task"] == "feature-extraction"
        assert hub.count.total == sent
        again = await run_in_thread("store", "import", bundle, "--store", other)
        assert again.returncode == 0 and "registry update" not in again.stderr

    await run_in_thread("registry", "reset", "--store", store)
    await run_in_thread("store", "import", bundle, "--store", store)
    listed = await run_in_thread("store", "list", "--format", "jsonl", "--store", store, "--endpoint", hub.endpoint)
    assert json.loads(listed.stdout)["task"] == "feature-extraction"
    ask = ("tasks", "--model-type", "zyx", "--format", "json", "--store")
    assert "AutoModel" in (await run_in_thread(*ask, other)).stdout
    unknown = await run_in_thread(*ask, tmp_path / "missing.sqlite3")
    assert unknown.returncode == 2 and not (tmp_path / "missing.sqlite3").exists()


async def test_tasks_manager_reads_the_updates_of_its_store(store: Path, tmp_path: Path) -> None:
    code = (
        "from resolver.tasks_manager import TasksManager\n"
        "trunk = type('ZyxFoldingTrunk', (), {'__module__': 'transformers.models.zyx.modeling_zyx'})\n"
        "print(TasksManager.infer_task_from_model(trunk))\n"
    )

    async def infer() -> str:
        environment = {**os.environ, "HUBRESOLVE_STORE": str(store)}
        done = await asyncio.to_thread(
            subprocess.run, [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
        )
        return done.stdout.strip() or done.stderr.splitlines()[-1]

    before = await infer()
    assert "feature-extraction" not in before and not store.exists()
    await run_in_thread("registry", "update", "--from", make_wheel(tmp_path), "--store", store)
    assert await infer() == "feature-extraction"


def test_the_version_says_which_releases_the_tables_are_of_and_how_old_they_are() -> None:
    done = run("--version")
    first, second, third = done.stdout.splitlines()
    assert first == f"hubresolve, version {__version__}"
    versions = shipped_registry().versions
    assert second == f"tables of {', '.join(f'{name} {version}' for name, version in versions.items())}"
    assert "transformers" in versions
    assert re.fullmatch(rf"made on {find_tables_date()}, (today|yesterday|\d+ days ago)", third)
