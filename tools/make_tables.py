"""Writes `registry/tables/*.json` from the model libraries' own source, or checks that the shipped files still agree.

    python tools/make_tables.py [--wheels DIR] [--only NAME]... [--check]

Libraries are read where they are installed, else from a wheel in `--wheels`; none is imported. The wheels of older
transformers releases give the historic part of `transformers.json`, which is kept as shipped where there are none:

    pip download --no-deps transformers==4.40.2 -d DIR     # and the last patch of each later minor release

`--check` prints the names that differ and exits 1 if any do. A library that cannot be found is said and passed over;
where none is found nothing was checked, which is exit code 2.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tools.tables_diffusers import diffusers_table
from tools.tables_gguf import gguf_table
from tools.tables_json import compare, render
from tools.tables_peft import peft_table
from tools.tables_sentence_transformers import sentence_transformers_table
from tools.tables_sources import Source, find_source, find_wheels
from tools.tables_transformers import transformers_table
from tools.tables_transformers_history import KEYS as HISTORY, history_table

TABLES = Path(__file__).resolve().parent.parent / "registry" / "tables"
Table = dict[str, object]


class NotFoundError(Exception):
    """Source that a table is made from is neither installed nor among the wheels."""


def main(arguments: list[str] | None = None) -> int:
    """Exit code: 0 written or nothing differs, 1 something differs, 2 a library is missing (when checking: all are)."""
    options = _parse_arguments(arguments)
    differences = made = 0
    for name in options.only or MAKERS:
        path = TABLES / f"{name}.json"
        shipped: Table = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        try:
            fresh = MAKERS[name](options.wheels, shipped)
        except NotFoundError as error:
            print(f"{path.name}: not made, {error}", file=sys.stderr)
            if not options.check:
                return 2
            continue
        made += 1
        if not options.check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(render(fresh), encoding="utf-8")
            print(f"{path.name}: written")
            continue
        lines = sorted(compare(shipped, json.loads(render(fresh))))
        differences += len(lines)
        print(f"{path.name}: {f'{len(lines)} differences' if lines else 'agrees'}", *lines, sep="\n  ")
    return 1 if differences else 0 if made else 2


def _transformers(wheels: Path | None, shipped: Table) -> Table:
    source = _source("transformers", "transformers", wheels)
    older = find_wheels("transformers", wheels)
    if older:
        return transformers_table(source) | history_table(source, older)
    if not shipped.keys() >= set(HISTORY):
        raise NotFoundError("the releases before it are not among the wheels")
    if shipped["version"] != source.version:
        print(
            f"transformers.json: history kept as of {shipped['version']}; --wheels is needed to renew it",
            file=sys.stderr,
        )
    return transformers_table(source) | {key: shipped[key] for key in HISTORY}


def _diffusers(wheels: Path | None, _: Table) -> Table:
    return diffusers_table(_source("diffusers", "diffusers", wheels))


def _gguf(wheels: Path | None, _: Table) -> Table:
    return gguf_table(_source("transformers", "transformers", wheels), _source("gguf", "gguf", wheels))


def _sentence_transformers(wheels: Path | None, _: Table) -> Table:
    return sentence_transformers_table(_source("sentence-transformers", "sentence_transformers", wheels))


def _peft(wheels: Path | None, _: Table) -> Table:
    return peft_table(_source("peft", "peft", wheels))


MAKERS: dict[str, Callable[[Path | None, Table], Table]] = {
    "transformers": _transformers,
    "diffusers": _diffusers,
    "gguf": _gguf,
    "sentence_transformers": _sentence_transformers,
    "peft": _peft,
}


def _source(distribution: str, package: str, wheels: Path | None) -> Source:
    source = find_source(distribution, package, wheels)
    if source is None:
        raise NotFoundError(f"{distribution} is neither installed nor among the wheels")
    return source


def _parse_arguments(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Write or check the tables of registry/tables/.")
    parser.add_argument("--wheels", type=Path, help="folder with wheels of older transformers releases, and of gguf")
    parser.add_argument("--only", action="append", choices=sorted(MAKERS), help="this table alone; may be repeated")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if a shipped table differs")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
