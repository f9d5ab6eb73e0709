"""The tables: complete, consistent, and equal to the tables of the installed libraries."""

from __future__ import annotations

import importlib.util
import io
import json
import re
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest

from registry.class_ref import ClassRef
from registry.defaults import default_registry, read_table
from registry.errors import UnknownNameError
from registry.library_names import derive_library_name
from registry.registry import Registry
from registry.tables.auto_mappings import AUTO_MAPPINGS, CUSTOM_CLASSES, MAIN_TASKS, REMOVED_MAPPINGS
from registry.tables.libraries import LIBRARIES
from registry.tables.weights import (
    COMPANIONS,
    FORMAT_TAGS,
    FRAMEWORK_BY_AFFIXES,
    FRAMEWORK_BY_EXTENSION,
    FRAMEWORK_BY_FOLDER,
    FRAMEWORK_BY_NAME,
    FRAMEWORK_BY_PATTERN,
    FRAMEWORKS,
    UNNAMED,
)

ROOT = Path(__file__).resolve().parent.parent.parent

HUB_TAGS = (
    # huggingface.js, tasks/src/pipelines.ts (August 2026).
    "text-classification token-classification table-question-answering question-answering zero-shot-classification "
    "translation summarization feature-extraction text-generation fill-mask sentence-similarity text-to-speech "
    "text-to-audio automatic-speech-recognition audio-to-audio audio-classification audio-text-to-text "
    "voice-activity-detection depth-estimation image-classification object-detection image-segmentation text-to-image "
    "image-to-text image-to-image image-to-video unconditional-image-generation video-classification "
    "reinforcement-learning robotics tabular-classification tabular-regression tabular-to-text table-to-text "
    "multiple-choice text-ranking text-retrieval time-series-forecasting text-to-video image-text-to-text "
    "image-text-to-image image-text-to-video visual-question-answering document-question-answering "
    "zero-shot-image-classification graph-ml mask-generation zero-shot-object-detection text-to-3d image-to-3d "
    "image-feature-extraction video-text-to-text keypoint-detection visual-document-retrieval any-to-any "
    "video-to-video other"
)

OPTIMUM_TASKS = (
    # optimum 2.3, TasksManager.get_all_tasks().
    "audio-classification audio-frame-classification audio-xvector automatic-speech-recognition depth-estimation "
    "document-question-answering feature-extraction fill-mask image-classification image-segmentation "
    "image-text-to-text image-to-image image-to-text inpainting keypoint-detection mask-generation masked-im "
    "multiple-choice object-detection question-answering reinforcement-learning semantic-segmentation "
    "sentence-similarity text-classification text-generation text-to-audio text-to-image text2text-generation "
    "time-series-forecasting token-classification visual-question-answering zero-shot-image-classification "
    "zero-shot-object-detection"
)

OPTIMUM_SYNONYMS = {
    # optimum 2.3, TasksManager._SYNONYM_TASK_MAP -> our task.
    "audio-ctc": "automatic-speech-recognition",
    "causal-lm": "text-generation",
    "causal-lm-with-past": "text-generation",
    "default": "feature-extraction",
    "default-with-past": "feature-extraction",
    "masked-lm": "fill-mask",
    "seq2seq-lm": "text2text-generation",
    "seq2seq-lm-with-past": "text2text-generation",
    "sequence-classification": "text-classification",
    "speech2seq-lm": "automatic-speech-recognition",
    "speech2seq-lm-with-past": "automatic-speech-recognition",
    "text-to-speech": "text-to-audio",
    "vision2seq-lm": "image-to-text",
    "stable-diffusion": "text-to-image",
    "stable-diffusion-xl": "text-to-image",
    "latent-consistency": "text-to-image",
    # Optimum maps these to the coarser task that it exports them as; here they are tasks of their own.
    "mask-generation": "mask-generation",
    "sentence-similarity": "sentence-similarity",
    "summarization": "summarization",
    "translation": "translation",
    "zero-shot-classification": "zero-shot-classification",
    "image-feature-extraction": "image-feature-extraction",
    "pretraining": "pretraining",
}


@pytest.fixture(scope="module")
def registry() -> Registry:
    return default_registry()


@pytest.mark.parametrize("name", [*HUB_TAGS.split(), *OPTIMUM_TASKS.split(), "conversational", "text2text-generation"])
def test_a_task_of_the_hub_and_of_optimum_is_known(name: str, registry: Registry) -> None:
    assert registry.normalize_task(name) in registry.tasks


@pytest.mark.parametrize(("name", "task"), OPTIMUM_SYNONYMS.items())
def test_a_synonym_of_optimum_means_its_task(name: str, task: str, registry: Registry) -> None:
    assert registry.parse_task(name) == (task, name.endswith("-with-past"))


