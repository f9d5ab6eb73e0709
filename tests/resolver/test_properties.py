"""Properties that hold for any input: ids, stored bodies, and what a server may send."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from huggingface_hub.errors import HFValidationError
from huggingface_hub.utils._validators import validate_repo_id
from hypothesis import example, given, strategies as st

from registry.decision import Candidate, Decision, Evidence
from registry.facts import CommitFacts, FileState, HubHints, SmallFile
from resolver.errors import HubResponseError, InvalidRequestError, NotAModelError
from resolver.hub.http_errors import error_from_response, parse_message
from resolver.hub.lenient_json import UnusableJsonError, parse_json
from resolver.hub.pacing.quota_headers import MAX_RETRY_AFTER_S, parse_quota, retry_after_s
from resolver.hub.payloads import parse_model_info, parse_small_file
from resolver.hub.response import HttpResponse
from resolver.hub.retry import DEFAULT_RETRY
from resolver.repo_id import RepoRevision, parse_repo_id
from store import codec

ID_CHARACTERS = st.text(alphabet="ab-._/09A\u00e9 \n", max_size=12)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
OBJECTS = st.dictionaries(TEXT, JSON, max_size=4)


@given(st.from_regex(r"[\w.-]{1,9}(/[\w.-]{1,9})?", fullmatch=True) | ID_CHARACTERS)
@example("a" * 96)
@example("a" * 97)
@example("a" * 96 + "/" + "b" * 96)
@example("a/b\n")
@example("a.git/b")
@example("a/b.git")
@example("_/_")
def test_an_id_is_accepted_where_huggingface_hub_accepts_it(text: str) -> None:
    try:
        validate_repo_id(text)
        expected = True
    except HFValidationError:
        expected = False
    try:
        assert parse_repo_id(text) == RepoRevision(text)
        accepted = True
    except NotAModelError:
        return
    except InvalidRequestError:
        accepted = False
    assert accepted is expected


@given(st.text() | ID_CHARACTERS, st.none() | st.text())
def test_any_text_is_an_id_or_one_kind_of_refusal(text: str, revision: str | None) -> None:
    try:
        wanted = parse_repo_id(text, revision)
    except InvalidRequestError:
        return
    assert parse_repo_id(f"{wanted.repo_id}@{wanted.revision}") == wanted


FILES = st.builds(
    SmallFile,
    state=st.sampled_from(FileState),
    content=JSON,
    problem=st.none() | TEXT,
)
COMMITS = st.builds(
    CommitFacts,
    filenames=st.lists(TEXT, max_size=5).map(tuple),
    files=st.dictionaries(TEXT, FILES, max_size=3),
)
HINTS = st.builds(
    HubHints,
    pipeline_tag=st.none() | TEXT,
    library_name=st.none() | TEXT,
    tags=st.lists(TEXT, max_size=4).map(tuple),
    gated=st.sampled_from((None, "auto", "manual")),
    private=st.none() | st.booleans(),
    disabled=st.booleans(),
    extract=OBJECTS,
    auto_model=st.none() | TEXT,
    auto_task=st.none() | TEXT,
    gguf_architecture=st.none() | TEXT,
)
DECISIONS = st.builds(
    Decision,
    library=st.none() | TEXT,
    task=st.none() | TEXT,
    framework=st.none() | TEXT,
    weights=st.lists(TEXT, max_size=3).map(tuple),
    candidates=st.lists(st.builds(Candidate, task=TEXT, model_class=st.none() | TEXT), max_size=2).map(tuple),
    notes=st.lists(TEXT, max_size=2).map(tuple),
    evidence=st.lists(st.builds(Evidence, rule=TEXT, saw=TEXT, said=TEXT), max_size=2).map(tuple),
    conflict=st.booleans(),
    undecided=st.none() | TEXT,
)


@given(COMMITS | HINTS | DECISIONS)
def test_what_is_stored_comes_back_as_it_was(value: CommitFacts | HubHints | Decision) -> None:
    kind: Any = type(value)
    body = codec.encode(value)
    assert codec.decode(kind, body) == value and codec.encode(codec.decode(kind, body)) == body


@given(st.sampled_from((CommitFacts, HubHints, Decision)), st.binary(max_size=200), COMMITS, st.integers(0, 400))
def test_a_damaged_body_is_unreadable_or_of_its_kind(kind: Any, body: bytes, value: CommitFacts, cut: int) -> None:
    good = codec.encode(value)
    for damaged in (body, good[:cut], good[: cut // 2] + body + good[cut // 2 :]):
        try:
            assert isinstance(codec.decode(kind, damaged), kind)
        except codec.UnreadableBodyError:
            continue


KNOWN = {
    "id": st.just("acme/x") | JSON,
    "sha": st.just("a" * 40) | JSON,
    "siblings": st.lists(st.fixed_dictionaries({"rfilename": TEXT | JSON}) | JSON, max_size=3) | JSON,
    **dict.fromkeys(("tags", "pipeline_tag", "library_name", "config", "transformersInfo", "gguf", "gated"), JSON),
    **dict.fromkeys(("private", "disabled", "cardData", "modelId"), JSON),
}
INFO = st.fixed_dictionaries({}, optional=KNOWN)


@given(INFO.map(lambda value: json.dumps(value).encode()) | JSON.map(msgspec.json.encode) | st.binary())
@example(b'{"id":"a/b","sha":"' + b"a" * 40 + b'","tags":["\\ud800"]}')
@example(b'{"id":"a/b","sha":"' + b"a" * 40 + b'","x":NaN}')
def test_model_info_is_read_or_refused_in_one_way(body: bytes) -> None:
    try:
        info = parse_model_info(body)
    except HubResponseError:
        return
    assert len(info.commit_hash) == 40 and info.canonical_id
    codec.encode(info.hints)


@given(st.binary() | JSON.map(msgspec.json.encode) | st.text().map(lambda text: json.dumps(text).encode()))
@example(b"\xff\xfe[\x00]\x00")
@example(b'"\\udfff"')
def test_a_small_file_is_read_or_found_unreadable_and_can_always_be_stored(body: bytes) -> None:
    small_file = parse_small_file(body)
    codec.encode(CommitFacts(files={"config.json": small_file}))
    assert (small_file.state is FileState.READ) == (small_file.problem is None)


@given(JSON)
def test_json_comes_out_as_python_reads_it(value: Any) -> None:
    body = json.dumps(value).encode()
    assert parse_json(body) == json.loads(body)
    assert parse_json(b"\xef\xbb\xbf" + body) == json.loads(body)


def test_json_that_nests_deeper_than_allowed_is_refused_at_any_depth() -> None:
    for depth in (201, 250, 900, 1100, 5_000, 1_000_000):
        with pytest.raises(UnusableJsonError):
            parse_json(b"[" * depth + b"]" * depth)


HEADERS = st.dictionaries(
    st.sampled_from(
        ("ratelimit", "ratelimit-policy", "retry-after", "x-error-code", "x-error-message", "content-type")
    ),
    TEXT | st.from_regex(r'"(api|x)";r=\d{1,12};t=\d{1,12}') | st.sampled_from(
        ("GatedRepo", "RepoNotFound", "application/json", "text/plain", "9" * 30, "-1", "Wed, 21 Oct 2026 07:28:00 GMT")
    ),
)  # fmt: skip


@given(st.integers(100, 599), HEADERS, st.binary(max_size=60) | JSON.map(msgspec.json.encode), st.booleans())
def test_any_refusal_is_an_error_with_one_printable_line_and_a_bounded_wait(
    status: int, headers: dict[str, str], body: bytes, has_token: bool
) -> None:
    answer = HttpResponse(status=status, headers=headers, body=body)
    parse_quota(answer)
    wait = retry_after_s(answer)
    assert wait is None or 0 <= wait <= MAX_RETRY_AFTER_S
    assert parse_message(answer).isprintable() and len(parse_message(answer)) <= 300
    error = error_from_response(answer, RepoRevision("acme/x"), has_token=has_token)
    assert error.status == status and error.repo_id == "acme/x" and str(error).isprintable()
    for attempt in range(1, DEFAULT_RETRY.attempts(error) + 1):
        assert 0 <= DEFAULT_RETRY.wait_s(error, attempt, 0.5) <= MAX_RETRY_AFTER_S + 8
