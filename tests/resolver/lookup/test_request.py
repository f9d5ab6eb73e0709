"""Requests, subfolders, scopes and authors, as tables."""

from __future__ import annotations

from pathlib import Path

import pytest

from registry.facts import ABSENT_FILE, NO_HINTS, CommitFacts, HubHints
from resolver.errors import InvalidRepoIdError, NotAModelError
from resolver.lookup.author_listings import find_authors_worth_listing, get_author, is_next_page_worth_it
from resolver.lookup.request import LocalFolder, Request, parse_request, parse_subfolder, select_subfolder
from resolver.lookup.scopes import choose_scope, list_own_scopes
from resolver.repo_id import RepoRevision
from store.keys import ANONYMOUS, PUBLIC, derive_scope

pytestmark = pytest.mark.pure

SHA = "a" * 40
HERE: frozenset[str] = frozenset()

REQUESTS: tuple[tuple[Request, str | None, object], ...] = (
    ("acme/bert", None, RepoRevision("acme/bert")),
    ("acme/bert", "v1", RepoRevision("acme/bert", "v1")),
    ("acme/bert@v2", "v1", RepoRevision("acme/bert", "v2")),
    (f"acme/bert@{SHA}", None, RepoRevision("acme/bert", SHA)),
    (("acme/bert", "v2"), "v1", RepoRevision("acme/bert", "v2")),
    (("acme/bert", None), "v1", RepoRevision("acme/bert", "v1")),
    ("gpt2", None, RepoRevision("gpt2")),
    ("./model", None, LocalFolder("./model", Path("model"))),
    (Path("/models/bert"), None, LocalFolder("/models/bert", Path("/models/bert"))),
    ("./model", "v1", InvalidRepoIdError),
    (("./model", "v1"), None, InvalidRepoIdError),
    ("datasets/acme/words", None, NotAModelError),
    ("acme/bert@", None, InvalidRepoIdError),
    (("acme/bert@v1", "v2"), None, InvalidRepoIdError),
    ("a/b/c", None, InvalidRepoIdError),
    ("", None, InvalidRepoIdError),
    ("https://huggingface.co/acme/bert", None, InvalidRepoIdError),
    ("acme/be--rt", None, InvalidRepoIdError),
    ("acme/bert@a..b", None, InvalidRepoIdError),
)


@pytest.mark.parametrize(("request_", "revision", "expected"), REQUESTS)
def test_a_request_is_a_repo_a_folder_or_an_error(request_: Request, revision: str | None, expected: object) -> None:
    if isinstance(expected, type) and issubclass(expected, Exception):
        with pytest.raises(expected):
            parse_request(request_, revision=revision, names_here=HERE)
    else:
        assert parse_request(request_, revision=revision, names_here=HERE) == expected


@pytest.mark.parametrize(
    ("text", "expected"), [("", ""), (".", ""), ("unet", "unet"), ("./a/b/", "a/b"), ("a\\b", "a/b"), ("a/./b", "a/b")]
)
def test_a_subfolder_is_a_path_inside_the_repo(text: str, expected: str) -> None:
    assert parse_subfolder(text) == expected


@pytest.mark.parametrize("text", ["/a", "..", "a/../b", "a\\..\\b", "a\0b"])
def test_a_path_out_of_the_repo_is_not_a_subfolder(text: str) -> None:
    with pytest.raises(InvalidRepoIdError):
        parse_subfolder(text)


def test_facts_of_a_subfolder_have_paths_relative_to_it() -> None:
    commit = CommitFacts(
        filenames=("config.json", "unet/config.json", "unet/a/b.bin", "unet2/x"),
        files={"config.json": ABSENT_FILE, "unet/config.json": ABSENT_FILE},
    )
    inside = select_subfolder(commit, "unet")
    assert (inside.filenames, set(inside.files)) == (("config.json", "a/b.bin"), {"config.json"})
    assert select_subfolder(commit, "") is commit
    assert select_subfolder(commit, "none").filenames == ()


TOKEN = "hf_token"
OWN = derive_scope(TOKEN)


@pytest.mark.parametrize(
    ("hints", "token", "expected"),
    [
        (HubHints(private=False), TOKEN, PUBLIC),
        (HubHints(private=False), None, PUBLIC),
        (NO_HINTS, None, PUBLIC),  # a mirror that was asked without a token
        (NO_HINTS, TOKEN, OWN),  # a mirror may have answered because of the token
        (HubHints(private=True), TOKEN, OWN),
        (HubHints(private=False, gated="auto"), TOKEN, OWN),
        (HubHints(private=False, gated="manual"), None, ANONYMOUS),
    ],
)
def test_facts_are_stored_for_those_who_may_see_them(hints: HubHints, token: str | None, expected: str) -> None:
    assert choose_scope(hints, token) == expected


@pytest.mark.parametrize(
    ("token", "offline", "expected"),
    [
        (TOKEN, False, (OWN,)),
        (TOKEN, True, (OWN, ANONYMOUS)),
        (None, False, (ANONYMOUS,)),
        (None, True, (ANONYMOUS,)),
    ],
)
def test_a_token_reads_its_own_scope(token: str | None, offline: bool, expected: tuple[str, ...]) -> None:
    assert list_own_scopes(token, offline=offline) == expected


@pytest.mark.parametrize(
    ("target", "author"),
    [
        (RepoRevision("acme/bert"), "acme"),
        (RepoRevision("acme/bert", "v1"), None),
        (RepoRevision("acme/bert", SHA), None),
        (RepoRevision("gpt2"), None),
    ],
)
def test_only_default_branches_of_authors_can_be_listed(target: RepoRevision, author: str | None) -> None:
    assert get_author(target) == author


def test_an_author_is_listed_for_many_different_repos() -> None:
    few = [RepoRevision("few/a"), *[RepoRevision("few/b")] * 5]
    many = [RepoRevision(f"many/{number}") for number in range(3)]
    assert find_authors_worth_listing([*few, *many, RepoRevision("gpt2")], 3) == ["many"]


@pytest.mark.parametrize(
    ("pages_read", "found", "missing", "expected"),
    [(1, 20, 5, True), (1, 20, 1, False), (1, 1, 50, False), (5, 10, 2, True), (6, 10, 2, False)],
)
def test_another_page_is_read_while_it_is_expected_to_bring_two(
    pages_read: int, found: int, missing: int, expected: bool
) -> None:
    assert is_next_page_worth_it(pages_read, found, missing) is expected
