"""Errors belong to both families, keep their message, and can be pickled."""

from __future__ import annotations

import pickle

import huggingface_hub.errors
import pytest

from resolver import errors
from resolver.tasks_manager.errors import to_optimum_error

KINDS = [
    (errors.RepositoryNotFoundError, huggingface_hub.errors.RepositoryNotFoundError),
    (errors.RevisionNotFoundError, huggingface_hub.errors.RevisionNotFoundError),
    (errors.GatedRepoError, huggingface_hub.errors.GatedRepoError),
    (errors.DisabledRepoError, huggingface_hub.errors.DisabledRepoError),
    (errors.UnauthorizedError, huggingface_hub.errors.HfHubHTTPError),
    (errors.RateLimitedError, huggingface_hub.errors.HfHubHTTPError),
    (errors.HubResponseError, huggingface_hub.errors.HfHubHTTPError),
]


@pytest.mark.parametrize(("ours", "theirs"), KINDS)
def test_an_error_of_the_hub_is_huggingface_hubs_too(ours: type[errors.HubError], theirs: type[Exception]) -> None:
    error = ours("the message", repo_id="org/name", revision="main", status=404)
    both = to_optimum_error(error)
    assert isinstance(both, ours) and isinstance(both, theirs) and isinstance(both, OSError)
    again = pickle.loads(pickle.dumps(both))
    for one in (both, again):
        assert isinstance(one, ours) and isinstance(one, theirs)
        assert (str(one), one.code, one.repo_id, one.revision, one.status) == (
            "the message",
            ours.code,
            "org/name",
            "main",
            404,
        )


def test_the_time_to_wait_is_kept() -> None:
    both = to_optimum_error(errors.RateLimitedError("too many", retry_after_s=12.5))
    assert isinstance(both, errors.RateLimitedError)
    assert pickle.loads(pickle.dumps(both)).retry_after_s == both.retry_after_s == 12.5


@pytest.mark.parametrize("error", [errors.OfflineError("offline"), errors.HubUnavailableError("gone")])
def test_an_unreachable_hub_is_each_error_that_optimums_methods_raise(error: errors.ResolveError) -> None:
    both = to_optimum_error(error)
    assert isinstance(both, errors.OfflineError)
    for kind in (RuntimeError, ConnectionError, FileNotFoundError):
        assert isinstance(both, kind)
    assert str(pickle.loads(pickle.dumps(both))) == str(error)


def test_an_invalid_request_is_not_translated() -> None:
    error = errors.InvalidRepoIdError("no id")
    assert to_optimum_error(error) is error
    assert isinstance(error, ValueError)
