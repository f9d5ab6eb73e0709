"""Calls that need no Hub return what optimum 2.3 returned, or raise the same kind of error; differences are listed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from resolver.settings import Settings
from resolver.tasks_manager import TasksManager
from tools.tasks_manager_behaviour import record_behaviour

pytest.importorskip("transformers")
pytest.importorskip("torch")

RECORDED: dict[str, Any] = json.loads(
    (Path(__file__).parents[2] / "data" / "tasks_manager_behaviour.json").read_text("utf-8")
)
"""Results of optimum 2.3 with transformers 5.23, recorded by `tools/tasks_manager_behaviour.py`."""

DIFFERENCES = {
    # The auto class of later transformers releases, which loads the same model.
    "get_model_class_for_task mask-generation sam": "AutoModelForMaskGeneration",
    "get_model_class_for_task keypoint-detection vitpose": "AutoModelForPoseEstimation",
    # optimum does not know the class, or uses the first of its tables that lists it.
    "infer_task_from_model BertForPreTraining": "feature-extraction",
    "infer_task_from_model BartForConditionalGeneration": "text2text-generation",
    "infer_task_from_model CLIPModel": "zero-shot-image-classification",
    "infer_task_from_model VitsModel": "text-to-audio",
    "infer_task_from_model NoSuchModel": "feature-extraction",
    # As in optimum 1: today's has no TensorFlow.
    "determine_framework tensorflow": "tf",
    # optimum finds the synonyms of a task, but not the task of a synonym.
    "constructor of an alias": ["config", "text-classification", False, {}],
    "constructor of a wider task": ["config", "text2text-generation", False, {}],
}


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """Results of this `TasksManager` for the same calls."""
    before = TasksManager.exports().copy()
    TasksManager.configure(Settings(offline=True, store=tmp_path_factory.mktemp("store") / "store.sqlite3"))
    yield record_behaviour(TasksManager)
    TasksManager.close()
    TasksManager.configure(Settings(), before)


def test_the_calls_are_the_recorded_ones(found: dict[str, Any]) -> None:
    assert found.keys() == RECORDED.keys()
    assert len(RECORDED) > 150
    assert {label.removesuffix("()") for label in DIFFERENCES} <= RECORDED.keys()


@pytest.mark.parametrize("label", RECORDED)
def test_a_call_does_what_optimums_does(found: dict[str, Any], label: str) -> None:
    ours, theirs = found[label], RECORDED[label]
    difference = DIFFERENCES.get(label.removesuffix("()"))
    if difference is not None:
        assert ours != theirs
        assert ours == {"gives": difference}
    elif "raises" in theirs:
        assert theirs["raises"][0] in ours.get("raises", ()), ours
    elif label.startswith("synonyms_for_task"):
        # Ours also has the name that they are synonyms of, and synonyms that optimum does not know.
        assert set(theirs["gives"]) <= set(ours["gives"])
    else:
        assert ours == theirs
