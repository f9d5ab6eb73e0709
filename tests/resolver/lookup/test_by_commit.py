"""A commit whose facts are stored, or whose files are in the cache, is answered offline by its hash."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from resolver.errors import OfflineError, RepositoryNotFoundError
from resolver.local_hub import Catalog, LocalHub
from resolver.lookup.by_commit import find_commit, is_withdrawn
from resolver.lookup.request import Request
from resolver.resolution import Resolution, Source
from resolver.settings import Settings
from store.keys import PUBLIC, REPO_WIDE, TOMBSTONE
from store.rows import RefRow
from tests.resolver.support import BERT_SHA, READER, STRANGER, Clock, answer, answers, codes, settings_for

BIGGER = {"architectures": ["GPT2LMHeadModel"], "model_type": "gpt2"}
OFFLINE_MISS = ["offline_miss"]


def push_gpt2(catalog: Catalog, branch: str) -> str:
    """The hash of a commit whose architecture is another than that of the default branch."""
    return catalog.push("acme/bert", {"config.json": BIGGER}, branch=branch)


async def learn_tag(hub: LocalHub, store: Path, clock: Clock, **more: Any) -> str:
    commit = push_gpt2(hub.catalog, "work")
    hub.catalog.change("acme/bert", git_tags={"v1": commit})
    await answer(settings_for(hub, store, **more), "acme/bert", "v1", clock=clock)
    return commit


async def learn_pull_request(hub: LocalHub, store: Path, clock: Clock, **more: Any) -> str:
    commit = push_gpt2(hub.catalog, "refs/pr/3")
    await answer(settings_for(hub, store, **more), "acme/bert", "refs/pr/3", clock=clock)
    return commit


async def learn_moved_branch(hub: LocalHub, store: Path, clock: Clock, **more: Any) -> str:
    before = push_gpt2(hub.catalog, "main")
    settings = settings_for(hub, store, refresh=True, **more)
    await answer(settings, "acme/bert", clock=clock)
    hub.catalog.change("acme/bert", branches={"main": BERT_SHA})
    clock.now_s += 1
    assert (await answer(settings, "acme/bert", clock=clock)).commit_hash == BERT_SHA
    return before


async def learn_under_old_name(hub: LocalHub, store: Path, clock: Clock, **more: Any) -> str:
    commit = push_gpt2(hub.catalog, "dev")
    settings = settings_for(hub, store, refresh=True, **more)
    await answer(settings, "acme/bert", "dev", clock=clock)
    hub.catalog.rename("acme/bert", "other/renamed")
    clock.now_s += 1
    await answer(settings, "acme/bert", clock=clock)
    return commit


WAYS: dict[str, tuple[Callable[..., Any], str]] = {
    "tag": (learn_tag, "acme/bert"),
    "pull request": (learn_pull_request, "acme/bert"),
    "branch that moved on": (learn_moved_branch, "acme/bert"),
    "another spelling": (learn_tag, "ACME/Bert"),
    "old name": (learn_under_old_name, "acme/bert"),
    "new name": (learn_under_old_name, "other/renamed"),
}


@pytest.mark.parametrize("way", WAYS)
async def test_a_commit_is_answered_however_it_was_learned(hub: LocalHub, store: Path, clock: Clock, way: str) -> None:
    learn, name = WAYS[way]
    commit = await learn(hub, store, clock)
    sent = hub.count.total
    found = await answer(settings_for(hub, store, offline=True), name, commit, clock=clock)
    assert (found.commit_hash, found.architecture, found.source) == (commit, "GPT2LMHeadModel", Source.STORE)
    assert (found.repo_id, found.revision, found.stale) == (name, commit, False)
    asked = await answer(settings_for(hub, store, offline=True), name, commit, task="feature-extraction", clock=clock)
    assert (asked.task, asked.model_class) == ("feature-extraction", "AutoModel")
    assert hub.count.total == sent


@pytest.mark.parametrize("way", WAYS)
async def test_a_commit_that_a_token_learned_is_for_that_token(
    hub: LocalHub, store: Path, clock: Clock, way: str
) -> None:
    learn, name = WAYS[way]
    hub.catalog.change("acme/bert", private=True)
    commit = await learn(hub, store, clock, token=READER)
    for token, code in ((READER, None), (STRANGER, "offline_miss"), (False, "offline_miss")):
        assert await codes(settings_for(hub, store, token=token, offline=True), [(name, commit)]) == [code]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("checked_by", [READER, False], ids=["by its owner", "by a stranger"])
async def test_a_withdrawn_commit_is_answered_under_no_name(
    hub: LocalHub, store: Path, clock: Clock, way: str, checked_by: str | bool
) -> None:
    learn, _ = WAYS[way]
    commit = await learn(hub, store, clock)
    current = "other/renamed" if "other/renamed" in hub.catalog else "acme/bert"
    hub.catalog.change(current, private=True)
    clock.now_s += 1
    await check(settings_for(hub, store, token=checked_by, refresh=True), current, clock)
    names: list[Request] = [(name, commit) for name in ("acme/bert", "ACME/Bert", current, current.upper())]
    assert await codes(settings_for(hub, store, token=STRANGER, offline=True), names) == OFFLINE_MISS * len(names)


async def check(settings: Settings, repo_id: str, clock: Clock) -> None:
    """Check a repo, whatever comes of it."""
    with contextlib.suppress(RepositoryNotFoundError):
        await answer(settings, repo_id, clock=clock)


async def test_what_was_known_before_a_withdrawal_is_not_answered_when_the_repo_is_public_again(
    hub: LocalHub, store: Path, clock: Clock
) -> None:
    commit = await learn_moved_branch(hub, store, clock)
    settings = settings_for(hub, store, refresh=True)
    for private in (True, False):
        hub.catalog.change("acme/bert", private=private)
        clock.now_s += 1
        await check(settings, "acme/bert", clock)
    offline = settings_for(hub, store, offline=True)
    assert await codes(offline, ["acme/bert", ("acme/bert", BERT_SHA), ("acme/bert", commit)]) == [
        *(None, None, "offline_miss")
    ]


@pytest.mark.parametrize("repo_id", ["acme/bert", "acme/sd", "acme/st"])
async def test_a_lean_answer_about_a_branch_that_moved_on_stays_reachable(
    hub: LocalHub, store: Path, clock: Clock, repo_id: str
) -> None:
    lean = settings_for(hub, store, lean=True, refresh=True)
    before = await answer(lean, repo_id, clock=clock)
    hub.catalog.push(repo_id, {"new": "x"})
    clock.now_s += 1
    await answer(lean, repo_id, clock=clock)
    found = await answer(settings_for(hub, store, offline=True), repo_id, before.commit_hash, clock=clock)
    assert found.decision == before.decision


async def test_while_the_hub_does_not_answer_a_commit_is_found_too(hub: LocalHub, store: Path, clock: Clock) -> None:
    commit = await learn_moved_branch(hub, store, clock)
    settings = settings_for(hub, store, max_stale_s=9e9)
    await hub.__aexit__(None, None, None)
    found = await answer(settings, "acme/bert", commit, clock=clock)
    assert (found.architecture, found.source) == ("GPT2LMHeadModel", Source.STORE)


# The Hugging Face cache.


def fill_cache(tmp_path: Path, repo_id: str = "acme/bert") -> Path:
    """A snapshot without a ref, as another program may leave it."""
    repo = tmp_path / "hf-home" / "hub" / f"models--{repo_id.replace('/', '--')}"
    snapshot = repo / "snapshots" / BERT_SHA
    snapshot.mkdir(parents=True)
    (snapshot / "config.json").write_text('{"architectures": ["BertForMaskedLM"], "model_type": "bert"}')
    return repo


async def test_a_snapshot_without_a_ref_is_answered_by_its_commit(store: Path, tmp_path: Path) -> None:
    fill_cache(tmp_path)
    settings = settings_for("http://127.0.0.1:9", store, offline=True)
    found = await answer(settings, "acme/bert", BERT_SHA)
    assert (found.source, found.architecture) == (Source.HF_CACHE, "BertForMaskedLM")
    with pytest.raises(OfflineError, match=f"request a commit that the cache has: {BERT_SHA}"):
        await answer(settings, "acme/bert")


@pytest.mark.parametrize("turned", [{"private": True}, {"gated": "manual"}], ids=["private", "gated"])
async def test_a_snapshot_of_what_was_withdrawn_is_for_whoever_may_still_see_it(
    hub: LocalHub, store: Path, tmp_path: Path, clock: Clock, turned: dict[str, Any]
) -> None:
    await answer(settings_for(hub, store), "legacy", clock=clock)
    hub.catalog.change("acme/bert", **turned)
    clock.now_s += 1
    await answer(settings_for(hub, store, token=READER, refresh=True), "acme/bert", clock=clock)
    # Only the cache has this commit.
    for name in ("acme/bert", "legacy"):
        fill_cache(tmp_path, name).joinpath("snapshots", BERT_SHA).rename(
            tmp_path / "hf-home" / "hub" / f"models--{name.replace('/', '--')}" / "snapshots" / ("9" * 40)
        )
    asked: list[Request] = [(name, "9" * 40) for name in ("acme/bert", "legacy", "Acme/BERT")]
    for token in (STRANGER, False):
        found = await answers(settings_for(hub, store, token=token, offline=True), asked)
        assert ["was withdrawn" in str(getattr(item, "error", "")) for item in found] == [True] * 3
    (mine,) = await answers(settings_for(hub, store, token=READER, offline=True), asked[:1])
    assert isinstance(mine, Resolution) and mine.source is Source.HF_CACHE


def make_file_of_cache(cache: Path) -> Path:
    cache.parent.mkdir(parents=True)
    cache.write_text("")
    return cache


def make_circle(cache: Path) -> Path:
    cache.mkdir(parents=True)
    repo = cache / "models--acme--bert"
    repo.symlink_to(repo)
    return repo


def make_gone_drive(cache: Path) -> Path:
    cache.parent.mkdir(parents=True)
    cache.symlink_to(cache.parent / "drive")
    return cache


def forbid(cache: Path) -> Path:
    repo = cache / "models--acme--bert"
    repo.mkdir(parents=True)
    repo.chmod(0)
    return repo


def damage_ref(cache: Path) -> Path:
    ref = cache / "models--acme--bert" / "refs" / "main"
    ref.parent.mkdir(parents=True)
    ref.write_text("\x00" * 40)
    return ref


UNREADABLE: dict[str, tuple[Callable[[Path], Path], str]] = {
    "the cache is a file": (make_file_of_cache, "Not a directory"),
    "a link to itself": (make_circle, "Too many levels of symbolic links"),
    "a link to a drive that is gone": (make_gone_drive, "No such file or directory"),
    "a damaged ref": (damage_ref, "is damaged: it holds no commit"),
    "no permission": (forbid, "Permission denied"),
}


@pytest.mark.parametrize("kind", UNREADABLE)
async def test_an_unreadable_cache_is_called_unreadable(store: Path, tmp_path: Path, kind: str) -> None:
    make, reason = UNREADABLE[kind]
    if kind == "no permission" and os.geteuid() == 0:
        pytest.skip("root may read anything")
    path = make(tmp_path / "hf-home" / "hub")
    with pytest.raises(OfflineError, match="local Hugging Face cache cannot be read") as caught:
        await answer(settings_for("http://127.0.0.1:9", store, offline=True), "acme/bert")
    assert str(path) in str(caught.value) and reason in str(caught.value)


# The choice itself.

A, B = "a" * 40, "b" * 40
OWN = "0" * 32


def row(
    revision: str, checked_at: int, commit: str | None = A, problem: str | None = None, scope: str = PUBLIC, **more: Any
) -> RefRow:
    values: dict[str, Any] = dict.fromkeys(RefRow._fields)
    values.update(repo_id="acme/bert", revision=revision, scope=scope, commit_hash=commit, problem=problem)
    values.update(checked_at=checked_at, hints=b"", hints_id=0, **more)
    return RefRow(**values)


GONE = row(REPO_WIDE, 10, None, TOMBSTONE)
NOT_FOUND = row("main", 10, None, "repo_not_found", OWN)

CHOICES: dict[str, tuple[list[RefRow], str, str | None, bool]] = {
    "nothing": ([], PUBLIC, None, False),
    "a tag": ([row("v1", 5)], PUBLIC, "v1", False),
    "the latest of several": ([row("v1", 5), row("v2", 7), row("v3", 6)], PUBLIC, "v2", False),
    "only its facts, perhaps": ([row("main", 5, B)], PUBLIC, "facts", False),
    "of another scope": ([row("v1", 5, scope=OWN)], PUBLIC, None, False),
    "of the own scope": ([row("v1", 5, scope=OWN)], OWN, "v1", False),
    "withdrawn later": ([row("v1", 5), GONE], PUBLIC, None, True),
    "withdrawn in the same second": ([row("v1", 10), GONE], PUBLIC, None, True),
    "public again": ([row("v1", 11), GONE], PUBLIC, "v1", False),
    "public again, at another commit": ([row("main", 11, B), GONE], PUBLIC, None, False),
    "the commit was withdrawn": ([row("v1", 5), row(A, 6, None, TOMBSTONE)], PUBLIC, None, True),
    "another revision was withdrawn": ([row("v1", 5), row("v2", 6, None, TOMBSTONE)], PUBLIC, "v1", False),
    "withdrawn from the public only": ([row("v1", 10, scope=OWN), GONE], OWN, "v1", False),
    "withdrawn from the token": ([row("v1", 5, scope=OWN), NOT_FOUND], OWN, None, False),
    "given to the token again": ([row("v1", 11, scope=OWN), NOT_FOUND], OWN, "v1", False),
}


@pytest.mark.pure
@pytest.mark.parametrize("case", CHOICES)
def test_the_choice_between_refs(case: str) -> None:
    rows, scope, found, withdrawn = CHOICES[case]
    known = find_commit(rows, scope, A)
    chosen = None if known is None else known.ref.revision if known.ref is not None else "facts"
    assert chosen == found
    assert is_withdrawn(rows, A) is withdrawn
