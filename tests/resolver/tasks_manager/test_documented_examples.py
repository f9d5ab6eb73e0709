"""The examples of docs/tasks_manager.md run, and the page names every method."""

from __future__ import annotations

import doctest
import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from resolver.tasks_manager import TasksManager

PAGE = (Path(__file__).parents[3] / "docs" / "tasks_manager.md").read_text("utf-8")
EXAMPLES = re.findall(r"```pycon\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture(autouse=True)
def own_exports() -> Iterator[None]:
    """Remove the registrations of an example after it."""
    before = TasksManager.exports().copy()
    yield
    TasksManager.configure(exports=before)


def test_there_are_examples() -> None:
    assert len(EXAMPLES) == 3


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_an_example_prints_the_documented_output(number: int) -> None:
    source = EXAMPLES[number]
    for package in ("transformers", "torch"):
        if "transformers" in source and importlib.util.find_spec(package) is None:
            pytest.skip(f"{package} is not installed")
    example = doctest.DocTestParser().get_doctest(source, {"__name__": "__main__"}, "tasks_manager.md", None, 0)
    output: list[str] = []
    result = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS).run(
        example, out=output.append
    )
    assert result.attempted >= 5
    assert not result.failed, "".join(output)


def test_every_method_is_on_the_page() -> None:
    public = [name for name in dir(TasksManager) if not name.startswith("_")]
    assert [name for name in public if name not in PAGE] == []
