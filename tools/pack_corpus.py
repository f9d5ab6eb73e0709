"""Writes the packed repo lists that tests and the demo read, from a JSONL of labelled repos.

    python tools/pack_corpus.py CORPUS.jsonl

Writes `tests/data/corpus.jsonl.gz` (every row) and `resolver/local_hub/data/demo.jsonl.gz` (400 varied rows).
The same input gives the same bytes.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[1]
CORPUS_PATH: Final = ROOT / "tests" / "data" / "corpus.jsonl.gz"
DEMO_PATH: Final = ROOT / "resolver" / "local_hub" / "data" / "demo.jsonl.gz"
DEMO_ROW_COUNT: Final = 400

Row = dict[str, Any]


def read_rows(path: Path) -> list[Row]:
    """All rows, in the order of the file."""
    with path.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines if line.strip()]


def get_kind(row: Row) -> tuple[str, str]:
    """The kind of a repo: group and library (`gguf` for GGUF files without a library, else "none")."""
    library = row.get("library_name") or ("gguf" if any(p.endswith(".gguf") for p in row["siblings"]) else "none")
    return row.get("group") or "", library


def get_variety(row: Row) -> str:
    """The model type and architecture (or pipeline class), by which repos of one kind differ."""
    config, model_index = row.get("config") or {}, row.get("model_index") or {}
    architectures = config.get("architectures") or [config.get("architecture") or model_index.get("_class_name")]
    return f"{config.get('model_type')}:{architectures[0]}"


def pick_demo(rows: list[Row], size: int) -> list[Row]:
    """`size` rows sorted by id, picked from every kind in turn, and within a kind from every architecture in turn.

    Rows are ordered by a hash of the id before the pick, so that it does not prefer the start of the alphabet.
    """
    kinds: dict[tuple[str, str], dict[str, list[Row]]] = defaultdict(lambda: defaultdict(list))
    for row in sorted(rows, key=lambda row: hashlib.sha256(row["id"].encode()).digest()):
        kinds[get_kind(row)][get_variety(row)].append(row)
    queues = [_take_round_robin(list(kinds[kind].values())) for kind in sorted(kinds)]
    return sorted(_take_round_robin(queues)[:size], key=lambda row: str(row["id"]))


def _take_round_robin(queues: list[list[Row]]) -> list[Row]:
    taken: list[Row] = []
    for turn in range(max(map(len, queues), default=0)):
        taken.extend(queue[turn] for queue in queues if turn < len(queue))
    return taken


def write_rows(rows: list[Row], path: Path) -> None:
    """Writes rows as gzipped JSONL, without time and name in the gzip header."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = (json.dumps(row, sort_keys=True, separators=(",", ":"), ensure_ascii=False) + "\n" for row in rows)
    path.write_bytes(gzip.compress("".join(lines).encode(), compresslevel=9, mtime=0))


def main(arguments: list[str] | None = None) -> int:
    """Packs the file given on the command line; the exit code is 0."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("corpus", type=Path)
    rows = read_rows(parser.parse_args(arguments).corpus)
    demo = pick_demo(rows, DEMO_ROW_COUNT)
    for picked, path in ((rows, CORPUS_PATH), (demo, DEMO_PATH)):
        write_rows(picked, path)
        print(f"{len(picked)} rows, {path.stat().st_size} bytes: {path.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
