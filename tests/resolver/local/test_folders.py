"""Model folders on disk: the same answer as by id, whatever the folder holds."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from resolver.errors import ResolveError
from resolver.local_hub import LocalHub
from resolver.resolution import Resolution, Source
from tests.resolver.support import BERT, ROWS, answer, answers, catalog_of, codes, run, settings_for

NO_HUB = "http://127.0.0.1:9"
CARD = "---\npipeline_tag: fill-mask\nlibrary_name: transformers\ntags: [transformers, bert]\n---\n# A model\n"


def make_model(folder: Path, config: Any = BERT, **files: str | bytes) -> Path:
    """A small transformers model; `files` are further contents, with "__" for the dot."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_bytes(config if isinstance(config, bytes) else msgspec.json.encode(config))
    (folder / "model.safetensors").write_bytes(b"\0" * 8)
    for name, content in files.items():
        (folder / name.replace("__", ".")).write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


async def of_folder(folder: Path | str, store: Path, **asked: Any) -> Resolution:
    return await answer(settings_for(NO_HUB, store, offline=True), str(folder), **asked)


async def test_a_folder_gets_the_same_answer_as_its_repo(store: Path, tmp_path: Path) -> None:
    rows = [row for row in ROWS if row["id"] in ("acme/bert", "acme/sd", "acme/st", "acme/gguf")]
    async with LocalHub(catalog_of(*rows)) as hub:
        by_id = await answers(settings_for(hub, store), [row["id"] for row in rows])
    for row, expected in zip(rows, by_id, strict=True):
        folder = tmp_path / row["id"]
        repo = catalog_of(row).get(row["id"])
        assert repo is not None and isinstance(expected, Resolution)
        for name, content in repo.commits[repo.head].items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
        card = {"pipeline_tag": repo.pipeline_tag, "library_name": repo.library_name, "tags": list(repo.tags)}
        (folder / "README.md").write_text(f"---\n{json.dumps(card)}\n---\n")
        found = await of_folder(folder, store)
        assert found.source is Source.LOCAL and (found.commit_hash, found.canonical_id) == (None, None)
        for name in ("library", "task", "framework", "weights", "model_type", "architecture", "model_class"):
            # What is inside a GGUF file the Hub tells; here it is not opened.
            if not (row["id"] == "acme/gguf" and name in ("architecture", "model_type", "task", "model_class")):
                assert getattr(found, name) == getattr(expected, name), (row["id"], name)


async def test_the_model_card_says_what_the_files_do_not(store: Path, tmp_path: Path) -> None:
    bare = await of_folder(make_model(tmp_path / "bare", {**BERT, "architectures": ["BertModel"]}), store)
    config = {**BERT, "architectures": ["BertModel"]}
    card = CARD.replace("fill-mask", "sentence-similarity")
    told = await of_folder(make_model(tmp_path / "told", config, README__md=card), store)
    assert (bare.pipeline_tag, told.pipeline_tag, told.library_name) == (None, "sentence-similarity", "transformers")
    assert (bare.task, told.task) == ("feature-extraction", "sentence-similarity")


CARDS: tuple[str | bytes, ...] = (
    "",
    "# no header",
    "---\n",
    "---\n: : :\n---\n",
    "---\n- a\n- list\n---\n",
    "---\npipeline_tag: [7]\nlibrary_name: {a: 1}\ntags: x\n---\n",
    "---\npipeline_tag: !!python/object:os.system x\n---\n",
    '---\npipeline_tag: "\\uD800"\ntags: ["\\uD800", 7, null, 2026-01-01]\n---\n',
    "---\na: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\nd: [*c, *c]\n---\n",
    b"---\npipeline_tag: \xff\n---\n",
    b"\0" * 1000,
    "---\n" + "[" * 5000 + "\n---\n",
    "---\n" + "x: y\n" * 400_000,
)


async def test_a_model_card_may_hold_anything(store: Path, tmp_path: Path) -> None:
    folders = [make_model(tmp_path / f"m{number}", README__md=card) for number, card in enumerate(CARDS)]
    found = await answers(settings_for(NO_HUB, store, offline=True), folders)
    assert [(item.library, item.task) for item in found if isinstance(item, Resolution)] == [
        ("transformers", "fill-mask")
    ] * len(CARDS)
    done = run("resolve", *folders, "--format", "jsonl", "--offline", "--store", store)
    assert (done.returncode, len(done.stdout.splitlines())) == (0, len(CARDS))


def fifo(path: Path) -> None:
    os.mkfifo(path)


def loop(path: Path) -> None:
    path.symlink_to(path.name)


def dangling(path: Path) -> None:
    path.symlink_to("nowhere")


def folder(path: Path) -> None:
    path.mkdir()


def huge(path: Path) -> None:
    with path.open("wb") as file:
        file.write(b'{"a": "')
        file.truncate(20 << 30)


def device(path: Path) -> None:
    path.symlink_to("/dev/zero")


@pytest.mark.parametrize("make", [fifo, loop, dangling, folder, huge, device])
@pytest.mark.parametrize("name", ["config.json", "README.md", "modules.json", "model.safetensors", "sub"])
async def test_what_is_no_readable_file_neither_blocks_nor_breaks_the_answer(
    store: Path, tmp_path: Path, make: Callable[[Path], None], name: str
) -> None:
    model = make_model(tmp_path / "model", README__md=CARD)
    (model / name).unlink(missing_ok=True)
    make(model / name)
    found = await of_folder(model, store)
    by_name = (
        ("sentence_transformers", "sentence-similarity") if name == "modules.json" and make is not folder else None
    )
    assert (found.library, found.task) == (by_name or ("transformers", "fill-mask"))
    if name == "config.json" and make is not folder:
        assert any(note.startswith("config.json: ") for note in found.decision.notes)


