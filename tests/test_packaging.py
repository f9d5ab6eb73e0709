"""The packages that are published: complete, checked, the same at each build, and with tests that run."""

from __future__ import annotations

import email
import hashlib
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.resolver.support import ROOT

PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]

NOT_IN_ALL = {"all", "docs", "test", "ray"}
"""Extras for those who work on the project, and for a cluster: Ray is larger than all the others."""


def run(*line: str | Path, folder: Path) -> str:
    done = subprocess.run(line, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def build(output: Path) -> dict[str, Path]:
    """Build both packages; the wheel from the source archive. Suffix -> file."""
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", output, folder=ROOT)
    return {path.suffix: path for path in output.iterdir()}


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return build(tmp_path_factory.mktemp("dist"))


@pytest.mark.slow
def test_the_packages_pass_the_checks_of_the_index(packages: dict[str, Path]) -> None:
    run(sys.executable, "-m", "twine", "check", "--strict", *packages.values(), folder=ROOT)
    run(sys.executable, "-m", "check_wheel_contents", packages[".whl"], folder=ROOT)


@pytest.mark.slow
def test_two_builds_are_the_same(packages: dict[str, Path], tmp_path: Path) -> None:
    again = build(tmp_path)
    digests = [
        [hashlib.sha256(files[end].read_bytes()).hexdigest() for end in (".gz", ".whl")] for files in (packages, again)
    ]
    assert digests[0] == digests[1]


@pytest.mark.slow
def test_the_wheel_has_the_packages_and_their_data_alone(packages: dict[str, Path]) -> None:
    names = zipfile.ZipFile(packages[".whl"]).namelist()
    tops = {name.partition("/")[0] for name in names}
    assert tops == {"registry", "store", "resolver", f"hubresolve-{PROJECT['version']}.dist-info"}
    data = {"demo.jsonl.gz", "practice.jsonl"}
    assert {"resolver/py.typed", "registry/tables/transformers.json"} <= set(names)
    assert {f"resolver/local_hub/data/{name}" for name in data} <= set(names)


@pytest.mark.slow
def test_the_page_of_the_index_has_no_dead_link(packages: dict[str, Path]) -> None:
    with zipfile.ZipFile(packages[".whl"]) as wheel:
        metadata = email.message_from_bytes(wheel.read(f"hubresolve-{PROJECT['version']}.dist-info/METADATA"))
    page = str(metadata.get_payload())
    assert page.startswith("# hubresolve")
    outside_code = re.sub(r"^```.*?^```$", "", page, flags=re.MULTILINE | re.DOTALL)
    assert [target for target in re.findall(r"\]\(([^)]+)\)", outside_code) if not target.startswith("https:")] == []


@pytest.mark.slow
def test_tests_run_from_the_source_archive(packages: dict[str, Path], tmp_path: Path) -> None:
    with tarfile.open(packages[".gz"]) as archive:
        archive.extractall(tmp_path, filter="data")
    (folder,) = tmp_path.iterdir()
    assert (folder / "examples" / "plugin" / "pyproject.toml").exists()
    part = ("tests/store/test_sqlite.py", "tests/resolver/test_properties.py", "tests/documents/test_links.py")
    printed = run(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *part, folder=folder)
    assert re.search(r"\d+ passed", printed)


def test_the_extra_all_has_every_extra_for_users() -> None:
    extras = PROJECT["optional-dependencies"]
    (inner,) = (text for text in extras["all"] if text.startswith("hubresolve["))
    assert set(inner.removeprefix("hubresolve[").removesuffix("]").split(",")) == extras.keys() - NOT_IN_ALL


def test_the_pythons_that_are_named_are_those_that_ci_runs() -> None:
    named = {text.rpartition(" ")[2] for text in PROJECT["classifiers"] if re.search(r"Python :: 3\.\d+$", text)}
    (listed,) = re.findall(r"^pythons=\((.*)\)$", (ROOT / ".ci" / "run").read_text("utf-8"), re.MULTILINE)
    assert set(listed.split()) == named
    assert f">={min(named, key=lambda version: int(version.partition('.')[2]))}" == PROJECT["requires-python"]
