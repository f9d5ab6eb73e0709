"""Adapting a registry to the environment: a newer transformers, plugins, and the cache of both."""

from __future__ import annotations

import json
import os
import sys
import textwrap
from pathlib import Path

import pytest

from registry.defaults import shipped_registry
from registry.environment import environment
from registry.environment.environment import adapt_to_environment
from registry.environment.newer_release import is_newer
from registry.errors import ExtensionError
from registry.rules.decide import decide
from tests.registry.repo_facts import repo

MODELING = """
    from collections import OrderedDict
    raise RuntimeError("this module must be read, not imported")
    MODEL_MAPPING_NAMES = OrderedDict([("bert", "BertModel"), ("zyx", "ZyxModel")])
    MODEL_FOR_CAUSAL_LM_MAPPING_NAMES = OrderedDict([("bert", "BertLMHeadModel"), ("zyx", ("ZyxForCausalLM",))])
    MODEL_FOR_SMELL_DETECTION_MAPPING_NAMES = OrderedDict([("zyx", "ZyxForSmellDetection")])
    MODEL_FOR_SMELL_DETECTION_MAPPING = _LazyAutoMapping(CONFIG_MAPPING_NAMES, MODEL_FOR_SMELL_DETECTION_MAPPING_NAMES)

    class AutoModelForSmellDetection:
        _model_mapping = MODEL_FOR_SMELL_DETECTION_MAPPING
"""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty environment: the first folder of `sys.path`, and an empty cache folder."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.setattr(environment, "_cache_folder", lambda: tmp_path / "cache")
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.delitem(sys.modules, "transformers", raising=False)
    return folder


def install(site: Path, name: str, version: str, entry_points: str = "") -> None:
    metadata = site / f"{name}-{version}.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    (metadata / "entry_points.txt").write_text(textwrap.dedent(entry_points))


def install_transformers(site: Path, version: str, modeling: str = MODELING) -> None:
    install(site, "transformers", version)
    folder = site / "transformers" / "models" / "auto"
    folder.mkdir(parents=True)
    (folder / "modeling_auto.py").write_text(textwrap.dedent(modeling))
    (site / "transformers" / "__init__.py").write_text("raise RuntimeError('transformers was imported')")


@pytest.mark.parametrize(
    ("version", "than", "expected"),
    [
        ("5.24.0", "5.23.0", True),
        ("5.23.0", "5.23.0", False),
        ("5.100", "5.23.0", True),
        ("5.24.0.dev0", "5.23.0", True),
        ("4.57.6", "5.23.0", False),
        ("5.23", "5.23.0", False),
        ("odd", "5.23.0", False),
    ],
)
def test_releases_are_compared_by_their_numbers(version: str, than: str, expected: bool) -> None:
    assert is_newer(version, than) is expected


def test_a_newer_transformers_adds_what_it_maps_without_being_imported(site: Path) -> None:
    install_transformers(site, "5.99.0")
    shipped = shipped_registry()

    registry = adapt_to_environment(shipped)

    decision = decide(repo("ZyxForCausalLM", "zyx"), registry)
    assert (decision.task, decision.model_class) == ("text-generation", "AutoModelForCausalLM")
    assert "needs transformers >= 5.99.0" in decision.notes
    decision = decide(repo("ZyxForSmellDetection", "zyx"), registry)
    assert (decision.task, decision.model_class) == ("smell-detection", "AutoModelForSmellDetection")
    assert decide(repo("BertForMaskedLM", "bert"), registry).model_class == "AutoModelForMaskedLM"
    assert registry.versions["transformers"] == "5.99.0"
    assert registry.digest() != shipped.digest()
    assert "transformers" not in sys.modules


def test_mappings_are_cached_by_version(site: Path, tmp_path: Path) -> None:
    install_transformers(site, "5.99.0")
    first = adapt_to_environment(shipped_registry())
    (site / "transformers" / "models" / "auto" / "modeling_auto.py").unlink()

    assert adapt_to_environment(shipped_registry()).digest() == first.digest()
    assert (tmp_path / "cache" / "transformers-5.99.0.json").exists()


