"""Extensions of the registry: additions, contradictions, and the unchanged original."""

from __future__ import annotations

from typing import Any

import pytest

from registry.defaults import read_registry, shipped_registry
from registry.errors import ExtensionError
from registry.extension import ArchitectureRow, Extension
from registry.queries.find_class import find_class
from registry.registry import Registry
from registry.rules.decide import decide
from registry.table_rows import Library, Pipeline
from tests.registry.repo_facts import repo

pytestmark = pytest.mark.pure


@pytest.fixture(scope="module")
def shipped() -> Registry:
    return shipped_registry()


def build_extension(name: str = "mine", **content: Any) -> Extension:
    return Extension(name=name, **content)


SMELL = build_extension(
    tasks={"smell-detection": "other"},
    aliases={"sniffing": "smell-detection"},
    with_past_tasks=frozenset({"smell-detection"}),
    specialisations={"text-generation": ("smell-detection",)},
    libraries={"nose": Library(names=("nose-lib",), tasks=("smell-detection",), module="nose", model_class="load")},
    signatures={"nose_config.json": "nose", "*.smell": "nose"},
    architectures=(
        ArchitectureRow(architecture="FooModel", task="feature-extraction", model_type="foo", auto_class="AutoModel"),
        ArchitectureRow(architecture="FooForSmell", task="smell-detection", model_type="foo"),
    ),
    custom_classes={("image-to-text", "bert"): "BertForCaptions"},
    class_refs={"FooForSmell": "foo.models:FooForSmell"},
    pipelines={"FooPipeline": Pipeline(tasks=("text-to-image",))},
)


def test_an_extended_registry_has_all_additions_and_the_original_none(shipped: Registry) -> None:
    before = shipped.digest()
    extended = shipped.extended(SMELL)

    assert extended.parse_task("sniffing-with-past") == ("smell-detection", True)
    assert extended.can_serve("text-generation", "smell-detection")
    assert extended.normalize_library("Nose-Lib") == "nose"
    assert decide(repo(names=("nose_config.json",)), extended).library == "nose"
    assert decide(repo(names=("a.smell",)), extended).task == "smell-detection"
    assert decide(repo("FooModel", "foo"), extended).model_class == "AutoModel"
    decision = decide(repo("FooForSmell", "foo", auto_map={"AutoModel": "m.FooForSmell"}), extended)
    assert (decision.task, decision.model_class) == ("smell-detection", "FooForSmell")
    assert not decision.requires_remote_code
    assert str(find_class("sniffing", extended, model_type="foo")) == "foo.models:FooForSmell"
    assert str(find_class("image-to-text", extended, model_type="bert")) == "transformers:BertForCaptions"
    assert decide(repo(files={"model_index.json": {"_class_name": "FooPipeline"}}), extended).task == "text-to-image"

    assert shipped.digest() == before != extended.digest()
    assert shipped.find_task("sniffing") is None
    assert decide(repo("FooForSmell", "foo"), shipped).model_class is None


def test_a_shipped_row_may_be_overridden(shipped: Registry) -> None:
    row = ArchitectureRow(architecture="BertModel", task="sentence-similarity", model_type="bert")
    extended = shipped.extended(build_extension(architectures=(row,)))

    assert decide(repo("BertModel", "bert"), extended).task == "sentence-similarity"
    assert decide(repo("BertModel", "bert"), extended).model_class == "BertModel"
    assert decide(repo("BertModel", "bert"), shipped).task == "feature-extraction"


def test_one_row_of_an_extension_changes_the_digest(shipped: Registry) -> None:
    contents: tuple[dict[str, Any], ...] = (
        {"tasks": {"a": "other"}},
        {"aliases": {"a": "fill-mask"}},
        {"with_past_tasks": frozenset({"fill-mask"})},
        {"specialisations": {"fill-mask": ("translation",)}},
        {"libraries": {"a": Library(names=("a",))}},
        {"libraries": {"a": Library(names=("a",), ambiguous=True)}},
        {"signatures": {"a.json": "timm"}},
        {"architectures": (ArchitectureRow(architecture="A", task="fill-mask", model_type="a"),)},
        {"architectures": (ArchitectureRow(architecture="A", task="fill-mask", model_type="b"),)},
        {"custom_classes": {("fill-mask", "a"): "A"}},
        {"custom_classes": {("fill-mask", "a"): "B"}},
        {"pipelines": {"A": Pipeline(tasks=())}},
        {"class_refs": {"A": "a:A"}},
    )
    digests = [shipped.digest(), *(shipped.extended(build_extension(**content)).digest() for content in contents)]

    assert len(set(digests)) == len(digests)


