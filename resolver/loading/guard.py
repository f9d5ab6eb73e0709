"""`guard_load`: while a library loads a model, no request is sent, and only the model's own files are read.

All files are fetched before, by the resolver's own settings. Whatever a library asks for after that is not part of the
model: another repo that a config names, code, a pickle. Python reports these acts to audit hooks (PEP 578), under the
same names in every release of every library; the hook refuses them in the thread that loads, and in threads that it
starts. Other threads go on as before.
"""

from __future__ import annotations

import os
import re
import sys
import threading
import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from resolver.errors import ModelLoadError, NotLoadableError, RemoteCodeError

_REQUESTS = frozenset({"socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto"})
_OPEN, _RUN, _UNPICKLE, _PROMPT = "open", "exec", "pickle.find_class", "builtins.input"
_WATCHED = frozenset({*_REQUESTS, _OPEN, _RUN, _UNPICKLE, _PROMPT})
"""Names of audit events (the table in the documentation of Python)."""

_CACHED_REPO = re.compile(r"^(.*[\\/](?:model|kernel|dataset|space)s--([^\\/]+))[\\/]")
"""A path in a Hugging Face cache: the folder of its repo, and the name in it ("org--name")."""

_CODE_FOLDERS = ("transformers_modules", "diffusers_modules")
"""Where transformers and diffusers copy a repo's code before they run it."""

_REPO_VARIABLES = ("repo_id", "pretrained_model_name_or_path", "path_or_repo_id")

_MAX_FRAMES = 80

_load_lock = threading.Lock()
"""transformers and diffusers set torch's default dtype and patch its initialisers while they build a model, for the
whole process: one model is built at a time, and there is one guard at a time."""

_guard: _Guard | None = None
_is_hook_set = False


class _Guard:
    """What one load may do. `refusal` is the first act that was refused; a library may have hidden the error."""

    def __init__(self, place: str, folders: tuple[Path, ...], allow_code: bool) -> None:
        self.refusal: ModelLoadError | None = None
        self._place = place
        self._folders = tuple(f"{folder.absolute()}{os.sep}" for folder in folders)
        self._repo_folders = {match[1] for folder in self._folders if (match := _CACHED_REPO.match(folder))}
        self._allow_code = allow_code
        self._thread_id = threading.get_ident()
        self._threads: weakref.WeakSet[threading.Thread] = weakref.WeakSet()

    def covers_this_thread(self) -> bool:
        if threading.get_ident() == self._thread_id:
            return True
        return bool(self._threads) and threading.current_thread() in self._threads

    def cover(self, thread: threading.Thread) -> None:
        """Hold for `thread` too, as long as the load goes on."""
        self._threads.add(thread)

    def judge(self, event: str, args: tuple[Any, ...]) -> ModelLoadError | None:
        """The error for an act that is refused, None for one that is allowed."""
        if event in _REQUESTS:
            return self._judge_request(event, args)
        if event == _OPEN:
            return self._judge_open(args[0])
        if self._allow_code:
            return None
        if event == _RUN:
            return self._judge_run(getattr(args[0], "co_filename", ""))
        if event == _UNPICKLE:
            return ModelLoadError(
                f"{self._place}: a pickle in it holds more than weights ({args[0]}.{args[1]}); it was not read"
            )
        return RemoteCodeError(f"{self._place}: its library asks whether to run the repo's own code; nobody answers")

    def _judge_request(self, event: str, args: tuple[Any, ...]) -> ModelLoadError | None:
        address = args[1] if event in ("socket.connect", "socket.sendto") else args[0]
        if isinstance(address, (str, bytes)) and event in ("socket.connect", "socket.sendto"):
            return None  # the path of a socket on this machine
        host = address[0] if isinstance(address, tuple) else address
        repo = _find_requested_repo()
        name = f"the repo {repo}" if repo is not None else f"the host {host}"
        return NotLoadableError(
            f"{self._place}: loading it asked for {name}, which is not part of it; the request was not sent"
        )

    def _judge_open(self, path: object) -> ModelLoadError | None:
        text = os.fsdecode(path) if isinstance(path, bytes) else path
        match = _CACHED_REPO.match(str(Path(text).absolute())) if isinstance(text, str) and "s--" in text else None
        if match is None or match[1] in self._repo_folders:
            return None
        repo = match[2].replace("--", "/")
        return NotLoadableError(
            f"{self._place}: loading it read the repo {repo} from the cache, which is not part of it"
        )

    def _judge_run(self, filename: str) -> ModelLoadError | None:
        is_own = filename.startswith(self._folders) and not filename.startswith(sys.prefix + os.sep)
        if not is_own and not any(name in filename for name in _CODE_FOLDERS):
            return None
        return RemoteCodeError(
            f"{self._place}: loading it runs the repo's own code ({Path(filename).name}); read that code, and pass "
            "trust_remote_code=True if you trust it"
        )


