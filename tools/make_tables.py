"""Writes `registry/tables/*.json` from the source code of model libraries, or checks the shipped files against it.

    python tools/make_tables.py [--wheels DIR] [--only NAME]... [--check]

A library is read where it is installed, else from a wheel in `--wheels`; none is imported. The wheels of older
transformers releases give the historical part of `transformers.json`; without them it is kept as shipped:

    pip download --no-deps transformers==4.40.2 -d DIR     # and the last patch of each later minor release

The Hub's list of libraries comes with no Python package. It is read from releases of an npm package in `--wheels`:

    npm pack @huggingface/tasks@0.21.35 --pack-destination DIR     # and a later release

`--check` prints the rows that differ and exits with 1 if there are any. A library that is not found is reported and
skipped; if none is found, the exit code is 2.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from registry.releases.diffusers import diffusers_table
from registry.releases.peft import peft_table
from registry.releases.sentence_transformers import sentence_transformers_table
from registry.releases.sources import Source, find_source, find_wheels
from registry.releases.transformers import transformers_table
from tools.tables_gguf import gguf_table
from tools.tables_hub_libraries import find_tasks_packages, hub_libraries_table
from tools.tables_json import compare, render
from tools.tables_transformers_history import KEYS as HISTORY, history_table

TABLES = Path(__file__).resolve().parent.parent / "registry" / "tables"
Table = dict[str, object]


class NotFoundError(Exception):
    """The library of a table is neither installed nor among the wheels."""


def main(arguments: list[str] | None = None) -> int:
    """The exit code: 0 written or no differences, 1 differences, 2 a library is missing (with `--check`: all are)."""
    options = _parse_arguments(arguments)
    difference_count = made_count = 0
    for name in options.only or MAKERS:
        path = TABLES / f"{name}.json"
        shipped: Table = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        try:
            fresh = MAKERS[name](options.wheels, shipped)
        except NotFoundError as error:
            print(f"{path.name}: skipped: {error}", file=sys.stderr)
            if not options.check:
                return 2
            continue
        made_count += 1
        if not options.check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(render(fresh), encoding="utf-8")
            (TABLES / "made.json").write_text(render({"on": date.today().isoformat()}), encoding="utf-8")
            print(f"{path.name}: written")
            continue
        lines = sorted(compare(shipped, json.loads(render(fresh))))
        difference_count += len(lines)
        print(f"{path.name}: {f'{len(lines)} differences' if lines else 'agrees'}", *lines, sep="\n  ")
    return 1 if difference_count else 0 if made_count else 2


def _transformers(wheels: Path | None, shipped: Table) -> Table:
    source = _find_source("transformers", "transformers", wheels)
    older = find_wheels("transformers", wheels)
    if older:
        return transformers_table(source) | history_table(source, older)
    if not shipped.keys() >= set(HISTORY):
        raise NotFoundError("no older transformers releases are among the wheels")
    if shipped["version"] != source.version:
        print(
            f"transformers.json: history is kept from {shipped['version']}; use --wheels to update it",
            file=sys.stderr,
        )
    return transformers_table(source) | {key: shipped[key] for key in HISTORY}


def _diffusers(wheels: Path | None, _: Table) -> Table:
    return diffusers_table(_find_source("diffusers", "diffusers", wheels))


def _gguf(wheels: Path | None, _: Table) -> Table:
    return gguf_table(_find_source("transformers", "transformers", wheels), _find_source("gguf", "gguf", wheels))


def _sentence_transformers(wheels: Path | None, _: Table) -> Table:
    return sentence_transformers_table(_find_source("sentence-transformers", "sentence_transformers", wheels))


def _peft(wheels: Path | None, _: Table) -> Table:
    return peft_table(_find_source("peft", "peft", wheels))


def _hub_libraries(wheels: Path | None, _: Table) -> Table:
    archives = find_tasks_packages(wheels)
    if not archives:
        raise NotFoundError("the npm package @huggingface/tasks is not among the wheels")
    return hub_libraries_table(archives)


MAKERS: dict[str, Callable[[Path | None, Table], Table]] = {
    "transformers": _transformers,
    "diffusers": _diffusers,
    "gguf": _gguf,
    "sentence_transformers": _sentence_transformers,
    "peft": _peft,
    "hub_libraries": _hub_libraries,
}


def _find_source(distribution: str, package: str, wheels: Path | None) -> Source:
    source = find_source(distribution, package, wheels)
    if source is None:
        raise NotFoundError(f"{distribution} is neither installed nor among the wheels")
    return source


def _parse_arguments(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Write or check the tables of registry/tables/.")
    parser.add_argument("--wheels", type=Path, help="folder with wheels of older transformers releases, and of gguf")
    parser.add_argument("--only", action="append", choices=sorted(MAKERS), help="only this table; may be repeated")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if a shipped table differs")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
