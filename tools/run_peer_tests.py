"""Runs a peer's own tests with its `TasksManager` and with ours in its place, and prints the table for the docs.

    python -m tools.run_peer_tests CHECKOUT [--python PYTHON] [-k EXPRESSION] [TESTS ...]

CHECKOUT is a checkout of the git repository of optimum or optimum-onnx at the tag of the installed release. PYTHON has
that release, pytest, parameterized and this project (default: this Python). The models that the tests name are tiny,
with random weights, and served by the local Hub under the same ids; nothing is fetched from elsewhere. TESTS are paths
in the checkout (default: tests/exporters). Both sides run at the same time. The exit code is 1 if a test passes with
theirs and not with ours.

A long run can be done in pieces: with --reports FOLDER the table counts what earlier runs have left there as well.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO

from resolver.local_hub.server.process import start_process

ROOT = Path(__file__).resolve().parents[1]
PASSED, FAILED, SKIPPED = "passed", "failed", "skipped"
SIDES = ("theirs", "ours")

Outcomes = Mapping[tuple[str, str], str]
"""(file, test) -> outcome."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkout", type=Path)
    parser.add_argument("tests", nargs="*", default=["tests/exporters"])
    parser.add_argument("--python", default=sys.executable, help="a Python that has the peer, pytest and this project")
    parser.add_argument("-k", dest="expression", default="", help="run only matching tests, as pytest's -k")
    parser.add_argument("--models", type=Path, help="a folder for the tiny models, which is used again if it is there")
    parser.add_argument("--reports", type=Path, help="a folder that keeps the outcomes, and adds those that it has")
    options = parser.parse_intermixed_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.models or Path(scratch) / "models"
        if not folder.is_dir():
            _run([options.python, "-m", "tools.peer_models", str(options.checkout.resolve()), str(folder)], ROOT, {})
        reports = (options.reports or Path(scratch) / "reports").resolve()
        with start_process(folder=folder) as hub, ThreadPoolExecutor() as threads:
            runs = [threads.submit(_run_side, side, options, hub.endpoint, Path(scratch), reports) for side in SIDES]
            for run in runs:
                run.result()
        results = {side: read_reports(reports / side) for side in SIDES}
    lost = [test for test, outcome in results["theirs"].items() if outcome == PASSED != results["ours"].get(test)]
    sys.stdout.write(render_table(results))
    sys.stdout.write("".join(f"passes with theirs only: {file} {test}\n" for file, test in lost))
    return 1 if lost else 0


def _run_side(side: str, options: argparse.Namespace, endpoint: str, scratch: Path, reports: Path) -> None:
    """Run the tests with one class; the report is named after what was chosen, so that a piece replaces itself."""
    own = scratch / side
    own.mkdir()
    # Commands that the tests start are Pythons of their own: they get the same class.
    (own / "sitecustomize.py").write_text("import tools.peer_plugin\n")
    piece = hashlib.sha256(repr((options.expression, options.tests)).encode()).hexdigest()[:12]
    line = [options.python, "-m", "pytest", "-q", "-p", "tools.peer_plugin"]
    line += [f"--junitxml={reports / side / f'{piece}.xml'}", "-k", options.expression, *options.tests]
    (reports / side).mkdir(parents=True, exist_ok=True)
    log = reports / side / f"{piece}.log"
    with log.open("wb") as output:
        code = _run(line, options.checkout, _build_environment(own, endpoint, side, options.python), output)
    lines = log.read_text("utf-8", "replace").splitlines()
    if code not in (0, 1):
        end = "\n".join(lines[-30:])
        raise SystemExit(f"{end}\nthe tests could not be run with {side}: pytest's exit code is {code}")
    sys.stderr.write(f"{side}: {''.join(lines[-1:])}\n")


def _build_environment(scratch: Path, endpoint: str, side: str, python: str) -> dict[str, str]:
    return {
        # A test that runs `python3` means the same Python.
        "PATH": os.pathsep.join((str(Path(python).absolute().parent), os.environ.get("PATH", ""))),
        "HF_ENDPOINT": endpoint,
        "HF_HOME": str(scratch / "hf"),
        "HF_HUB_DISABLE_XET": "1",
        "HUBRESOLVE_STORE": str(scratch / "store.sqlite3"),
        "HUBRESOLVE_PEER_CLASS": side,
        "RUN_SLOW": "1",
        "PYTHONPATH": os.pathsep.join((str(scratch), str(ROOT))),
        # The installed package is tested, not that of the checkout.
        "PYTHONSAFEPATH": "1",
        # A test that needs a GPU or the network of the Hub is skipped or fails on both sides.
        "CUDA_VISIBLE_DEVICES": "",
    }


def _run(line: list[str], folder: Path, environment: Mapping[str, str], output: BinaryIO | None = None) -> int:
    return subprocess.run(  # noqa: S603  # the line is built here
        line, cwd=folder, env={**os.environ, **environment}, check=False, stdout=output, stderr=output
    ).returncode


def read_reports(folder: Path) -> Outcomes:
    """The outcomes in pytest's JUnit reports in a folder; the newest counts."""
    found = {}
    for path in sorted(folder.glob("*.xml"), key=lambda path: path.stat().st_mtime):
        # pytest wrote the files.
        for case in ElementTree.parse(path).iter("testcase"):  # noqa: S314
            kinds = {child.tag for child in case}
            outcome = FAILED if kinds & {"failure", "error"} else SKIPPED if "skipped" in kinds else PASSED
            found[case.get("classname", ""), case.get("name", "")] = outcome
    return found


def render_table(results: Mapping[str, Outcomes]) -> str:
    """A Markdown table: for each class of tests, how many there are and how many pass on each side."""
    groups = sorted({group for outcomes in results.values() for group, _ in outcomes})
    lines = ["| tests | run | pass with theirs | pass with ours |", "|---|---|---|---|"]
    for group in groups:
        counts = {
            side: Counter(outcome for (name, _), outcome in outcomes.items() if name == group)
            for side, outcomes in results.items()
        }
        run = counts["theirs"][PASSED] + counts["theirs"][FAILED]
        lines.append(f"| {group} | {run} | {counts['theirs'][PASSED]} | {counts['ours'][PASSED]} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