def test_equal_registries_have_one_digest(shipped: Registry) -> None:
    assert read_registry().digest() == shipped.digest() == shipped.extended().digest()
    assert shipped.extended(SMELL).digest() == read_registry().extended(SMELL).digest()
    assert shipped.extended(SMELL).extended(SMELL).digest() == shipped.extended(SMELL).digest()


CONTRADICTIONS: tuple[tuple[dict[str, Any], dict[str, Any], str], ...] = (
    ({"aliases": {"x": "fill-mask"}}, {"aliases": {"x": "translation"}}, "alias 'x'"),
    ({"tasks": {"x": "text"}}, {"tasks": {"x": "image"}}, "the modality of task 'x'"),
    ({"signatures": {"x": "timm"}}, {"signatures": {"x": "peft"}}, "the library of 'x'"),
    ({"libraries": {"x": Library(names=("x",))}}, {"libraries": {"x": Library(names=("y",))}}, "library 'x'"),
    ({"class_refs": {"X": "a:X"}}, {"class_refs": {"X": "b:X"}}, "class 'X'"),
    (
        {"custom_classes": {("fill-mask", "x"): "X"}},
        {"custom_classes": {("fill-mask", "x"): "Y"}},
        "the class for fill-mask of model type 'x'",
    ),
    (
        {"architectures": (ArchitectureRow(architecture="X", task="fill-mask", model_type="x"),)},
        {"architectures": (ArchitectureRow(architecture="X", task="translation", model_type="x"),)},
        "the main task of architecture 'X'",
    ),
    (
        {"architectures": (ArchitectureRow(architecture="X", task="fill-mask", model_type="x"),)},
        {"architectures": (ArchitectureRow(architecture="X", task="fill-mask", model_type="x", auto_class="A"),)},
        "the auto class for fill-mask of 'X (x)'",
    ),
    ({"pipelines": {"X": Pipeline(tasks=())}}, {"pipelines": {"X": Pipeline(tasks=("fill-mask",))}}, "pipeline 'X'"),
)


@pytest.mark.parametrize(("one", "other", "subject"), CONTRADICTIONS)
def test_two_extensions_that_contradict_each_other_are_an_error_at_once(
    one: dict[str, Any], other: dict[str, Any], subject: str, shipped: Registry
) -> None:
    for first, second in ((one, other), (other, one)):
        with pytest.raises(ExtensionError) as caught:
            shipped.extended(build_extension("a", **first), build_extension("b", **second))
        assert f"'a' and 'b' contradict each other: {subject}" in str(caught.value)
        with pytest.raises(ExtensionError):
            shipped.extended(build_extension("a", **first)).extended(build_extension("b", **second))


def test_two_extensions_may_have_equal_rows(shipped: Registry) -> None:
    content = {"aliases": {"x": "fill-mask"}, "signatures": {"x.json": "timm"}}

    assert (
        shipped.extended(build_extension("a", **content), build_extension("b", **content)).find_task("x") == "fill-mask"
    )


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ({"aliases": {"x": "fil-mask"}}, "did you mean 'fill-mask'"),
        ({"aliases": {"fill-mask": "translation"}}, "is a task itself"),
        ({"tasks": {"ner": "text"}}, "is an alias of 'token-classification'"),
        ({"signatures": {"x": "tim"}}, "did you mean 'timm'"),
        ({"class_refs": {"X": "no class"}}, "package.module:Name"),
        ({"libraries": {"x": Library(names=("timm",))}}, "'timm' is a name of both"),
        ({"libraries": {"x": Library(names=("x",), tasks=("nothing",))}}, "unknown task 'nothing'"),
        ({"architectures": (ArchitectureRow(architecture="X", task="nothing", model_type="x"),)}, "unknown task"),
        ({"custom_classes": {("nothing", "x"): "X"}}, "unknown task"),
        ({"pipelines": {"X": Pipeline(tasks=("nothing",))}}, "unknown task"),
        ({"specialisations": {"nothing": ()}}, "unknown task"),
    ],
)
def test_an_extension_that_is_not_well_formed_is_refused(
    content: dict[str, Any], reason: str, shipped: Registry
) -> None:
    with pytest.raises(ExtensionError, match="'mine'") as caught:
        shipped.extended(build_extension(**content))

    assert reason in str(caught.value)
