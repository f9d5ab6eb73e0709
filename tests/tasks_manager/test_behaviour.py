"""What can be asked without a Hub gives what optimum 2.3 gave, or the same kind of error; the rest is listed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from resolver.settings import Settings
from resolver.tasks_manager import TasksManager
from tools.tasks_manager_behaviour import behaviour

pytest.importorskip("transformers")
pytest.importorskip("torch")

RECORDED: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "data" / "tasks_manager_behaviour.json").read_text("utf-8")
)
"""By `tools/tasks_manager_behaviour.py`, from optimum 2.3 with transformers 5.23."""

OTHERWISE = {
    # The auto class that later releases of transformers have; the same model comes of it.
    "get_model_class_for_task mask-generation sam": "AutoModelForMaskGeneration",
    "get_model_class_for_task keypoint-detection vitpose": "AutoModelForPoseEstimation",
    # optimum does not know the class, or takes the first of its tables that has it.
    "infer_task_from_model BertForPreTraining": "feature-extraction",
    "infer_task_from_model BartForConditionalGeneration": "text2text-generation",
    "infer_task_from_model CLIPModel": "zero-shot-image-classification",
    "infer_task_from_model VitsModel": "text-to-audio",
    "infer_task_from_model NoSuchModel": "feature-extraction",
    # optimum looks a task up among its synonyms, but not the task that a synonym is of.
    "constructor of an alias": ["config", "text-classification", False, {}],
    "constructor of a wider task": ["config", "text2text-generation", False, {}],
}


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """Ours, to the same calls."""
    before = TasksManager.exports().copy()
    TasksManager.configure(Settings(offline=True, store=tmp_path_factory.mktemp("store") / "store.sqlite3"))
    yield behaviour(TasksManager)
    TasksManager.close()
    TasksManager.configure(Settings(), before)


def test_the_same_was_asked(found: dict[str, Any]) -> None:
    assert found.keys() == RECORDED.keys()
    assert len(RECORDED) > 150
    assert {label.removesuffix("()") for label in OTHERWISE} <= RECORDED.keys()


@pytest.mark.parametrize("label", RECORDED)
def test_a_call_does_what_optimums_does(found: dict[str, Any], label: str) -> None:
    ours, theirs = found[label], RECORDED[label]
    listed = OTHERWISE.get(label.removesuffix("()"))
    if listed is not None:
        assert ours != theirs
        assert ours == {"gives": listed}
    elif "raises" in theirs:
        assert theirs["raises"][0] in ours.get("raises", ()), ours
    elif label.startswith("synonyms_for_task"):
        # With the name that they are synonyms of, and those that optimum does not know.
        assert set(theirs["gives"]) <= set(ours["gives"])
    else:
        assert ours == theirs
