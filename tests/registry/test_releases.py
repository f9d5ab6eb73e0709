"""Registry updates: releases are found and checked, their tables read and added, and nothing is run."""

from __future__ import annotations

import importlib.util
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from registry.decision import Decision
from registry.defaults import add_updates, shipped_registry
from registry.extension import ArchitectureRow, Extension
from registry.registry import Registry
from registry.releases import fetch
from registry.releases.files import find_releases
from registry.releases.reading import read_release
from registry.releases.update import RegistryUpdate, ReleaseError
from registry.rules.decide import decide
from tests.registry.repo_facts import repo
from tests.registry.wheels import MODELING, PEFT, TRANSFORMERS, make_wheel, unpack


def read(path: Path) -> tuple[RegistryUpdate, ...]:
    return tuple(read_release(release, read_at_s=1) for release in find_releases(path))


def decide_zyx(architecture: str, registry: Registry) -> Decision:
    return decide(repo(architecture, "zyx", config={"hidden_size": 8}), registry)


def test_a_class_whose_name_tells_nothing_is_answered_after_an_update(tmp_path: Path) -> None:
    shipped = shipped_registry()
    updated = add_updates(shipped, read(make_wheel(tmp_path)))

    for architecture, task, model_class in (
        ("ZyxFoldingTrunk", "feature-extraction", "AutoModel"),
        ("ZyxSinger", "text-to-audio", "AutoModelForTextToWaveform"),
        ("ZyxSpareWheel", "feature-extraction", "ZyxSpareWheel"),
    ):
        before, after = decide_zyx(architecture, shipped), decide_zyx(architecture, updated)
        assert (before.task, before.model_class) == (None, None)
        assert before.undecided is not None and "in no auto mapping" in before.undecided
        assert (after.task, after.model_class, after.undecided) == (task, model_class, None)
    assert "needs transformers >= 5.99.0" in decide_zyx("ZyxSinger", updated).notes
    assert updated.model_type_aliases["zyx_old"] == "zyx"
    assert updated.versions["transformers"] == "5.99.0"
    assert updated.digest() != shipped.digest()
    assert decide(repo("BertForMaskedLM", "bert"), updated) == decide(repo("BertForMaskedLM", "bert"), shipped)


def test_other_libraries_are_updated_too(tmp_path: Path) -> None:
    make_wheel(tmp_path)
    make_wheel(tmp_path, "peft", "0.99.0", PEFT)

    updates = read(tmp_path)

    assert {update.library for update in updates} == {"transformers", "peft"}
    updated = add_updates(shipped_registry(), updates)
    assert updated.peft_task_types["SNIFFING"] == ("token-classification", "AutoPeftModelForSniffing")
    assert updated.peft_task_types["CAUSAL_LM"] == shipped_registry().peft_task_types["CAUSAL_LM"]


def as_wheel(wheel: Path, folder: Path) -> Path:
    return wheel


def as_folder_of_wheels(wheel: Path, folder: Path) -> Path:
    # An older release beside it is not even opened.
    (wheel.parent / "transformers-5.98.0-py3-none-any.whl").write_text("not a wheel")
    return wheel.parent


def as_environment(wheel: Path, folder: Path) -> Path:
    return unpack(wheel, folder)


def as_package(wheel: Path, folder: Path) -> Path:
    return unpack(wheel, folder) / "transformers"


def as_source_tree(wheel: Path, folder: Path) -> Path:
    unpack(wheel, folder / "src")
    shutil.rmtree(next((folder / "src").glob("*.dist-info")))
    return folder


@pytest.mark.parametrize("place", [as_wheel, as_folder_of_wheels, as_environment, as_package, as_source_tree])
def test_a_release_is_found_in_each_place(place: Callable[[Path, Path], Path], tmp_path: Path) -> None:
    path = place(make_wheel(tmp_path / "wheels"), tmp_path / "unpacked")

    (release,) = find_releases(path)

    assert (release.library, release.source.version) == ("transformers", "5.99.0")
    assert release.is_checked is (place is not as_source_tree)
    assert read(path)[0].tables == read(make_wheel(tmp_path / "again"))[0].tables


def make_other_wheel(folder: Path) -> Path:
    return make_wheel(folder, "numpy", "9.9.9", {"__init__.py": ""})


def make_text(folder: Path) -> Path:
    path = folder / "transformers-5.99.0-py3-none-any.whl"
    path.write_text("not a zip file")
    return path


