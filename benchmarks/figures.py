"""Runs benchmarks several times in turns, and prints a table of each figure with its spread.

    python benchmarks/figures.py [--runs 5] [--only bulk|large|quota|single|loading] [--peer-python P] [--json FILE]

A figure is the median of the runs, beside the lowest and the highest: a rate of hubresolve in repos a second
(for `quota` the seconds), and its ratio to a peer that the same run measured. `--peer-python` is that of
`benchmarks/bulk.py`. On two idle cores five runs of all take about half an hour.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent

Figures = dict[tuple[str, str], list[float]]
"""The values of each figure, by what was measured and "rate", "seconds", or "of" and the peer."""

PLANS: dict[str, tuple[str, ...]] = {
    "bulk": ("bulk.py", "--latency-ms", "100", "--latency-ms", "20", "--latency-ms", "0"),
    "large": ("bulk.py", "--repos", "100000", "--large"),
    "quota": ("quota.py",),
    "single": ("single.py",),
    "loading": ("loading.py",),
}


def run_benchmark(name: str, peer_python: str | None) -> Any:
    """The report of a benchmark, run in a process of its own."""
    script, *options = PLANS[name]
    if name == "bulk" and peer_python is not None:
        options += ["--peer-python", peer_python]
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        command = [sys.executable, str(FOLDER / script), *options, "--json", str(report)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        return json.loads(report.read_text("utf-8"))


def list_figures(name: str, report: Any) -> Iterator[tuple[str, str, float]]:
    """What was measured, the kind of figure, and its value."""
    if name == "quota":
        for run in report:
            if run["best_s"]:
                yield run["what"], "seconds", run["seconds"]
                yield run["what"], "of the least time", run["seconds"] / run["best_s"]
    elif name == "single":
        for what, rate in report["repos_per_s"].items():
            yield what, "rate", rate
        for what, ratio in report["ratio"].items():
            asked, _, peer = what.partition(" / ")
            yield asked, f"of {peer}", ratio
    elif name == "loading":
        for row in report["rows"]:
            yield f"{row['what']}, {row['state']}", "seconds", row["seconds"]
            yield f"{row['what']}, {row['state']}", "times the loop", row["ratio"]
    else:
        for row in report["rows"]:
            what = f"{row['what']}, a Hub {row['latency_ms']:.0f} ms away"
            yield what, "rate", row["rate"]
            if row["ratio"] is not None:
                yield what, f"of {row['peer']}", row["ratio"]
        yield "store", "bytes a repo", report["store_bytes_per_listed_repo"]


def print_table(name: str, figures: Figures) -> None:
    """A Markdown table of a benchmark's figures."""
    print(f"\n{name}\n\n| what | figure | median | lowest to highest |\n|---|---|---|---|")
    for (what, kind), values in figures.items():
        spread = (min(values), statistics.median(values), max(values))
        low, middle, high = (f"{value:,.{0 if value >= 100 else 2}f}" for value in spread)
        print(f"| {what} | {kind} | {middle} | {low} to {high} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--only", choices=PLANS, action="append")
    parser.add_argument("--peer-python")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    names = options.only or list(PLANS)
    figures: dict[str, Figures] = {name: {} for name in names}
    for number in range(options.runs):
        for name in names:
            print(f"run {number + 1} of {options.runs}: {name}", file=sys.stderr, flush=True)
            for what, kind, value in list_figures(name, run_benchmark(name, options.peer_python)):
                # One rate may stand beside several peers.
                values = figures[name].setdefault((what, kind), [])
                if len(values) <= number:
                    values.append(value)
    for name in names:
        print_table(name, figures[name])
    if options.json is not None:
        lists = {
            name: [{"what": what, "kind": kind, "values": values} for (what, kind), values in found.items()]
            for name, found in figures.items()
        }
        options.json.write_text(json.dumps(lists, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
