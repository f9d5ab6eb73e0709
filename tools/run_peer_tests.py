"""Runs a peer's own tests with its `TasksManager` and with ours in its place, and prints the table for the docs.

    python -m tools.run_peer_tests CHECKOUT [--python PYTHON] [-k EXPRESSION] [TESTS ...]

CHECKOUT is a checkout of the git repository of optimum or optimum-onnx at the tag of the installed release. PYTHON has
that release, pytest, parameterized and this project (default: this Python). The models that the tests name are tiny,
with random weights, and served by the local Hub under the same ids; nothing is fetched from elsewhere. TESTS are paths
in the checkout (default: tests/exporters). The exit code is 1 if a test passes with theirs and not with ours.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

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
    options = parser.parse_intermixed_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.models or Path(scratch) / "models"
        if not folder.is_dir():
            _run([options.python, "-m", "tools.peer_models", str(options.checkout.resolve()), str(folder)], ROOT, {})
        with start_process(folder=folder) as hub:
            results = {}
            for side in SIDES:
                report = Path(scratch) / f"{side}.xml"
                line = [options.python, "-m", "pytest", "-q", "-p", "tools.peer_plugin", f"--junitxml={report}"]
                line += ["-k", options.expression, *options.tests]
                _run(line, options.checkout, _build_environment(Path(scratch) / side, hub.endpoint, side))
                results[side] = read_report(report)
    lost = [test for test, outcome in results["theirs"].items() if outcome == PASSED != results["ours"].get(test)]
    sys.stdout.write(render_table(results))
    sys.stdout.write("".join(f"passes with theirs only: {file} {test}\n" for file, test in lost))
    return 1 if lost else 0


def _build_environment(scratch: Path, endpoint: str, side: str) -> dict[str, str]:
    return {
        "HF_ENDPOINT": endpoint,
        "HF_HOME": str(scratch / "hf"),
        "HF_HUB_DISABLE_XET": "1",
        "HUBRESOLVE_STORE": str(scratch / "store.sqlite3"),
        "HUBRESOLVE_PEER_CLASS": side,
        "RUN_SLOW": "1",
        "PYTHONPATH": str(ROOT),
        # The installed package is tested, not that of the checkout.
        "PYTHONSAFEPATH": "1",
        # A test that needs a GPU or the network of the Hub is skipped or fails on both sides.
        "CUDA_VISIBLE_DEVICES": "",
    }


def _run(line: list[str], folder: Path, environment: Mapping[str, str]) -> None:
    subprocess.run(  # noqa: S603  # the line is built here
        line, cwd=folder, env={**os.environ, **environment}, check=False
    )


def read_report(path: Path) -> Outcomes:
    """The outcomes in a JUnit report of pytest."""
    found = {}
    # pytest wrote the file a moment ago.
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
