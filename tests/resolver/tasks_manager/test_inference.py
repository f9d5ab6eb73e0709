"""Task, library, framework and files of repos, folders, models and classes, through optimum's methods."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import huggingface_hub.errors
import pytest

from resolver.errors import OfflineError, RepositoryNotFoundError, ResolveError
from resolver.tasks_manager import TasksManager
from resolver.tasks_manager.state import STATE
from tests.resolver.support import BERT, environment
from tests.resolver.tasks_manager.conftest import T5, HubAndStore

ANSWERS = {
    # Repo -> the task it is exported as, and its library.
    "acme/bert": ("fill-mask", "transformers"),
    "acme/sd": ("text-to-image", "diffusers"),
    "acme/st": ("feature-extraction", "sentence_transformers"),
    "acme/marian": ("text2text-generation", "transformers"),
    "acme/ctc": ("automatic-speech-recognition", "transformers"),
    "acme/timm": ("image-classification", "timm"),
    "acme/tagless": ("text-generation", "transformers"),
}


def stand_in(name: str, module: str = "transformers.models.stand_in") -> type:
    """A class that looks like one of a library: only its name and module are read."""
    return type(name, (), {"__module__": module})


@pytest.mark.parametrize(("repo_id", "task", "library"), [(name, *expected) for name, expected in ANSWERS.items()])
def test_repos(served: HubAndStore, repo_id: str, task: str, library: str) -> None:
    assert TasksManager.infer_task_from_model(repo_id) == task
    assert TasksManager.infer_library_from_model(repo_id) == library


def test_a_subfolder_of_a_repo(served: HubAndStore) -> None:
    assert TasksManager.infer_task_from_model("acme/parts", subfolder="big/t5") == "text2text-generation"
    assert TasksManager.infer_library_from_model("acme/parts", subfolder="big/t5") == "transformers"
    assert TasksManager.determine_framework("acme/parts", subfolder="big/t5") == "pt"
    files, problem = TasksManager.get_model_files("acme/parts", subfolder="big/t5")
    assert (sorted(files), problem) == (["config.json", "model.safetensors"], None)


def test_a_folder_and_its_subfolder(served: HubAndStore, tmp_path: Path) -> None:
    subfolder = tmp_path / "model" / "big"
    subfolder.mkdir(parents=True)
    (tmp_path / "model" / "config.json").write_text(json.dumps(BERT))
    (subfolder / "config.json").write_text(json.dumps(T5))
    (subfolder / "model.safetensors").write_bytes(b"")
    assert TasksManager.infer_task_from_model(str(tmp_path / "model")) == "fill-mask"
    assert TasksManager.infer_task_from_model(tmp_path / "model", subfolder="big") == "text2text-generation"
    assert TasksManager.infer_library_from_model(str(subfolder)) == "transformers"
    assert TasksManager.determine_framework(subfolder) == "pt"
    assert TasksManager.get_model_files(subfolder) == (["config.json", "model.safetensors"], None)


def test_a_folder_named_by_a_relative_path(
    served: HubAndStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(T5))
    monkeypatch.chdir(tmp_path)
    assert TasksManager.infer_task_from_model("model") == "text2text-generation"


def test_files_of_a_repo(served: HubAndStore) -> None:
    files, problem = TasksManager.get_model_files("acme/bert")
    assert {"config.json", "model.safetensors"} <= set(files)
    assert problem is None


def test_the_given_library_is_used(served: HubAndStore) -> None:
    assert TasksManager.infer_task_from_model("acme/st", library_name="transformers") == "feature-extraction"


def test_stored_repos_are_answered_offline_without_requests(served: HubAndStore) -> None:
    repo_ids = ("acme/bert", "acme/marian", "acme/st")
    online = [TasksManager.infer_task_from_model(name) for name in repo_ids]
    TasksManager.infer_task_from_model("acme/parts", subfolder="big/t5")
    before = served.hub.counts()["total"]
    TasksManager.configure(served.settings(offline=True))
    assert [TasksManager.infer_task_from_model(name) for name in repo_ids] == online
    assert TasksManager.infer_task_from_model("acme/parts", subfolder="big/t5") == "text2text-generation"
    assert TasksManager.determine_framework("acme/bert") == "pt"
    assert TasksManager.get_model_files("acme/bert")[0]
    assert served.hub.counts()["total"] == before


def test_the_environment_is_read_at_each_call(served: HubAndStore, monkeypatch: pytest.MonkeyPatch) -> None:
    TasksManager.configure(served.settings(offline=None))
    assert TasksManager.infer_task_from_model("acme/bert") == "fill-mask"
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(RuntimeError, match="offline"):
        TasksManager.infer_task_from_model("acme/ctc")
    monkeypatch.delenv("HF_HUB_OFFLINE")
    assert TasksManager.infer_task_from_model("acme/ctc") == "automatic-speech-recognition"


def test_a_token_given_with_the_call_is_the_one_used(served: HubAndStore) -> None:
    with pytest.raises(huggingface_hub.errors.RepositoryNotFoundError):
        TasksManager.infer_task_from_model("acme/private")
    with pytest.raises(ResolveError):
        TasksManager.infer_task_from_model("acme/private", token="hf_of_nobody")


@pytest.mark.parametrize(
    ("call", "repo_id", "kinds"),
    [
        (TasksManager.infer_task_from_model, "acme/nothing", (KeyError, ResolveError)),
        (TasksManager.infer_library_from_model, "acme/nothing", (ValueError, ResolveError)),
        (TasksManager.determine_framework, "acme/nothing", (FileNotFoundError, ResolveError)),
        (TasksManager.determine_framework, "acme/onnx", (FileNotFoundError,)),
        (TasksManager.infer_task_from_model, "acme/none", (RepositoryNotFoundError, OSError)),
        (TasksManager.get_model_files, "acme/none", (huggingface_hub.errors.RepositoryNotFoundError,)),
        (TasksManager.infer_library_from_model, "acme/none", (huggingface_hub.errors.HfHubHTTPError,)),
        (TasksManager.infer_task_from_model, "not an id", (ValueError, ResolveError)),
    ],
)
def test_what_cannot_be_inferred_is_the_error_that_optimum_raises(
    served: HubAndStore, call: Any, repo_id: str, kinds: tuple[type[BaseException], ...]
) -> None:
    with pytest.raises(kinds) as caught:
        call(repo_id)
    assert all(isinstance(caught.value, kind) for kind in kinds)
    assert len(str(caught.value)) > 20 and str(caught.value) != repr(caught.value.args[0])


def test_a_missing_revision(served: HubAndStore) -> None:
    with pytest.raises(huggingface_hub.errors.RevisionNotFoundError):
        TasksManager.infer_task_from_model("acme/bert", revision="no-such-branch")


def test_the_hub_out_of_reach(served: HubAndStore) -> None:
    TasksManager.configure(served.settings(endpoint="http://127.0.0.1:9", offline=True))
    for kind in (RuntimeError, OSError, OfflineError):
        with pytest.raises(kind):
            TasksManager.infer_task_from_model("acme/bert")


def test_models_and_classes_in_memory() -> None:
    model = stand_in("BertForMaskedLM")()
    assert TasksManager.infer_task_from_model(model) == "fill-mask"
    assert TasksManager.infer_library_from_model(model) == "transformers"
    expected = {
        "MarianMTModel": "text2text-generation",
        "AutoModelForCausalLM": "text-generation",
        "SamModel": "feature-extraction",
        "ViTForImageClassification": "image-classification",
    }
    assert {name: TasksManager.infer_task_from_model(stand_in(name)) for name in expected} == expected
    assert TasksManager.infer_library_from_model(stand_in("SentenceTransformer", "sentence_transformers")) == (
        "sentence_transformers"
    )
    assert TasksManager._infer_task_from_model_or_model_class(model_class=stand_in("GPT2LMHeadModel")) == (
        "text-generation"
    )


@pytest.mark.parametrize("model", [object(), int, 3, None])
def test_what_is_no_model_is_a_value_error(model: object) -> None:
    with pytest.raises(ValueError):
        TasksManager.infer_task_from_model(model)
    with pytest.raises(ValueError):
        TasksManager.infer_library_from_model(model)


@pytest.mark.parametrize(
    "name", ["BertPreTrainedModel", "TFGPT2PreTrainedModel", "FlaxT5PreTrainedModel", "PreTrainedModel"]
)
def test_an_abstract_base_has_no_task(name: str) -> None:
    with pytest.raises(ValueError, match="no task of its own"):
        TasksManager.infer_task_from_model(stand_in(name))
    # A model of one's own that derives from it has the task that its name says.
    derived = type("MyBertForTokenClassification", (stand_in(name),), {"__module__": "mine"})
    assert TasksManager.infer_task_from_model(derived) == "token-classification"


def test_a_class_that_computes_nothing_has_no_task() -> None:
    torch = pytest.importorskip("torch")
    base = type("BartPretrainedModel", (torch.nn.Module,), {"__module__": "transformers.models.bart.modeling_bart"})
    with pytest.raises(ValueError, match="no task of its own"):
        TasksManager.infer_task_from_model(base)


def test_a_model_type_alone_gives_no_task(served: HubAndStore, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "bert"}))
    (tmp_path / "model.safetensors").write_bytes(b"")
    for call in (TasksManager.infer_task_from_model, partial(TasksManager.get_model_from_task, "auto")):
        with pytest.raises(KeyError, match="names no architecture, only the model type bert"):
            call(tmp_path)
    # A tag decides.
    (tmp_path / "README.md").write_text("---\npipeline_tag: fill-mask\n---\n")
    assert TasksManager.infer_task_from_model(tmp_path) == "fill-mask"


async def test_inside_a_running_event_loop(served: HubAndStore) -> None:
    assert TasksManager.infer_task_from_model("acme/bert") == "fill-mask"
    assert await asyncio.to_thread(TasksManager.infer_library_from_model, "acme/sd") == "diffusers"


def test_many_threads_share_one_resolver_and_one_look_up(served: HubAndStore) -> None:
    names = [*ANSWERS] * 30
    before = served.hub.counts()["kind"]
    with ThreadPoolExecutor(16) as threads:
        found = list(threads.map(TasksManager.infer_task_from_model, names))
    assert found == [ANSWERS[name][0] for name in names]
    after = served.hub.counts()["kind"]
    infos = [kind for kind in after if "info" in kind]
    assert infos
    assert sum(after[kind] - before.get(kind, 0) for kind in infos) == len(ANSWERS)


def test_after_close_the_next_call_opens_a_new_resolver(served: HubAndStore) -> None:
    assert TasksManager.infer_task_from_model("acme/bert") == "fill-mask"
    thread = STATE.background._thread
    assert thread is not None and thread.is_alive()
    TasksManager.close()
    TasksManager.close()
    assert not thread.is_alive()
    assert TasksManager.infer_task_from_model("acme/bert") == "fill-mask"


IN_A_PROCESS = """
import os, sys, threading
from resolver.settings import Settings
from resolver.tasks_manager import TasksManager

TasksManager.configure(Settings(endpoint=sys.argv[1], store=sys.argv[2], token=False, offline=False))
print(TasksManager.infer_task_from_model("acme/bert"))
child = os.fork()
if child == 0:
    print(TasksManager.infer_task_from_model("acme/marian"), flush=True)
    sys.exit(0)
_, status = os.waitpid(child, 0)
print(TasksManager.infer_library_from_model("acme/bert"), os.waitstatus_to_exitcode(status))
"""


DEVELOPING = (sys.executable, "-X", "dev", "-W", "ignore::DeprecationWarning")
"""Python that warns about resources left open."""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_process_ends_by_itself_and_its_forked_child_too(served: HubAndStore) -> None:
    done = subprocess.run(
        [*DEVELOPING, "-c", IN_A_PROCESS, served.hub.endpoint, str(served.store)],
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, sorted(done.stdout.split())) == (
        0,
        sorted(["fill-mask", "text2text-generation", "transformers", "0"]),
    )
    assert "Traceback" not in done.stderr and "ResourceWarning" not in done.stderr, done.stderr