def make_duplicate(folder: Path) -> Path:
    path = make_wheel(folder)
    with zipfile.ZipFile(path, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("transformers/__init__.py", "")
    return path


def change_environment(folder: Path) -> Path:
    place = unpack(make_wheel(folder / "wheels"), folder / "site")
    (place / "transformers" / "models" / "auto" / "modeling_auto.py").write_text(MODELING + "\n# changed\n")
    return place


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda folder: make_wheel(folder, changed={"transformers/__init__.py": "x"}), "not as RECORD says"),
        (lambda folder: make_wheel(folder, changed={"transformers/more.py": "x"}), "RECORD has no hash of"),
        (lambda folder: make_wheel(folder, record=""), "RECORD has no hash of"),
        (lambda folder: make_wheel(folder, record="transformers/__init__.py,md5=x,1\n"), "RECORD has no hash of"),
        (make_other_wheel, "is a wheel of numpy"),
        (make_text, "not a usable wheel"),
        (make_duplicate, "has a file twice"),
        (change_environment, "modeling_auto.py is not as RECORD says"),
        (lambda folder: folder, "has no wheel, and no package"),
        (lambda folder: folder / "nothing", "there is no file or folder"),
    ],
    ids=[
        "changed",
        "added",
        "no hashes",
        "weak hash",
        "other library",
        "text",
        "twice",
        "environment",
        "empty",
        "none",
    ],
)
def test_what_is_no_release_or_was_changed_is_refused(
    make: Callable[[Path], Path], message: str, tmp_path: Path
) -> None:
    with pytest.raises(ReleaseError, match=message):
        find_releases(make(tmp_path))


@pytest.mark.parametrize(
    "modeling",
    [
        "MODEL_MAPPING_NAMES = make_it_up()",
        "this is no Python",
        "MODEL_MAPPING_NAMES = {'a': 1}",
        "MODEL_MAPPING_NAMES = " + "(" * 5_000,
        "x = '\0'",
    ],
    ids=["call", "no Python", "no class", "deep", "null"],
)
def test_tables_in_an_unsupported_form_are_refused(modeling: str, tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path, files={**TRANSFORMERS, "models/auto/modeling_auto.py": modeling})

    with pytest.raises(ReleaseError, match=r"the tables of transformers 5\.99\.0 cannot be read"):
        read(wheel)


def test_the_users_extension_counts_more_than_an_update(tmp_path: Path) -> None:
    row = ArchitectureRow(architecture="ZyxSinger", task="audio-to-audio", model_type="zyx")
    extended = shipped_registry().extended(Extension(name="mine", architectures=(row,)))

    updated = add_updates(extended, read(make_wheel(tmp_path)))

    assert decide_zyx("ZyxSinger", updated).task == "audio-to-audio"
    assert decide_zyx("ZyxFoldingTrunk", updated).task == "feature-extraction"


def test_an_update_that_is_added_twice_changes_nothing_more(tmp_path: Path) -> None:
    updates = read(make_wheel(tmp_path))
    once = add_updates(shipped_registry(), updates)

    assert add_updates(once, updates).digest() == once.digest()


def test_an_update_older_than_the_shipped_tables_is_skipped(tmp_path: Path) -> None:
    updates = read(make_wheel(tmp_path, version="5.0.0"))

    assert add_updates(shipped_registry(), updates) is shipped_registry()


@pytest.mark.parametrize(
    ("library", "tables"),
    [
        ("transformers", b"{}"),
        ("transformers", b"[" * 100_000),
        ("transformers", b"\xff"),
        ("numpy", b"{}"),
        ("peft", b'{"task_types": {"A": {"task": 1, "model_class": "B"}}}'),
        (
            "transformers",
            msgspec.json.encode(
                {
                    "auto_classes": {},
                    "mappings": {"MODEL_MAPPING_NAMES": {"zyx": []}},
                    "configs": {},
                    "model_type_aliases": {},
                    "architectures_elsewhere": {},
                }
            ),
        ),
    ],
    ids=["empty", "deep", "bytes", "other library", "other type", "no class"],
)
def test_an_update_of_another_form_is_refused(library: str, tables: bytes) -> None:
    update = RegistryUpdate(library=library, version="9.9.9", source="x.whl", read_at_s=1, tables=tables)

    with pytest.raises(ReleaseError):
        add_updates(shipped_registry(), (update,))


def test_without_pip_the_error_names_the_way_out(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def find_nothing(name: str) -> None:
        assert name == "pip"

    monkeypatch.setattr(importlib.util, "find_spec", find_nothing)

    with pytest.raises(ReleaseError, match="--from WHEEL"):
        fetch.fetch_wheels(["transformers"], tmp_path)


def test_pip_is_asked_with_the_users_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    make_wheel(tmp_path / "index")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "index"))
    (tmp_path / "fetched").mkdir()

    fetch.fetch_wheels(["transformers==5.99.0"], tmp_path / "fetched")

    assert read(tmp_path / "fetched")[0].version == "5.99.0"
    with pytest.raises(ReleaseError, match=r"pip cannot fetch transformers==9\.9\.9: ERROR: No matching distribution"):
        fetch.fetch_wheels(["transformers==9.9.9"], tmp_path / "fetched")
