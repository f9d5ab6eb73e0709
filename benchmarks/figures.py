"""Runs benchmarks of docs/figures.md several times, and prints each ratio with its spread, as a table for that page.

    python benchmarks/figures.py [--runs 5] [--only bulk --only warm] [--scale 1.0] [--json FILE]

Each run is a process of its own. The benchmarks take turns, so that a slow minute of the machine does not fall on one
of them alone. A ratio is the peer's time divided by ours: above 1, hubresolve is faster. `--scale 0.1` measures a
tenth of the repos and models, to try the program itself; do not quote the figures of such a run.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

FOLDER = Path(__file__).resolve().parent


def read_bulk(report: dict[str, Any]) -> Iterator[tuple[str, float]]:
    for row in report["rows"]:
        if row["ratio"] is not None:
            yield f"{row['what']}, a Hub {row['latency_ms']:.0f} ms away / {row['peer']}", row["ratio"]


def read_warm(report: dict[str, Any]) -> Iterator[tuple[str, float]]:
    for row in report["rows"]:
        if row["ratio"] is not None:
            yield f"{row['what']}, {row['repos']:,} repos / {row['peer']}", row["ratio"]


def read_single(report: dict[str, Any]) -> Iterator[tuple[str, float]]:
    yield from report["ratio"].items()


def read_loading(report: dict[str, Any]) -> Iterator[tuple[str, float]]:
    first = report["rows"][0]["what"]
    for row in report["rows"]:
        if row["what"] != first:
            yield f"{row['what']}, {row['state']} / {first}", row["ratio"]


@dataclass(frozen=True)
class Benchmark:
    """A program, how many repos or models it measures, and how the ratios are read from its report."""

    program: str
    size_option: str
    size: int
    read: Callable[[dict[str, Any]], Iterator[tuple[str, float]]]
    options: tuple[str, ...] = ()

    def build_arguments(self, scale: float) -> list[str]:
        return [self.program, self.size_option, str(max(10, round(self.size * scale))), *self.options]


BENCHMARKS = {
    "bulk": Benchmark("bulk.py", "--repos", 1_000, read_bulk),
    "warm": Benchmark("bulk.py", "--repos", 30_000, read_warm, ("--large",)),
    "single": Benchmark("single.py", "--repos", 5_000, read_single),
    "loading": Benchmark("loading.py", "--models", 50, read_loading),
}


@dataclass(frozen=True)
class Spread:
    command: str
    what: str
    ratios: list[float]

    def format(self) -> str:
        lowest, middle, highest = min(self.ratios), median(self.ratios), max(self.ratios)
        return f"| `{self.command}` | {self.what} | {middle:.2f} | {lowest:.2f} | {highest:.2f} |"


def run_once(benchmark: Benchmark, scale: float, report: Path) -> dict[str, Any]:
    program, *arguments = benchmark.build_arguments(scale)
    # What a benchmark prints goes to standard error, so that standard output is the table alone.
    command = [sys.executable, str(FOLDER / program), *arguments, "--json", str(report)]
    subprocess.run(command, check=True, stdout=sys.stderr)
    found: dict[str, Any] = json.loads(report.read_text("utf-8"))
    return found


def measure_all(names: list[str], runs: int, scale: float) -> list[Spread]:
    ratios: dict[tuple[str, str], list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for number in range(runs):
            for name in names:
                print(f"run {number + 1} of {runs}: {name}", file=sys.stderr, flush=True)
                benchmark = BENCHMARKS[name]
                report = run_once(benchmark, scale, Path(folder) / "report.json")
                command = " ".join(benchmark.build_arguments(scale))
                for what, ratio in benchmark.read(report):
                    ratios.setdefault((command, what), []).append(ratio)
    return [Spread(command, what, found) for (command, what), found in ratios.items()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--only", action="append", choices=tuple(BENCHMARKS), help="may be given several times")
    parser.add_argument("--scale", type=float, default=1.0, help="a share of the usual number of repos and models")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    if options.runs < 1 or options.scale <= 0:
        parser.error("--runs and --scale must be above 0")
    spreads = measure_all(options.only or list(BENCHMARKS), options.runs, options.scale)
    print(f"| command | ours / the peer | median of {options.runs} | lowest | highest |\n|---|---|---|---|---|")
    for spread in spreads:
        print(spread.format())
    if options.json is not None:
        options.json.write_text(json.dumps([asdict(spread) for spread in spreads], indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