@pytest.mark.parametrize("key", ["pipelines", "removed_pipelines", "pipeline_aliases"])
def test_a_pipeline_of_transformers_is_a_task(key: str, registry: Registry) -> None:
    assert all(registry.find_task(name) for name in read_table("transformers")[key])


def test_the_past_is_parsed_before_the_alias_for_tasks_that_can_have_one(registry: Registry) -> None:
    for task in registry.with_past_tasks:
        assert registry.parse_task(f"{task}-with-past") == (task, True)
        assert registry.parse_task(task) == (task, False)
    for task in registry.tasks.keys() - registry.with_past_tasks:
        with pytest.raises(UnknownNameError):
            registry.parse_task(f"{task}-with-past")
    with pytest.raises(UnknownNameError):
        registry.parse_task("-with-past")


def test_every_alias_ends_at_a_task_in_one_hop(registry: Registry) -> None:
    assert len(registry.task_aliases) > 15
    assert set(registry.task_aliases.values()) <= registry.tasks.keys()
    assert not registry.task_aliases.keys() & registry.tasks.keys()


def test_every_task_that_a_table_names_is_one(registry: Registry) -> None:
    named = {
        *registry.with_past_tasks,
        *registry.specialisations,
        *(task for tasks in registry.specialisations.values() for task in tasks),
        *registry.coarser,
        *(task for tasks in registry.coarser.values() for task in tasks),
        *registry.kind_of,
        *registry.kind_of.values(),
        *(task for library in registry.libraries.values() for task in library.tasks),
        *(mapping.task for mapping in (*registry.mappings, *registry.old_mappings)),
        *(task for served in CUSTOM_CLASSES.values() for task, _ in served),
        *MAIN_TASKS.values(),
        *(task for pipeline in registry.pipelines.values() for task in pipeline.tasks),
        *(task for task, _ in registry.peft_task_types.values()),
        *(task for task in registry.gguf_architectures.values() if task is not None),
        *(task for tasks in registry.sentence_kinds.values() for task in tasks),
    }

    assert named <= registry.tasks.keys()


def test_every_task_has_a_modality(registry: Registry) -> None:
    modalities = {"text", "audio", "image", "video", "3d", "multimodal", "tabular", "time series", "other"}

    assert set(registry.tasks.values()) == modalities


def test_no_table_is_empty(registry: Registry) -> None:
    for name in Registry.__dataclass_fields__.keys() - {"class_refs", "extensions"}:
        assert len(getattr(registry, name)) > 0, name
    counts = {
        "architectures": (len(registry.served_tasks), 1_600),
        "mappings": (len(registry.mappings), 50),
        "pipelines": (len(registry.pipelines), 340),
        "components": (len(registry.components), 150),
        "libraries": (len(registry.libraries), 45),
        "model types": (len(registry.model_types), 750),
        "GGUF architectures": (len(registry.gguf_architectures), 140),
        "PEFT task types": (len(registry.peft_task_types), 6),
        "kinds of sentence-transformers": (len(registry.sentence_kinds), 4),
    }
    assert {name: count for name, (count, least) in counts.items() if count < least} == {}


def test_every_mapping_of_the_release_has_its_task_once() -> None:
    table = read_table("transformers")
    named = [name for _, name, _ in AUTO_MAPPINGS]

    assert sorted(named) == sorted(table["mappings"])
    auto_classes = {auto_class: name for _, name, auto_class in AUTO_MAPPINGS if auto_class is not None}
    assert {**auto_classes, "AutoModel": "MODEL_MAPPING_NAMES"} == table["auto_classes"]
    assert set(table["removed"]) <= {name for _, name, _ in (*AUTO_MAPPINGS, *REMOVED_MAPPINGS)}
    for framework in ("tf", "flax"):
        mapped = {f"{framework.upper()}_{name}" for _, name, _ in (*AUTO_MAPPINGS, *REMOVED_MAPPINGS)}
        assert set(table[framework]) <= mapped


def test_every_custom_class_is_one_of_transformers_with_a_known_model_type(registry: Registry) -> None:
    mapped = {name for mapping in registry.mappings for names in mapping.models.values() for name in names}
    for architecture, served in CUSTOM_CLASSES.items():
        assert architecture in mapped or architecture in registry.other_architectures, architecture
        assert {model_type for _, model_type in served} <= registry.model_types, architecture
    assert MAIN_TASKS.keys() <= mapped


def test_no_row_of_an_architecture_is_out_of_reach(registry: Registry) -> None:
    for architecture, rows in registry.served_tasks.items():
        assert len({(row.task, row.auto_class, row.until) for row in rows}) == len(rows), architecture
        assert rows[-1].task == registry.main_tasks.get(architecture, rows[-1].task)
        assert all(row.model_types for row in rows)


