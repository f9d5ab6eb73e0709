"""Every public method of optimum's class is here, with the same parameters, defaults and kind of method."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from resolver.tasks_manager import TasksManager
from tools.class_interface import differences, interface_of

RECORDED: dict[str, Any] = json.loads((Path(__file__).parents[1] / "data" / "tasks_manager.json").read_text("utf-8"))
"""From optimum 2.3, by `tools/class_interface.py`."""


def test_what_was_recorded_is_the_whole_interface() -> None:
    assert len(RECORDED) == 14
    assert sum(len(method["parameters"]) for method in RECORDED.values()) > 50


@pytest.mark.parametrize("name", sorted(RECORDED))
def test_each_method_is_called_as_optimums(name: str) -> None:
    assert not differences({name: RECORDED[name]}, interface_of(TasksManager))


def test_a_missing_method_and_another_default_are_told_apart() -> None:
    found = interface_of(TasksManager)
    other = json.loads(json.dumps(found))
    other["map_from_synonym"]["parameters"][0]["default"] = "'x'"
    del found["get_all_tasks"]
    told = differences(other, found)
    assert [line.split()[0].rstrip(":") for line in told] == ["get_all_tasks", "map_from_synonym"]


def test_what_optimums_own_exporters_read_beside_the_methods_is_there() -> None:
    assert "bert" in TasksManager._SUPPORTED_MODEL_TYPE
    assert "no-such-type" not in TasksManager._SUPPORTED_MODEL_TYPE
    assert "text-generation-with-past" in TasksManager._SUPPORTED_MODEL_TYPE["gpt2"]["onnx"]
    assert len(TasksManager._SUPPORTED_MODEL_TYPE) == len(set(TasksManager._SUPPORTED_MODEL_TYPE)) > 100
    assert "vae-decoder" in TasksManager._UNSUPPORTED_CLI_MODEL_TYPE
    assert "vae-decoder" not in TasksManager._SUPPORTED_CLI_MODEL_TYPE
    assert "bert" in TasksManager._SUPPORTED_CLI_MODEL_TYPE
    assert "text2text-generation".startswith(TasksManager._ENCODER_DECODER_TASKS)