async def test_a_link_that_leads_back_is_walked_once(store: Path, tmp_path: Path) -> None:
    model = make_model(tmp_path / "model")
    (model / "again").symlink_to(model)
    (model / ".git").mkdir()
    (model / ".git" / "x.gguf").write_bytes(b"")
    found = await of_folder(model, store)
    assert (found.library, found.weights) == ("transformers", ("pt",))


async def test_names_that_are_no_text_do_no_harm(store: Path, tmp_path: Path) -> None:
    model = make_model(tmp_path / "model")
    with open(os.fsencode(model) + b"/caf\xe9.gguf", "wb"):
        pass
    assert (await of_folder(model, store)).task == "fill-mask"
    assert run("explain", model, "--offline", "--store", store).returncode == 0


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read anything")
async def test_a_file_that_may_not_be_read_is_said_to_be_so(store: Path, tmp_path: Path) -> None:
    model = make_model(tmp_path / "model", README__md=CARD)
    (model / "config.json").chmod(0)
    found = await of_folder(model, store)
    assert found.task == "fill-mask" and "cannot be read" in found.decision.notes[0]


async def test_a_folder_without_a_model_is_told_apart_from_no_folder(store: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "text").mkdir()
    (tmp_path / "text" / "notes.txt").write_text("x")
    (tmp_path / "file").write_text("x")
    paths = [tmp_path / name for name in ("empty", "text", "file", "nowhere", "a\0b")]
    assert await codes(settings_for(NO_HUB, store, offline=True), paths) == [
        *("not_a_model", "not_a_model", "invalid_repo_id", "invalid_repo_id", "invalid_repo_id")
    ]


async def test_a_folder_called_like_a_repo_counts_where_it_holds_a_model(
    hub: LocalHub, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "acme" / "sd").mkdir(parents=True)
    make_model(tmp_path / "acme" / "bert")
    make_model(tmp_path / "single")
    found = await answers(
        settings_for(hub, store),
        ["acme/bert", "acme/bert@main", ("acme/bert", "main"), "acme/sd", "single", "./single"],
    )
    assert [item.source for item in found if isinstance(item, Resolution)] == [
        *(Source.LOCAL, Source.HUB, Source.HUB, Source.HUB, Source.LOCAL, Source.LOCAL)
    ]


async def test_a_stray_checkpoint_does_not_shadow_the_repo_of_that_name(
    hub: LocalHub, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "acme" / "bert").mkdir(parents=True)
    for name in ("optimizer.pt", "last.ckpt", "training_args.bin", "trainer_state.json"):
        (tmp_path / "acme" / "bert" / name).write_bytes(b"x")
    assert (await answer(settings_for(hub, store), "acme/bert")).source is Source.HUB
    (tmp_path / "acme" / "bert" / "model.gguf").write_bytes(b"x")
    assert (await answer(settings_for(hub, store), "acme/bert")).source is Source.LOCAL


async def test_a_revision_that_is_requested_is_never_dropped(
    hub: LocalHub, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    make_model(tmp_path / "acme" / "bert")
    found = await answers(settings_for(hub, store), ["acme/bert", "./acme/bert", "acme/st@main"], revision="main")
    assert [item.source if isinstance(item, Resolution) else item.error.code for item in found] == [
        *(Source.HUB, "invalid_repo_id", Source.HUB)
    ]
    with pytest.raises(ResolveError, match="has no revision 'v1'"):
        await answer(settings_for(hub, store), "./acme/bert", "v1")
    done = run("resolve", "./acme/bert", "--revision", "v1", "--format", "jsonl", "--offline", "--store", store)
    assert done.returncode == 1 and json.loads(done.stdout)["error"]["code"] == "invalid_repo_id"


async def test_the_card_of_a_folder_names_its_base_models(store: Path, tmp_path: Path) -> None:
    card = "---\nbase_model: [a/b, c/d]\nbase_model_relation: finetune\n---\n"
    found = await of_folder(make_model(tmp_path / "model", README__md=card), store)
    assert found.decision.base_models == ("a/b", "c/d")


async def test_the_home_folder_and_what_is_asked_for_count_here_too(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    make_model(tmp_path / "model")
    assert (await of_folder("~/model", store, task="feature-extraction")).task == "feature-extraction"
    with pytest.raises(ResolveError) as caught:
        await of_folder("~/model", store, task="text-to-image")
    assert caught.value.code == "task_mismatch"


async def test_a_folder_that_hides_a_repo_is_said_once(
    hub: LocalHub, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    make_model(tmp_path / "acme" / "bert")
    monkeypatch.chdir(tmp_path)
    found = await answers(settings_for(hub, store), ["acme/bert", "acme/bert", "./acme/bert", "acme/bert@main"])
    assert [item.source for item in found if isinstance(item, Resolution)] == [*[Source.LOCAL] * 3, Source.HUB]
    (said,) = [record.getMessage() for record in caplog.records if "in place of the repo" in record.getMessage()]
    assert said.startswith("acme/bert is a folder here") and "acme/bert@main means the repo" in said
