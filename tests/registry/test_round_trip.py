"""Decides every class that transformers maps, by its name and model type alone: the loading class, and the task.

The tasks are compared with the table that transformers publishes its metadata from.
"""

from __future__ import annotations

import pytest

from registry.defaults import default_registry, read_table
from registry.rules.decide import decide
from tests.registry.repo_facts import repo
from tests.registry.upstream_tasks import (
    CORRECTED,
    MISSING_UPSTREAM,
    list_mapped_architectures,
    read_expected_tasks,
    read_upstream_tasks,
)

pytestmark = pytest.mark.pure

MAPPED = list_mapped_architectures()


def test_all_classes_of_the_release_are_there() -> None:
    assert read_table("transformers")["version"] == "5.24.0"
    assert len(MAPPED) == 1571
    assert read_expected_tasks().keys() == MAPPED.keys()


def test_each_class_is_loaded_by_itself_or_by_an_auto_class_that_maps_to_it() -> None:
    table = read_table("transformers")
    wrong = []
    for architecture, model_types in MAPPED.items():
        for model_type in model_types:
            model_class = decide(repo(architecture, model_type), default_registry()).model_class
            mapping = table["mappings"].get(table["auto_classes"].get(model_class, ""), {})
            if model_class != architecture and architecture not in mapping.get(model_type, ()):
                wrong.append((architecture, model_type, model_class))

    assert wrong == []


def test_each_task_is_upstreams_or_a_better_one() -> None:
    upstream = read_upstream_tasks()
    differing: dict[str, tuple[str, str]] = {}
    unnamed: dict[str, set[str]] = {}
    for architecture, model_types in MAPPED.items():
        for model_type in model_types:
            task = decide(repo(architecture, model_type), default_registry()).task
            assert task is not None
            if architecture not in upstream:
                unnamed.setdefault(task, set()).add(architecture)
            elif task != upstream[architecture]:
                differing[architecture] = (upstream[architecture], task)

    assert differing == CORRECTED
    assert unnamed == {task: set(names) for task, names in MISSING_UPSTREAM.items()}


@pytest.mark.parametrize("framework", ["tf", "flax"])
def test_each_class_of_another_framework_is_loaded_by_itself_or_its_auto_class(framework: str) -> None:
    table = read_table("transformers")
    mappings, auto_classes = table[framework], table[f"{framework}_auto_classes"]
    count = 0
    for models in mappings.values():
        for model_type, architectures in models.items():
            for architecture in architectures:
                decision = decide(repo(architecture, model_type, names=()), default_registry())
                mapping = mappings.get(auto_classes.get(decision.model_class, ""), {})
                assert decision.model_class == architecture or architecture in mapping[model_type]
                assert (decision.framework, decision.task is None) == (framework, False)
                count += 1

    assert count > 100


def test_a_removed_class_still_has_its_task_and_the_release_that_had_it_last() -> None:
    removed = {
        architecture: until
        for models in read_table("transformers")["removed"].values()
        for architectures in models.values()
        for architecture, until in architectures.items()
        if architecture not in MAPPED
    }

    assert len(removed) > 40
    for architecture, until in removed.items():
        decision = decide(repo(architecture), default_registry())
        assert decision.task is not None, architecture
        assert any("until" in note and until in note for note in decision.notes), (architecture, decision.notes)
