"""`hubresolve store` in a separate process."""

from __future__ import annotations

import asyncio
import functools
import json
import shutil
import sqlite3
import subprocess
from pathlib import Path

import pytest

from resolver.local_hub import Catalog, LocalHub
from tests.resolver.support import BERT_SHA, READER, answers, run, settings_for

IDS = ["acme/bert", "legacy", f"acme/bert@{BERT_SHA}", "acme/sd", "acme/st", "acme/gguf", "single"]


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return tmp_path / "knowledge.bundle"


def lines_without_source(output: str) -> list[bytes]:
    """The JSON lines without their source."""
    found = output.splitlines()
    (source,) = {json.loads(line)["source"] for line in found}
    return [line.replace(f'"source":"{source}"', '"source":null').encode() for line in found]


async def run_in_thread(*arguments: str | Path, **more: str) -> subprocess.CompletedProcess[str]:
    """Run the command in a thread, because the local Hub runs in this event loop."""
    return await asyncio.to_thread(functools.partial(run, *arguments, **more))


async def test_a_bundle_answers_every_id_offline_on_a_fresh_machine(
    hub: LocalHub, store: Path, tmp_path: Path, bundle: Path
) -> None:
    ids = tmp_path / "ids"
    ids.write_text("\n".join(IDS))
    arguments = ("resolve", "--file", ids, "--format", "jsonl", "--quiet", "--endpoint", hub.endpoint)
    online = await run_in_thread(*arguments, "--store", store)
    assert online.returncode == 0, online.stderr
    done = await run_in_thread("store", "export", bundle, "--store", store)
    assert done.returncode == 0, done.stderr
    fresh = tmp_path / "fresh" / "store.sqlite3"
    done = await run_in_thread("store", "import", bundle, "--store", fresh)
    assert done.returncode == 0, done.stderr
    offline = await run_in_thread(*arguments, "--offline", "--store", fresh)
    assert offline.returncode == 0, offline.stderr
    assert lines_without_source(offline.stdout) == lines_without_source(online.stdout)
    verified = await run_in_thread("store", "verify", "--store", fresh)
    assert (verified.returncode, verified.stdout) == (0, "") and " 0 problems" in verified.stderr


async def test_private_repos_are_exported_only_with_the_option(
    hub: LocalHub, store: Path, tmp_path: Path, bundle: Path
) -> None:
    await answers(settings_for(hub, store, token=READER), ["acme/private", "acme/bert"])
    for more, expected in (((), 0), (("--with-private",), 1)):
        assert (await run_in_thread("store", "export", bundle, *more, "--store", store)).returncode == 0
        fresh = tmp_path / f"{expected}.sqlite3"
        await run_in_thread("store", "import", bundle, "--store", fresh)
        done = await run_in_thread(
            *("resolve", "acme/private", "--offline", "--endpoint", hub.endpoint, "--store", fresh), HF_TOKEN=READER
        )
        assert done.returncode == (0 if expected else 1)


async def test_the_given_repos_are_exported_and_unknown_ones_are_named(
    hub: LocalHub, store: Path, bundle: Path
) -> None:
    await answers(settings_for(hub, store), ["acme/bert", "acme/sd"])
    done = await run_in_thread("store", "export", bundle, "acme/bert", "acme/nobody", "--store", store)
    assert done.returncode == 1 and "acme/nobody" in done.stderr and "1 ref to 1 commit" in done.stderr


async def test_a_damaged_bundle_is_refused_and_the_store_is_not_changed(
    hub: LocalHub, store: Path, bundle: Path
) -> None:
    await answers(settings_for(hub, store), ["acme/bert", "acme/sd"])
    await run_in_thread("store", "export", bundle, "--store", store)
    content = bundle.read_bytes()
    bundle.write_bytes(content[:100] + bytes([content[100] ^ 1]) + content[101:])
    before = store.read_bytes()
    done = await run_in_thread("store", "import", bundle, "--store", store)
    assert (done.returncode, done.stdout) == (2, "") and "damaged" in done.stderr
    assert store.read_bytes() == before


