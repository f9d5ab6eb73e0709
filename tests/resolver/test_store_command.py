"""`hubresolve store`, through the command as a user runs it."""

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


def lines(output: str) -> list[bytes]:
    """JSON lines, but for where the answers came from."""
    found = output.splitlines()
    (source,) = {json.loads(line)["source"] for line in found}
    return [line.replace(f'"source":"{source}"', '"source":null').encode() for line in found]


async def in_thread(*arguments: str | Path, **more: str) -> subprocess.CompletedProcess[str]:
    """As `run`, while the Hub of the test's own loop answers."""
    return await asyncio.to_thread(functools.partial(run, *arguments, **more))


async def test_a_bundle_answers_every_id_offline_on_a_fresh_machine(
    hub: LocalHub, store: Path, tmp_path: Path, bundle: Path
) -> None:
    ids = tmp_path / "ids"
    ids.write_text("\n".join(IDS))
    arguments = ("resolve", "--file", ids, "--format", "jsonl", "--quiet", "--endpoint", hub.endpoint)
    online = await in_thread(*arguments, "--store", store)
    assert online.returncode == 0, online.stderr
    done = await in_thread("store", "export", bundle, "--store", store)
    assert done.returncode == 0, done.stderr
    fresh = tmp_path / "fresh" / "store.sqlite3"
    done = await in_thread("store", "import", bundle, "--store", fresh)
    assert done.returncode == 0, done.stderr
    offline = await in_thread(*arguments, "--offline", "--store", fresh)
    assert offline.returncode == 0, offline.stderr
    assert lines(offline.stdout) == lines(online.stdout)
    verified = await in_thread("store", "verify", "--store", fresh)
    assert (verified.returncode, verified.stdout) == (0, "") and " 0 problems" in verified.stderr


async def test_private_repos_are_exported_only_when_asked_for(
    hub: LocalHub, store: Path, tmp_path: Path, bundle: Path
) -> None:
    await answers(settings_for(hub, store, token=READER), ["acme/private", "acme/bert"])
    for more, expected in (((), 0), (("--with-private",), 1)):
        assert (await in_thread("store", "export", bundle, *more, "--store", store)).returncode == 0
        fresh = tmp_path / f"{expected}.sqlite3"
        await in_thread("store", "import", bundle, "--store", fresh)
        done = await in_thread(
            *("resolve", "acme/private", "--offline", "--endpoint", hub.endpoint, "--store", fresh), HF_TOKEN=READER
        )
        assert done.returncode == (0 if expected else 1)


async def test_chosen_repos_are_exported_and_unknown_ones_named(hub: LocalHub, store: Path, bundle: Path) -> None:
    await answers(settings_for(hub, store), ["acme/bert", "acme/sd"])
    done = await in_thread("store", "export", bundle, "acme/bert", "acme/nobody", "--store", store)
    assert done.returncode == 1 and "acme/nobody" in done.stderr and "1 refs" in done.stderr


async def test_a_damaged_bundle_is_refused_and_the_store_is_as_it_was(hub: LocalHub, store: Path, bundle: Path) -> None:
    await answers(settings_for(hub, store), ["acme/bert", "acme/sd"])
    await in_thread("store", "export", bundle, "--store", store)
    content = bundle.read_bytes()
    bundle.write_bytes(content[:100] + bytes([content[100] ^ 1]) + content[101:])
    before = store.read_bytes()
    done = await in_thread("store", "import", bundle, "--store", store)
    assert (done.returncode, done.stdout) == (2, "") and "damaged" in done.stderr
    assert store.read_bytes() == before


async def test_verify_names_what_is_wrong_and_drops_it_when_told_to(hub: LocalHub, store: Path) -> None:
    await answers(settings_for(hub, store), ["acme/bert", "acme/sd"])
    with sqlite3.connect(store) as connection:
        connection.execute("UPDATE refs SET pipeline_tag = 'other' WHERE repo_id = 'acme/bert'")
    connection.close()
    done = await in_thread("store", "verify", "--store", store)
    assert done.returncode == 1 and "acme/bert@main" in done.stdout
    assert (await in_thread("store", "verify", "--drop", "--store", store)).returncode == 1
    assert (await in_thread("store", "verify", "--store", store)).returncode == 0


