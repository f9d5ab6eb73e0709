"""The guard refuses the loading thread, and the threads that it starts, what is not part of the model; no one else."""

from __future__ import annotations

import json
import pickle
import runpy
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import HfApi, hf_hub_download

from resolver.errors import ModelLoadError, NotLoadableError, RemoteCodeError
from resolver.loading.guard import guard_load
from tests.resolver.loading.canaries import Bomb, write_code

PLACE = "acme/repo@local"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The model's folder in a Hugging Face cache, which has another repo too."""
    own = tmp_path / "models--acme--repo" / "snapshots" / "1"
    other = tmp_path / "models--other--repo" / "snapshots" / "2"
    for path in (own, other):
        path.mkdir(parents=True)
        (path / "config.json").write_text("{}")
        (path / "bomb.pkl").write_bytes(pickle.dumps(Bomb(tmp_path / "mark")))
    write_code(own, tmp_path / "mark")
    return own


def ask_hub(folder: Path) -> object:
    return hf_hub_download("other/repo", "config.json", endpoint="http://127.0.0.1:9", cache_dir=folder / "none")


def connect(folder: Path) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        with socket.create_connection(listener.getsockname()):
            pass


def read_other_repo(folder: Path) -> object:
    return json.loads((folder.parents[2] / "models--other--repo" / "snapshots" / "2" / "config.json").read_text())


def unpickle(folder: Path) -> object:
    return pickle.loads((folder / "bomb.pkl").read_bytes())


def run_code(folder: Path) -> object:
    return runpy.run_path(str(folder / "code_own.py"))


def ask_the_user(folder: Path) -> object:
    return input("May it run? ")


def load_and_hide_the_error(act: Callable[[Path], object], folder: Path) -> None:
    with guard_load(PLACE, (folder,), allow_code=False):
        try:
            act(folder)
        except Exception as hidden:
            raise OSError("the file is not there") from hidden


ROWS: tuple[tuple[Callable[[Path], object], type[ModelLoadError], str], ...] = (
    (ask_hub, NotLoadableError, "asked for the repo other/repo"),
    (connect, NotLoadableError, "asked for the host 127.0.0.1"),
    (read_other_repo, NotLoadableError, "read the repo other/repo from the cache"),
    (unpickle, ModelLoadError, "a pickle in it holds more than weights"),
    (run_code, RemoteCodeError, r"code_own\.py"),
    (ask_the_user, RemoteCodeError, "asks whether to run"),
)
IDS = [row[0].__name__ for row in ROWS]


@pytest.mark.parametrize(("act", "error", "message"), ROWS, ids=IDS)
def test_an_act_is_refused_even_where_the_library_hides_the_error(
    act: Callable[[Path], object], error: type[ModelLoadError], message: str, folder: Path, tmp_path: Path
) -> None:
    with pytest.raises(error, match=message):
        with guard_load(PLACE, (folder,), allow_code=False):
            act(folder)
    with pytest.raises(error, match=message):
        load_and_hide_the_error(act, folder)
    # A load that does without it goes on.
    with guard_load(PLACE, (folder,), allow_code=False):
        with pytest.raises(ModelLoadError):
            act(folder)
    assert not (tmp_path / "mark").exists()


@pytest.mark.parametrize(("act", "error", "message"), ROWS[1:4], ids=IDS[1:4])
def test_a_thread_that_the_library_starts_is_refused_too_and_is_free_afterwards(
    act: Callable[[Path], object], error: type[ModelLoadError], message: str, folder: Path, tmp_path: Path
) -> None:
    caught: list[Exception] = []
    go_on = threading.Event()

    def work() -> None:
        try:
            act(folder)
        except Exception as refused:
            caught.append(refused)
        tried.set()
        go_on.wait()
        act(folder)
        done.set()

    tried, done = threading.Event(), threading.Event()
    with guard_load(PLACE, (folder,), allow_code=False):
        thread = threading.Thread(target=work)
        thread.start()
        tried.wait()
    assert [type(item) for item in caught] == [error]
    go_on.set()
    thread.join()
    assert done.is_set()


@pytest.mark.parametrize("act", [connect, read_other_repo, unpickle, run_code], ids=lambda act: act.__name__)
def test_other_threads_go_on_while_a_model_loads(act: Callable[[Path], object], folder: Path) -> None:
    start, done, errors = threading.Event(), threading.Event(), list[Exception]()

    def work() -> None:
        start.wait()
        try:
            act(folder)
        except Exception as error:
            errors.append(error)
        done.set()

    thread = threading.Thread(target=work)
    thread.start()
    with guard_load(PLACE, (folder,), allow_code=False):
        start.set()
        done.wait()
    thread.join()
    assert not errors


def test_with_trust_code_and_pickles_run_but_no_request_is_sent(folder: Path, tmp_path: Path) -> None:
    with guard_load(PLACE, (folder,), allow_code=True):
        unpickle(folder)
        run_code(folder)
    assert (tmp_path / "mark").exists()
    with pytest.raises(NotLoadableError):
        with guard_load(PLACE, (folder,), allow_code=True):
            connect(folder)


def test_everything_is_put_back(folder: Path) -> None:
    before: Any = HfApi.repo_exists, threading.Thread.start
    with guard_load(PLACE, (folder,), allow_code=False):
        assert HfApi().repo_exists("resnet18") is False
        assert (folder / "config.json").read_text() == "{}"
    assert (HfApi.repo_exists, threading.Thread.start) == before
    for act in (connect, read_other_repo, unpickle, run_code):
        act(folder)