def test_every_class_reference_parses_and_names_a_known_library(registry: Registry) -> None:
    packages = {library.module for library in registry.libraries.values() if library.module is not None}

    assert len(packages) > 15
    for name, library in registry.libraries.items():
        if library.module is not None:
            assert library.model_class is not None, name
            assert ClassRef(library.module, library.model_class).package


def test_every_spelling_of_a_library_is_one_librarys(registry: Registry) -> None:
    spellings = [
        name.lower() for library in registry.libraries.values() for name in {name.lower() for name in library.names}
    ]

    assert len(spellings) == len(set(spellings))
    for canonical, library in registry.libraries.items():
        assert library.names
        assert re.fullmatch(r"[a-z0-9_]+", canonical)
        assert all(registry.normalize_library(name) == canonical for name in (*library.names, canonical))


def test_every_weight_format_is_a_known_framework(registry: Registry) -> None:
    named = {
        *(name for name in FRAMEWORK_BY_NAME.values() if name),
        *(name for _, _, name in FRAMEWORK_BY_AFFIXES if name),
        *FRAMEWORK_BY_EXTENSION.values(),
        *FORMAT_TAGS.values(),
        *(library.framework for library in registry.libraries.values() if library.framework is not None),
    }

    named |= {name for rows in (FRAMEWORK_BY_FOLDER, FRAMEWORK_BY_PATTERN, COMPANIONS) for _, name in rows if name}

    assert named - {UNNAMED} <= set(FRAMEWORKS)


def test_an_unknown_task_is_refused_with_the_nearest(registry: Registry) -> None:
    with pytest.raises(
        UnknownNameError, match=r"unknown task 'text-clasification'; did you mean 'text-classification'"
    ):
        registry.normalize_task("text-clasification")
    with pytest.raises(UnknownNameError, match=r"unknown library 'Difusers'; did you mean 'diffusers'"):
        registry.normalize_library("Difusers")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["transformers", "diffusers", "peft", "sentence_transformers"])
def test_a_shipped_table_agrees_with_the_installed_library(name: str) -> None:
    if importlib.util.find_spec(name) is None:
        pytest.skip(f"{name} is not installed")
    sys.path.insert(0, str(ROOT))
    from tools.make_tables import MAKERS
    from tools.tables_json import compare, render

    shipped: dict[str, Any] = dict(read_table(name))
    fresh = json.loads(render(MAKERS[name](None, shipped)))
    if fresh["version"] != shipped["version"]:
        pytest.skip(f"{name} {fresh['version']} is installed, the table is of {shipped['version']}")

    assert list(compare(shipped, fresh)) == []


def test_every_name_of_the_hubs_list_is_a_library(registry: Registry) -> None:
    names = read_table("hub_libraries")["names"]
    reviewed = {name for row in LIBRARIES.values() for name in row.names}

    assert len(names) > 240
    for name in names:
        assert registry.normalize_library(name) == derive_library_name(name), name
        if name not in reviewed:
            assert registry.libraries[derive_library_name(name)].is_name_only is True, name


def test_the_hubs_list_is_read_from_its_npm_packages(tmp_path: Path) -> None:
    sys.path.insert(0, str(ROOT))
    from tools.tables_hub_libraries import find_tasks_packages, hub_libraries_table

    _write_tasks_package(tmp_path / "huggingface-tasks-0.9.2.tgz", '\t"old-name": {\n\t},\n\tshared: {\n\t},\n')
    newest = '\tshared: {\n\t\tprettyLabel: "x",\n\t\tsnippets: {\n\t\t},\n\t},\n\t"new.js": {\n\t},\n'
    _write_tasks_package(tmp_path / "huggingface-tasks-0.10.1.tgz", newest)

    table = hub_libraries_table(find_tasks_packages(tmp_path))

    assert table == {"version": "0.10.1", "names": ["shared", "new.js", "old-name"]}
    _write_tasks_package(tmp_path / "huggingface-tasks-0.11.0.tgz", "")
    with pytest.raises(ValueError, match=r"huggingface-tasks-0\.11\.0\.tgz: MODEL_LIBRARIES_UI_ELEMENTS"):
        hub_libraries_table(find_tasks_packages(tmp_path))
    assert find_tasks_packages(None) == []


def _write_tasks_package(path: Path, entries: str) -> None:
    content = (
        f"export const MODEL_LIBRARIES_UI_ELEMENTS = {{\n{entries}}} satisfies Record<string, unknown>;\n".encode()
    )
    with tarfile.open(path, "w:gz") as package:
        member = tarfile.TarInfo("package/src/model-libraries.ts")
        member.size = len(content)
        package.addfile(member, io.BytesIO(content))
