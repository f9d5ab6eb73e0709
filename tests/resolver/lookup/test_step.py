"""The next step for a request, as a table: what is recalled, the time and the policy, and the step."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from registry.decision import Decision
from resolver.cache.freshness import NOT_FOUND_TTL_S, Freshness, Policy, judge_freshness
from resolver.errors import TaskMismatchError
from resolver.lookup.step import AskHub, FetchFiles, LookInHfCache, Recalled, Refuse, UseStored, is_miss, next_step
from resolver.repo_id import RepoRevision
from store.records import StoredRef

pytestmark = pytest.mark.pure

NOW_S = 1_000_000.0
SHA = "a" * 40
BRANCH, COMMIT = RepoRevision("acme/bert"), RepoRevision("acme/bert", SHA)
ONLINE, OFFLINE = Policy(max_age_s=100), Policy(max_age_s=100, offline=True)
REFRESH = Policy(max_age_s=100, refresh=True)
DECISION = Decision(task="fill-mask")
MISMATCH = TaskMismatchError("it cannot serve that")


def ref(age_s: float, problem: str | None = None) -> StoredRef:
    return StoredRef(
        key=1,
        repo_id="acme/bert",
        revision="main",
        other_id=None,
        commit_hash=None if problem else SHA,
        problem=problem,
        pipeline_tag=None,
        library_name=None,
        checked_at_s=int(NOW_S - age_s),
        hints_id=0,
        parameters=None,
        weight_bytes=None,
        decision_body=None,
    )


YOUNG, OLD, FUTURE, FAR_FUTURE = ref(10), ref(1_000), ref(-60), ref(-100_000)
GONE, GONE_LONG_AGO = ref(10, "repo_not_found"), ref(NOT_FOUND_TTL_S + 1, "repo_not_found")


@dataclass(frozen=True)
class Row:
    """One case; `known` is the ref that the Hub is asked about again, None for everything."""

    id: str
    recalled: Recalled
    policy: Policy
    step: type
    known: StoredRef | None = None
    target: RepoRevision = BRANCH


PARTIAL = Policy(max_age_s=100, partial=True)
LACKS_FILES, LACKS_CONFIG = Decision(partial=("files",)), Decision(partial=("config.json",))

ROWS = (
    Row("the list of files is missing", Recalled(ref=YOUNG, decision=LACKS_FILES), ONLINE, AskHub, YOUNG),
    Row("the commit is missing", Recalled(ref=YOUNG, decision=Decision(partial=("commit",))), ONLINE, AskHub, YOUNG),
    Row("a small file is missing", Recalled(ref=YOUNG, decision=LACKS_CONFIG), ONLINE, FetchFiles, YOUNG),
    Row("a small file is missing, long ago", Recalled(ref=OLD, decision=LACKS_CONFIG), ONLINE, AskHub, OLD),
    Row("partial is enough", Recalled(ref=YOUNG, decision=LACKS_FILES), PARTIAL, UseStored),
    Row("partial is enough, but old", Recalled(ref=OLD, decision=LACKS_FILES), PARTIAL, AskHub, OLD),
    Row("partial is all there is", Recalled(ref=YOUNG, decision=LACKS_FILES), OFFLINE, UseStored),
    Row("nothing", Recalled(), ONLINE, AskHub),
    Row("nothing, offline", Recalled(), OFFLINE, LookInHfCache),
    Row("fresh", Recalled(ref=YOUNG, decision=DECISION), ONLINE, UseStored),
    Row("fresh, facts gone", Recalled(ref=YOUNG), ONLINE, AskHub, YOUNG),
    Row("fresh, facts gone, offline", Recalled(ref=YOUNG), OFFLINE, LookInHfCache),
    Row("fresh, contradicts the request", Recalled(ref=YOUNG, error=MISMATCH), ONLINE, Refuse),
    Row("stale", Recalled(ref=OLD, decision=DECISION), ONLINE, AskHub, OLD),
    Row("stale, contradicts the request", Recalled(ref=OLD, error=MISMATCH), ONLINE, AskHub, OLD),
    Row("old, offline", Recalled(ref=OLD, decision=DECISION), OFFLINE, UseStored),
    Row("old, a commit", Recalled(ref=OLD, decision=DECISION), ONLINE, UseStored, target=COMMIT),
    Row("a commit, facts gone", Recalled(ref=OLD), ONLINE, AskHub, OLD, target=COMMIT),
    Row("fresh, refresh", Recalled(ref=YOUNG, decision=DECISION), REFRESH, AskHub, YOUNG),
    Row("a commit, refresh", Recalled(ref=OLD, decision=DECISION), REFRESH, AskHub, OLD, target=COMMIT),
    Row("checked by a clock ahead", Recalled(ref=FUTURE, decision=DECISION), ONLINE, UseStored),
    Row("checked in the far future", Recalled(ref=FAR_FUTURE, decision=DECISION), ONLINE, AskHub, FAR_FUTURE),
    Row("missing", Recalled(ref=GONE), ONLINE, Refuse),
    Row("missing, long ago", Recalled(ref=GONE_LONG_AGO), ONLINE, AskHub),
    Row("missing, offline", Recalled(ref=GONE_LONG_AGO), OFFLINE, Refuse),
    Row("missing, refresh", Recalled(ref=GONE), REFRESH, AskHub),
)


@pytest.mark.parametrize("row", ROWS, ids=[row.id for row in ROWS])
def test_the_next_step_follows_from_what_is_recalled(row: Row) -> None:
    step = next_step(row.recalled, row.target, now_s=NOW_S, policy=row.policy)
    assert type(step) is row.step
    if isinstance(step, (AskHub, FetchFiles)):
        assert step.known is row.known
    if isinstance(step, UseStored):
        assert step.is_stale is (row.id == "old, offline")
        assert (step.ref, step.decision) == (row.recalled.ref, row.recalled.decision)
    if isinstance(step, Refuse):
        assert (step.error, step.problem) == (row.recalled.error, row.recalled.ref and row.recalled.ref.problem)
    assert is_miss(step) is (row.step in (AskHub, FetchFiles, LookInHfCache))


FRESHNESS = (
    # checked how long ago, policy, pinned, problem -> freshness
    (None, ONLINE, False, False, Freshness.MISSING),
    (None, OFFLINE, False, False, Freshness.MISSING),
    (99, ONLINE, False, False, Freshness.FRESH),
    (100, ONLINE, False, False, Freshness.STALE),
    (0, Policy(max_age_s=0), False, False, Freshness.STALE),
    (10**9, ONLINE, True, False, Freshness.FRESH),
    (10**9, OFFLINE, False, False, Freshness.FRESH),
    (0, REFRESH, True, False, Freshness.STALE),
    (99, ONLINE, False, True, Freshness.FRESH),
    (100, ONLINE, False, True, Freshness.MISSING),
    (NOT_FOUND_TTL_S, Policy(max_age_s=10**6), False, True, Freshness.MISSING),
    (-1, ONLINE, False, True, Freshness.MISSING),
    (-300, ONLINE, False, False, Freshness.FRESH),
    (-301, ONLINE, False, False, Freshness.STALE),
)


@pytest.mark.parametrize(("age_s", "policy", "is_pinned", "is_problem", "expected"), FRESHNESS)
def test_freshness_follows_from_the_age_and_the_policy(
    age_s: float | None, policy: Policy, is_pinned: bool, is_problem: bool, expected: Freshness
) -> None:
    checked_at_s = None if age_s is None else NOW_S - age_s
    found = judge_freshness(checked_at_s, now_s=NOW_S, policy=policy, is_pinned=is_pinned, is_problem=is_problem)
    assert found is expected