async def test_verify_names_wrong_rows_and_drops_them_with_the_option(hub: LocalHub, store: Path) -> None:
    await answers(settings_for(hub, store), ["acme/bert", "acme/sd"])
    with sqlite3.connect(store) as connection:
        connection.execute("UPDATE refs SET pipeline_tag = 'other' WHERE repo_id = 'acme/bert'")
    connection.close()
    done = await run_in_thread("store", "verify", "--store", store)
    assert done.returncode == 1 and "acme/bert@main" in done.stdout
    assert (await run_in_thread("store", "verify", "--drop", "--store", store)).returncode == 1
    assert (await run_in_thread("store", "verify", "--store", store)).returncode == 0


async def test_prune_removes_and_info_counts(hub: LocalHub, store: Path) -> None:
    await answers(settings_for(hub, store), ["acme/bert", "acme/sd", "acme/st"])
    done = await run_in_thread("store", "prune", "--repo", "acme/bert", "--store", store)
    assert done.returncode == 0 and "removed 1 ref, 1 commit" in done.stderr
    assert "removed 0 refs" in (await run_in_thread("store", "prune", "--older-than", "1d", "--store", store)).stderr
    info = (await run_in_thread("store", "info", "--store", store)).stdout
    assert "commits" in info and f"refs at {hub.endpoint}" in info and "just now" in info
    done = await run_in_thread(
        "store", "prune", "--endpoint", f"{hub.endpoint}/", "--older-than", "0", "--store", store
    )
    assert "removed" in done.stderr and done.returncode == 0


WRONG_USAGE = (
    ("info without a store", ("store", "info", "--store", "{tmp}/none.sqlite3")),
    ("verify without a store", ("store", "verify", "--store", "{tmp}/none.sqlite3")),
    ("export without a store", ("store", "export", "{tmp}/b", "--store", "{tmp}/none.sqlite3")),
    ("prune without a store", ("store", "prune", "--repo", "a/b", "--store", "{tmp}/none.sqlite3")),
    ("prune without a criterion", ("store", "prune", "--store", "{tmp}/store.sqlite3")),
    ("prune with an invalid age", ("store", "prune", "--older-than", "long", "--store", "{tmp}/store.sqlite3")),
    ("import of a missing file", ("store", "import", "{tmp}/none", "--store", "{tmp}/store.sqlite3")),
    ("import of a folder", ("store", "import", "{tmp}", "--store", "{tmp}/store.sqlite3")),
    ("import of a text file", ("store", "import", "{tmp}/text", "--store", "{tmp}/store.sqlite3")),
    ("export without a file", ("store", "export")),
    ("export to a missing folder", ("store", "export", "{tmp}/none/b", "--store", "{tmp}/store.sqlite3")),
    ("an unknown option", ("store", "info", "--what")),
    ("an unknown subcommand", ("store", "clear")),
    ("an unreachable server", ("store", "info", "--store", "postgresql+asyncpg://u:secret@127.0.0.1:9/x")),
)


@pytest.mark.parametrize("arguments", [row[1] for row in WRONG_USAGE], ids=[row[0] for row in WRONG_USAGE])
async def test_wrong_usage_is_exit_code_two_and_a_clear_message(
    catalog: Catalog, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    async with LocalHub(catalog) as hub:
        await answers(settings_for(hub, tmp_path / "store.sqlite3"), ["acme/bert"])
    (tmp_path / "text").write_text("acme/bert\n" * 20)
    before = sorted(item.name for item in tmp_path.iterdir())
    done = await run_in_thread(*(part.format(tmp=tmp_path) for part in arguments))
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    assert done.stderr.strip() and "secret" not in done.stderr
    assert sorted(item.name for item in tmp_path.iterdir()) == before


async def test_a_damaged_store_fails_verification_and_the_next_run_replaces_it(hub: LocalHub, store: Path) -> None:
    await answers(settings_for(hub, store), ["acme/bert"])
    copy = store.with_name("copy.sqlite3")
    shutil.copy(store, copy)
    store.write_bytes(copy.read_bytes()[:5_000])
    done = await run_in_thread("store", "verify", "--store", store)
    assert done.returncode == 1 and "damaged" in done.stderr
    arguments = ("resolve", "acme/bert", "--endpoint", hub.endpoint, "--store", store, "--quiet")
    done = await run_in_thread(*arguments)
    assert done.returncode == 0 and "damaged" in done.stderr
    done = await run_in_thread(*arguments)
    assert (done.returncode, done.stderr) == (0, "")
