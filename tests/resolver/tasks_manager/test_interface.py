"""Every public method of optimum's class exists, with the same parameters, defaults and kind of method."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from resolver.tasks_manager import TasksManager
from tools.class_interface import find_differences, read_interface

RECORDED: dict[str, Any] = json.loads((Path(__file__).parents[2] / "data" / "tasks_manager.json").read_text("utf-8"))
"""The interface of optimum 2.3, recorded by `tools/class_interface.py`."""


def test_what_was_recorded_is_the_whole_interface() -> None:
    assert len(RECORDED) == 14
    assert sum(len(method["parameters"]) for method in RECORDED.values()) > 50


@pytest.mark.parametrize("name", sorted(RECORDED))
def test_each_method_has_the_signature_of_optimums(name: str) -> None:
    assert not find_differences({name: RECORDED[name]}, read_interface(TasksManager))


def test_a_missing_method_and_a_changed_default_are_both_reported() -> None:
    found = read_interface(TasksManager)
    other = json.loads(json.dumps(found))
    other["map_from_synonym"]["parameters"][0]["default"] = "'x'"
    del found["get_all_tasks"]
    reported = find_differences(other, found)
    assert [line.split()[0].rstrip(":") for line in reported] == ["get_all_tasks", "map_from_synonym"]


def test_the_private_tables_that_optimums_exporters_read_exist() -> None:
    assert "bert" in TasksManager._SUPPORTED_MODEL_TYPE
    assert "no-such-type" not in TasksManager._SUPPORTED_MODEL_TYPE
    assert "text-generation-with-past" in TasksManager._SUPPORTED_MODEL_TYPE["gpt2"]["onnx"]
    assert len(TasksManager._SUPPORTED_MODEL_TYPE) == len(set(TasksManager._SUPPORTED_MODEL_TYPE)) > 100
    assert "vae-decoder" in TasksManager._UNSUPPORTED_CLI_MODEL_TYPE
    assert "vae-decoder" not in TasksManager._SUPPORTED_CLI_MODEL_TYPE
    assert "bert" in TasksManager._SUPPORTED_CLI_MODEL_TYPE
    assert "text2text-generation".startswith(TasksManager._ENCODER_DECODER_TASKS)