async def test_prune_removes_and_info_counts(hub: LocalHub, store: Path) -> None:
    await answers(settings_for(hub, store), ["acme/bert", "acme/sd", "acme/st"])
    done = await in_thread("store", "prune", "--repo", "acme/bert", "--store", store)
    assert done.returncode == 0 and "removed 1 refs, 1 commits" in done.stderr
    assert "removed 0 refs" in (await in_thread("store", "prune", "--older-than", "1d", "--store", store)).stderr
    info = (await in_thread("store", "info", "--store", store)).stdout
    assert "commits" in info and f"refs at {hub.endpoint}" in info and "just now" in info
    done = await in_thread("store", "prune", "--endpoint", f"{hub.endpoint}/", "--older-than", "0", "--store", store)
    assert "removed" in done.stderr and done.returncode == 0


WRONG = (
    ("info of nothing", ("store", "info", "--store", "{tmp}/none.sqlite3")),
    ("verify of nothing", ("store", "verify", "--store", "{tmp}/none.sqlite3")),
    ("export of nothing", ("store", "export", "{tmp}/b", "--store", "{tmp}/none.sqlite3")),
    ("prune of nothing", ("store", "prune", "--repo", "a/b", "--store", "{tmp}/none.sqlite3")),
    ("prune of everything", ("store", "prune", "--store", "{tmp}/store.sqlite3")),
    ("prune by no age", ("store", "prune", "--older-than", "long", "--store", "{tmp}/store.sqlite3")),
    ("import of nothing", ("store", "import", "{tmp}/none", "--store", "{tmp}/store.sqlite3")),
    ("import of a folder", ("store", "import", "{tmp}", "--store", "{tmp}/store.sqlite3")),
    ("import of a text", ("store", "import", "{tmp}/text", "--store", "{tmp}/store.sqlite3")),
    ("export without a file", ("store", "export")),
    ("export to nowhere", ("store", "export", "{tmp}/none/b", "--store", "{tmp}/store.sqlite3")),
    ("an unknown option", ("store", "info", "--what")),
    ("an unknown word", ("store", "clear")),
    ("a server that is not there", ("store", "info", "--store", "postgresql+asyncpg://u:secret@127.0.0.1:9/x")),
)


@pytest.mark.parametrize("arguments", [row[1] for row in WRONG], ids=[row[0] for row in WRONG])
async def test_what_cannot_be_done_is_exit_code_two_and_one_clear_line(
    catalog: Catalog, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    async with LocalHub(catalog) as hub:
        await answers(settings_for(hub, tmp_path / "store.sqlite3"), ["acme/bert"])
    (tmp_path / "text").write_text("acme/bert\n" * 20)
    before = sorted(item.name for item in tmp_path.iterdir())
    done = await in_thread(*(part.format(tmp=tmp_path) for part in arguments))
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    assert done.stderr.strip() and "secret" not in done.stderr
    assert sorted(item.name for item in tmp_path.iterdir()) == before


async def test_a_damaged_store_fails_verification_and_is_left_for_the_next_run_to_replace(
    hub: LocalHub, store: Path
) -> None:
    await answers(settings_for(hub, store), ["acme/bert"])
    copy = store.with_name("copy.sqlite3")
    shutil.copy(store, copy)
    store.write_bytes(copy.read_bytes()[:5_000])
    done = await in_thread("store", "verify", "--store", store)
    assert done.returncode == 1 and "damaged" in done.stderr
    arguments = ("resolve", "acme/bert", "--endpoint", hub.endpoint, "--store", store, "--quiet")
    done = await in_thread(*arguments)
    assert done.returncode == 0 and "damaged" in done.stderr
    done = await in_thread(*arguments)
    assert (done.returncode, done.stderr) == (0, "")