@pytest.mark.parametrize("version", ["5.23.0", "4.57.6"])
def test_a_release_that_is_not_newer_changes_nothing(version: str, site: Path) -> None:
    install_transformers(site, version, "this is no Python")

    assert adapt_to_environment(shipped_registry()) is shipped_registry()


@pytest.mark.parametrize(
    "modeling", ["MODEL_MAPPING_NAMES = make_it_up()", "this is no Python", "MODEL_MAPPING_NAMES = {'a': 1}"]
)
def test_a_release_in_an_unsupported_form_is_ignored_with_a_warning(
    modeling: str, site: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    install_transformers(site, "5.99.0", modeling)

    assert adapt_to_environment(shipped_registry()) is shipped_registry()
    assert "cannot read the auto mappings of transformers 5.99.0" in caplog.text
    assert not (tmp_path / "cache" / "transformers-5.99.0.json").exists()


PLUGIN = """
    from registry.extension import Extension

    MINE = Extension(name="mine", aliases={"sniffing": "fill-mask"})

    def other():
        return Extension(name="other", aliases={"sniffing": "translation"})

    WRONG = {"aliases": {}}
"""


def _install_plugin(site: Path, lines: str) -> None:
    (site / "nose_plugin.py").write_text(textwrap.dedent(PLUGIN))
    install(site, "nose", "1.0", f"[hubresolve.registry]\n{lines}\n")


def test_a_plugin_extends_the_registry(site: Path) -> None:
    _install_plugin(site, "mine = nose_plugin:MINE")

    assert adapt_to_environment(shipped_registry()).find_task("sniffing") == "fill-mask"


def test_a_plugin_may_be_a_function(site: Path) -> None:
    _install_plugin(site, "other = nose_plugin:other")

    assert adapt_to_environment(shipped_registry()).find_task("sniffing") == "translation"


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ("a = nose_plugin:MINE\nb = nose_plugin:other", "'mine' and 'other' contradict each other"),
        ("a = nose_plugin:WRONG", "provides a dict, not an Extension"),
        ("a = nose_plugin:NOTHING", "cannot be loaded"),
        ("a = no_such_module:MINE", "cannot be loaded"),
    ],
)
def test_a_plugin_that_cannot_be_used_is_named(lines: str, reason: str, site: Path) -> None:
    _install_plugin(site, lines)

    with pytest.raises(ExtensionError) as caught:
        adapt_to_environment(shipped_registry())

    assert reason in str(caught.value)


def test_the_environment_is_inspected_again_only_after_it_changed(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    adapt_to_environment(shipped_registry())
    with monkeypatch.context() as patch:
        patch.setattr("importlib.metadata.entry_points", lambda **_: pytest.fail("inspected again"))
        assert adapt_to_environment(shipped_registry()) is shipped_registry()

    _install_plugin(site, "mine = nose_plugin:MINE")

    assert adapt_to_environment(shipped_registry()).find_task("sniffing") == "fill-mask"


@pytest.mark.parametrize("content", ["", "[]", "{", '{"state": 1}', json.dumps({"state": []})])
def test_a_damaged_cache_is_ignored(content: str, site: Path, tmp_path: Path) -> None:
    install_transformers(site, "5.99.0")
    adapt_to_environment(shipped_registry())
    written = sorted((tmp_path / "cache").iterdir())
    assert len(written) == 2
    for path in written:
        path.write_text(content)

    assert decide(repo("ZyxForCausalLM", "zyx"), adapt_to_environment(shipped_registry())).task == "text-generation"


def test_a_cache_that_cannot_be_written_is_ignored(site: Path, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file, not a folder")
    install_transformers(site, "5.99.0")

    assert adapt_to_environment(shipped_registry()).versions["transformers"] == "5.99.0"


def test_old_environments_leave_the_cache(site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "MAX_CACHED_ENVIRONMENTS", 2)
    cache = tmp_path / "cache"
    cache.mkdir()
    for number in range(4):
        old = cache / f"environment-{number:08x}.json"
        old.write_text("{}")
        os.utime(old, (number, number))
    adapt_to_environment(shipped_registry())
    left = sorted(file.name for file in cache.glob("environment-*.json"))
    assert len(left) == 2 and "environment-00000003.json" in left