@contextmanager
def guard_load(place: str, folders: tuple[Path, ...], *, allow_code: bool) -> Iterator[None]:
    """Guard the body, which loads the model at `place` from `folders`. One load at a time: others wait.

    `allow_code`: the caller trusts the repo's code, and its pickles.

    Raises:
        ModelLoadError: the load failed, and something was refused; where the load did without it, nothing is raised.
    """
    global _guard
    with _load_lock:
        _set_hook()
        guard = _guard = _Guard(place, folders, allow_code)
        try:
            with _replace_functions(guard):
                yield
        except Exception as error:
            if guard.refusal is None or guard.refusal is error:
                raise
            raise guard.refusal from error
        finally:
            _guard = None


@contextmanager
def _replace_functions(guard: _Guard) -> Iterator[None]:
    """Replace two functions for the threads of the load; other threads get the originals, as all do afterwards.

    One starts threads, for which Python 3.11 has no audit event. With the other one, transformers 5 asks whether a Hub
    has a repo with the name of a timm backbone, such as "resnet50"; if not, the name is timm's. It always gets "no".
    """
    from huggingface_hub import HfApi

    start, repo_exists = threading.Thread.start, HfApi.repo_exists

    def start_covered(self: threading.Thread) -> None:
        if guard.covers_this_thread():
            guard.cover(self)
        start(self)

    def answer_that_none_exists(self: HfApi, repo_id: str, **arguments: Any) -> bool:
        if guard.covers_this_thread() and "/" not in repo_id:
            return False
        return repo_exists(self, repo_id, **arguments)

    threading.Thread.start = start_covered  # type: ignore[method-assign]
    HfApi.repo_exists = answer_that_none_exists  # type: ignore[method-assign]
    try:
        yield
    finally:
        threading.Thread.start = start  # type: ignore[method-assign]
        HfApi.repo_exists = repo_exists  # type: ignore[method-assign]


def _set_hook() -> None:
    """Set the hook, once for the process: Python has no way to take it off again. Without a guard it does nothing."""
    global _is_hook_set
    if not _is_hook_set:
        sys.addaudithook(_check_event)
        _is_hook_set = True


def _check_event(event: str, args: tuple[Any, ...]) -> None:
    guard = _guard
    if guard is None or event not in _WATCHED or not guard.covers_this_thread():
        return
    error = guard.judge(event, args)
    if error is not None:
        guard.refusal = guard.refusal or error
        raise error


def _find_requested_repo() -> str | None:
    """The repo that the running call asks for, from the variables of huggingface_hub's and the library's functions."""
    frame = sys._getframe(1)
    for _ in range(_MAX_FRAMES):
        variables: Mapping[str, Any] = frame.f_locals
        for name in _REPO_VARIABLES:
            value = variables.get(name)
            if isinstance(value, str) and value and not value.startswith(("/", ".", "~")):
                return value
        if frame.f_back is None:
            break
        frame = frame.f_back
    return None
