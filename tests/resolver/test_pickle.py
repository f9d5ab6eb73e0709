"""Values and errors can be sent to another process; what holds connections or a token cannot, or goes without it."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from typing import Any

import pytest

import resolver
from registry.defaults import default_registry
from registry.errors import UnknownNameError
from registry.export.defaults import shipped_export_registry
from resolver import Resolver, Settings
from resolver.errors import HubresolveError, LibraryNotInstalledError, RateLimitedError
from resolver.limits import DEFAULT_LIMITS
from tests.resolver.test_rows import ANSWERS, BASE, IDS

SECRET = "hf_" + "s" * 30


def list_public_errors() -> list[type[HubresolveError]]:
    found = (getattr(resolver, name) for name in dir(resolver))
    return sorted(
        (item for item in found if isinstance(item, type) and issubclass(item, HubresolveError)),
        key=lambda item: item.__name__,
    )


@pytest.mark.parametrize("kind", list_public_errors(), ids=lambda kind: kind.__name__)
def test_every_public_error_can_be_pickled_and_copied(kind: type[HubresolveError]) -> None:
    error = kind("what happened")
    for again in (pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):
        assert type(again) is kind and str(again) == "what happened"


def test_an_error_keeps_its_attributes() -> None:
    limited = RateLimitedError("slow down", repo_id="a/b", status=429, retry_after_s=3.5)
    missing = LibraryNotInstalledError("install it", resolution=BASE, name="timm")
    unknown = UnknownNameError("task", "fil-mask", ["fill-mask"])
    for error in (limited, missing, unknown):
        again = pickle.loads(pickle.dumps(error))
        assert again.__dict__ == error.__dict__ and str(again) == str(error)
    assert pickle.loads(pickle.dumps(limited)).retry_after_s == 3.5


@pytest.mark.parametrize("answer", ANSWERS, ids=IDS)
def test_answers_can_be_pickled_and_copied(answer: Any) -> None:
    for again in (pickle.loads(pickle.dumps(answer)), copy.deepcopy(answer)):
        assert again.to_dict() == answer.to_dict()


def test_registries_can_be_pickled() -> None:
    registry = pickle.loads(pickle.dumps(default_registry()))
    assert registry.digest() == default_registry().digest()
    exports = shipped_export_registry(default_registry())
    again = pickle.loads(pickle.dumps(exports))
    assert again.list_model_types("onnx") == exports.list_model_types("onnx")
    again.remove_backend("onnx")
    assert exports.list_backends() != again.list_backends()
    assert pickle.loads(pickle.dumps(DEFAULT_LIMITS)) == DEFAULT_LIMITS


def test_settings_are_pickled_without_their_token(tmp_path: Path) -> None:
    settings = Settings(token=SECRET, store=tmp_path / "s", max_age_s=5.0, concurrency=3)
    sent = pickle.dumps(settings)
    again = pickle.loads(sent)
    assert SECRET.encode() not in sent and again.token is None
    assert (again.store, again.max_age_s, again.concurrency) == (settings.store, 5.0, 3)
    assert pickle.loads(pickle.dumps(Settings(token=False))).token is False
    assert SECRET not in repr(settings) and SECRET not in repr(settings.fill())
    # A copy in the same process is as good as the original.
    assert copy.copy(settings).token == copy.deepcopy(settings).token == SECRET


async def test_a_resolver_is_not_pickled_or_copied(tmp_path: Path) -> None:
    async with Resolver(Settings(store=tmp_path / "s", token=False, offline=True)) as opened:
        for send in (pickle.dumps, copy.copy, copy.deepcopy):
            with pytest.raises(TypeError, match="send its Settings instead"):
                send(opened)
